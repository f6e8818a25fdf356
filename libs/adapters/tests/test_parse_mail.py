import base64
from email.message import EmailMessage

import pytest
from assay_adapters.parsers.attachments import ParseAttachment, nested
from assay_adapters.parsers.decoding import decode
from assay_adapters.parsers.email_message import parse_email
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.markdown import parse_markdown
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def parse_any(data: bytes, name: str, inner: ParseAttachment | None) -> ParsedDocument:
    if name.endswith(".eml"):
        return parse_email(data, name=name, limits=LIMITS, parse_attachment=inner)
    if not name.endswith((".md", ".txt")):
        raise Invalid(f"{name!r} cannot be read", code="unknown_type")
    return parse_markdown(decode(data, name=name).text)


def parse(message: EmailMessage | bytes) -> ParsedDocument:
    data = message if isinstance(message, bytes) else message.as_bytes()
    return parse_email(data, name="a.eml", limits=LIMITS, parse_attachment=nested(parse_any))


def pieces(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(e.kind.value, e.level, parsed.text[e.start : e.end]) for e in parsed.elements]


def mail(text: str = "Hello Bob.\n\n  - one\n  - two\n", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for key, value in {"From": "Ann <ann@x.org>", "To": "bob@x.org", "Subject": "Grüße", **headers}.items():
        message[key] = value
    message.set_content(text)
    return message


def test_a_message_has_its_headers_and_its_text() -> None:
    parsed = parse(mail(Date="Tue, 01 Oct 2024 12:34:56 -0500"))
    assert pieces(parsed) == [
        (
            "paragraph",
            0,
            "From: Ann <ann@x.org>\nTo: bob@x.org\nDate: Tue, 01 Oct 2024 12:34:56 -0500\nSubject: Grüße",
        ),
        ("paragraph", 0, "Hello Bob."),
        ("list", 0, "- one\n- two"),
    ]
    assert (parsed.title, parsed.media_type, parsed.warnings) == ("Grüße", "message/rfc822", ())


def test_plain_text_is_preferred_to_html() -> None:
    message = mail("plain")
    message.add_alternative("<p>html</p>", subtype="html")
    assert [text for _, _, text in pieces(parse(message))][1:] == ["plain"]


def test_html_is_read_where_there_is_no_plain_text() -> None:
    message = mail(" \n")
    message.add_alternative("<h1>Head</h1><p>html</p>", subtype="html")
    assert pieces(parse(message))[1:] == [("heading", 1, "Head"), ("paragraph", 0, "html")]


def test_attachments_are_named_and_their_text_follows() -> None:
    message = mail("body")
    message.add_attachment(b"# Part\n\ntext", maintype="text", subtype="markdown", filename="nötes.md")
    message.add_attachment(b"\0\1", maintype="image", subtype="png", filename="logo.png")
    parsed = parse(message)
    assert "Attachments: nötes.md, logo.png" in parsed.text
    assert pieces(parsed)[2:] == [
        ("heading", 2, "Attachment: nötes.md"),
        ("heading", 3, "Part"),
        ("paragraph", 0, "text"),
    ]
    assert parsed.warnings == ("attachment not read: 'logo.png' cannot be read",)


def test_attached_messages_are_read_three_deep() -> None:
    message = mail("level 10")
    for level in range(9, -1, -1):
        outer = mail(f"level {level}", Subject=f"S{level}")
        outer.add_attachment(message)
        message = outer
    parsed = parse(message)
    assert [text for _, _, text in pieces(parsed) if text.startswith("level")] == [f"level {n}" for n in range(4)]
    assert any("levels of attachments" in warning for warning in parsed.warnings)


def test_more_attachments_than_the_limit_are_left_out() -> None:
    message = mail("body")
    for number in range(60):
        message.add_attachment(b"text", maintype="text", subtype="plain", filename=f"{number}.txt")
    parsed = parse(message)
    assert sum(e.level == 2 for e in parsed.elements) == 50
    assert "49.txt, 10 more" in parsed.text
    assert parsed.warnings == ("only the first 50 of 60 attachments were read",)


def test_without_a_callback_attachments_are_only_named() -> None:
    message = mail("body")
    message.add_attachment(b"secret", maintype="text", subtype="plain", filename="a.txt")
    parsed = parse_email(message.as_bytes(), name="a.eml", limits=LIMITS)
    assert "a.txt" in parsed.text
    assert "secret" not in parsed.text


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("iso-2022-jp", "日本語"),
        ("koi8-r", "Привет"),
        ("windows-1255", "שלום"),
        ("nonsense", "plain ASCII"),
    ],
)
def test_bodies_are_read_in_their_encoding(charset: str, text: str) -> None:
    body = base64.b64encode(text.encode("ascii" if charset == "nonsense" else charset))
    head = (
        f"Subject: =?utf-8?b?eA==?=\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: base64\n\n"
    )
    parsed = parse(head.encode() + body)
    assert pieces(parsed)[1][2] == text
    assert parsed.title == "x"


def test_flowed_lines_are_joined() -> None:
    parsed = parse(b"Subject: x\nContent-Type: text/plain; format=flowed\n\nOne \nline.\nTwo\n")
    assert pieces(parsed)[1][2] == "One line.\nTwo"


@pytest.mark.parametrize("data", [b"", b"no mail at all", b"\xff\xfe\0\0", b"X-Other: 1\n\nbody"])
def test_what_is_no_mail_is_broken(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        parse(data)
    assert raised.value.code == "broken"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: message/rfc822\n\n",
        b"Content-Type: text/plain; charset*=x'y'%ff\n\ntext",
        b"Content-Type: text/plain; name*0*=a; name*1=\n\ntext",
        b"Content-Transfer-Encoding: base64\n\n!!!!",
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\nzzz",
        b"To: " + b"(" * 5000 + b"\n\ntext",
        b"To: =?utf-8?b?=====?= =?x?q?=ff?=\n\ntext",
        b'Content-Type: application/x; name="=?utf-8?q?\xff?="\n\n\0',
    ],
)
def test_damaged_messages_keep_what_can_be_read(rest: bytes) -> None:
    assert parse(b"Subject: Hi\n" + rest).title == "Hi"


def test_parts_nested_too_deeply_are_broken() -> None:
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1000))
    with pytest.raises(Invalid) as raised:
        parse(b"Subject: Hi\n" + parts)
    assert raised.value.code == "broken"
