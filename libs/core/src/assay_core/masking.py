"""Mask personal data in questions and answers of people before others read them.

Masked are e-mail addresses, phone numbers, IBANs and card numbers (with a right check digit), IP addresses, and names
after a title ("Dr Ann Lee" becomes "Dr [name]"); equal values are masked alike, so nothing tells two of them apart.

Not caught: names without a title, also those in e-mail signatures; postal addresses, dates of birth, numbers of staff,
passports, cars and accounts other than IBANs; phone numbers written without separators or as words; anything spelt out
or in pictures; what identifies somebody by what it tells. Who reviews a sample must still read it.
"""

import ipaddress
import re
from collections.abc import Callable

EMAIL, PHONE, IBAN, CARD, ADDRESS, NAME = "[e-mail]", "[phone]", "[IBAN]", "[card]", "[IP]", "[name]"

_EMAIL = re.compile(r"[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{1,4}){3,8}\b")
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_V4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_V6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
# "+49 30 123456", "0049-30-123456", "(030) 123 45 67", "030/1234567": a + or a leading 0, and separators.
_PHONE = re.compile(r"(?<![\w.])(?:\+\d{1,3}|\(?0\d{1,5}\)?)(?:[ ./-]?\(?\d{1,5}\)?){1,7}(?![\w])")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_TITLE = re.compile(
    r"\b(?P<title>(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Sir|Dame|Herrn?|Frau|Monsieur|Madame|Mme|Señora?|Sra?|Signora?|Dott)"
    r"\.?(?:[ ](?:Dr|Prof|med)\.?)*)"
    r"(?P<gap>[ ])(?:[^\W\d_a-z]\.|[^\W\d_a-z][\w'’-]*)"
    r"(?:[ ](?:(?:van|von|de|del|der|la|bin|al)[ ])*[^\W\d_a-z][\w'’-]+){0,2}"
)
_FEWEST_DIGITS = 7


def mask(text: str) -> str:
    """The text with personal data masked; see above for what that is."""
    text = _EMAIL.sub(EMAIL, text)
    text = _replaced(_IBAN, text, IBAN, _is_iban)
    text = _replaced(_CARD, text, CARD, _is_card)
    text = _replaced(_V4, text, ADDRESS, _is_address)
    text = _replaced(_V6, text, ADDRESS, _is_address)
    text = _replaced(_PHONE, text, PHONE, _is_phone)
    return _TITLE.sub(lambda found: f"{found['title']}{found['gap']}{NAME}", text)


def _replaced(pattern: re.Pattern[str], text: str, mark: str, is_one: Callable[[str], bool]) -> str:
    return pattern.sub(lambda found: mark if is_one(found[0]) else found[0], text)


def _is_iban(found: str) -> bool:
    """ISO 13616: letters as numbers, the first four characters last, modulo 97 leaves 1."""
    plain = found.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _is_card(found: str) -> bool:
    """Luhn's check digit, ISO/IEC 7812-1."""
    digits = [int(digit) for digit in found if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) >= 13 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_address(found: str) -> bool:
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    return found.strip(":") != ""


def _is_phone(found: str) -> bool:
    digits = sum(character.isdigit() for character in found)
    separated = found.startswith("+") or any(character in " ./-()" for character in found.strip())
    return digits >= _FEWEST_DIGITS and separated and not _DATE.fullmatch(found.strip())
