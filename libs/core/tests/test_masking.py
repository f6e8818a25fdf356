"""What is masked, and what must not be."""

import pytest
from assay_core.masking import mask
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ann.lee+x@mail.example.org now.", "Write to [e-mail] now."),
        ("Mein Konto ist DE89 3704 0044 0532 0130 00, bitte.", "Mein Konto ist [IBAN], bitte."),
        ("GB29NWBK60161331926819", "[IBAN]"),
        ("Card 4111 1111 1111 1111 was refused", "Card [card] was refused"),
        ("Amex 378282246310005", "Amex [card]"),
        ("From 192.168.0.17 and 2001:db8::ff00:42:8329", "From [IP] and [IP]"),
        ("Call +49 30 901820, or (030) 901 82 01.", "Call [phone], or [phone]."),
        ("Tel. 0044-20-7946-0958", "Tel. [phone]"),
        ("Ask Dr. Ann Lee about it", "Ask Dr. [name] about it"),
        ("Mrs O'Neill and Prof. Dr. Jan van der Berg left", "Mrs [name] and Prof. Dr. [name] left"),
        ("Frau Müller-Lüdenscheidt fragt", "Frau [name] fragt"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "How long is parental leave in 2026?",
        "The allowance is EUR 1,234.50 for 12 months, up from 0.5 %.",
        "It was on 01.02.2026, or 2026-02-01, at 07:30.",
        "Version 1.2.3 of chapter 10.4, RFC 9457, ISO 27001:2022",
        "Order 00123456 and card 4111 1111 1111 1112",
        "Konto DE89370400440532013001",
        "Is 999.1.1.1 an address? std::vector is none.",
        "The doctor said so. Mr went missing.",
    ],
)
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert mask(text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0 +-./()@aA:é\n", max_size=400))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


def test_long_hostile_text_takes_no_time() -> None:
    for piece in ("0 ", "a@", "1:", "A0 ", "Dr A", "(0", "+1 "):
        mask(piece * 5_000)
