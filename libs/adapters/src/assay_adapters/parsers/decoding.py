"""From bytes to text: byte order marks, UTF-8, declared and guessed encodings, and what is no text at all."""

import codecs
import re
from dataclasses import dataclass

from assay_core.errors import Invalid
from assay_core.file_types import READABLE

# The 32-bit marks come first: they begin with a 16-bit one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
GUESSED = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "iso8859_2", "koi8_r", "mac_roman"),
    *("cp932", "euc_jp", "iso2022_jp", "gb18030", "cp950", "cp949"),
]
_SAMPLE_BYTES = 64 * 1024
# Tabs, line and page ends and escape sequences occur in text files; these do not.
_ODD = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
# Searching for what is rare is ten times as fast as translating every character.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")


@dataclass(frozen=True, slots=True)
class DecodedText:
    """Text with `\\n` line ends and without control characters, and how its bytes were read."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, *, name: str, declared: str | None = None) -> DecodedText:
    """Decode a text file of any encoding.

    Args:
        declared: what the file says of itself (HTML's `<meta charset>`); believed if it fits.

    Raises:
        Invalid: unknown_type if the bytes are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding, name=name)
    wide = _wide_encoding(data[:_SAMPLE_BYTES])
    if wide:
        return _decoded(data, wide, name=name)
    for encoding in filter(None, ("utf-8", declared)):
        try:
            return _cleaned(data.decode(encoding), encoding, name=name)
        except (UnicodeDecodeError, LookupError):
            continue
    return _decoded(data, _guess(data), name=name)


def without_controls(text: str) -> str:
    """`text` without control characters, byte order marks and halves of surrogate pairs."""
    return _UNWANTED.sub(_replacement, text)


def _replacement(found: re.Match[str]) -> str:
    match found.group():
        case "\x85" | "\u2028" | "\u2029":
            return "\n"
        case "\ufeff":
            return ""
        case character:
            return "\ufffd" if "\ud800" <= character <= "\udfff" else " "


def is_binary(data: bytes) -> bool:
    """Whether the bytes cannot be text in any encoding that `decode` knows."""
    sample = data[:_SAMPLE_BYTES]
    return (
        b"\0" in sample
        and not sample.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"))
        and (_wide_encoding(sample) is None)
    )


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without a mark: most characters of a Latin text have a NUL on the same side."""
    if len(sample) < 4 or b"\0" not in sample:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > 0.4 * half and sample[0::2].count(0) < 0.05 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.4 * half and sample[1::2].count(0) < 0.05 * half:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str:
    if _mostly_utf8(data):
        return "utf-8"
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES], cp_isolation=GUESSED).best()
    if best is None or "cp1252" in best.could_be_from_charset:
        return "cp1252"
    return best.encoding


def _mostly_utf8(data: bytes) -> bool:
    """UTF-8 with a few damaged places, or cut in the middle of a character."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = sum(1 for character in text[:_SAMPLE_BYTES] if character > "\x7f")
    return damaged * 20 < beyond_ascii or damaged == 1


def _decoded(data: bytes, encoding: str, *, name: str) -> DecodedText:
    text = data.decode(encoding, "replace")
    damaged = text.count("\ufffd")
    warnings: list[str] = []
    if encoding != "utf-8":
        warnings.append(f"read as {encoding}")
    if damaged:
        warnings.append(f"{damaged} places do not fit {encoding} and were replaced")
    return _cleaned(text, encoding, name=name, warnings=tuple(warnings))


def _cleaned(text: str, encoding: str, *, name: str, warnings: tuple[str, ...] = ()) -> DecodedText:
    sample = text[:_SAMPLE_BYTES]
    if "\0" in sample or len(_ODD.findall(sample)) > max(2, 0.05 * len(sample)):
        raise Invalid(
            f"{name!r} is not text: it is full of control characters. Upload {READABLE}",
            code="unknown_type",
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = without_controls(text)
    if not text.strip():
        raise Invalid(f"{name!r} is empty: it holds only white space", code="empty")
    return DecodedText(text, encoding, warnings)
