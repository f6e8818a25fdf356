import base64
import struct
from email.message import EmailMessage

import pytest
from assay_adapters.parsers.attachments import ParseAttachment, nested
from assay_adapters.parsers.decoding import decode
from assay_adapters.parsers.email_message import parse_email
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.lzfu import decompress
from assay_adapters.parsers.markdown import parse_markdown
from assay_adapters.parsers.msg import parse_msg
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


Tree = dict[str, "bytes | Tree"]


def compound_file(tree: Tree) -> bytes:
    """An OLE container. Streams are filled up to 4096 bytes: shorter ones would need a second kind of sectors."""
    entries: list[bytes] = []
    sectors: list[bytes] = []
    chains: list[int] = []

    def store(data: bytes) -> int:
        first = len(sectors)
        sectors.extend(data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512))
        chains.extend([*range(first + 1, len(sectors)), 0xFFFFFFFE])
        return first

    def entry(name: str, kind: int, *, right: int, child: int, start: int, size: int) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        links = struct.pack("<HBBLLL", len(raw), kind, 1, 0xFFFFFFFF, right, child)
        return raw.ljust(64, b"\0") + links + bytes(36) + struct.pack("<LQ", start, size)

    def add(name: str, node: bytes | Tree, *, kind: int, last: bool) -> None:
        at = len(entries)
        entries.append(b"")
        start = size = 0
        child = 0xFFFFFFFF
        if isinstance(node, bytes):
            data = node.ljust(4096, b"\0")
            start, size = store(data), len(data)
        else:
            child = len(entries) if node else child
            for name_inner, inner in node.items():
                add(name_inner, inner, kind=2 if isinstance(inner, bytes) else 1, last=name_inner == list(node)[-1])
        entries[at] = entry(name, kind, right=0xFFFFFFFF if last else len(entries), child=child, start=start, size=size)

    add("Root Entry", tree, kind=5, last=True)
    directory = store(b"".join(entries))
    fat_sectors = len(sectors) // 127 + 1
    fat = struct.pack(f"<{len(chains)}L", *chains) + struct.pack("<L", 0xFFFFFFFD) * fat_sectors
    first_fat = len(sectors)
    sectors.extend([fat.ljust(512 * fat_sectors, b"\xff")])
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<LLLLLLLLL", fat_sectors, directory, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, first_fat)
    table = [*range(first_fat + 1, first_fat + fat_sectors)]
    return (head + struct.pack(f"<{len(table)}L", *table)).ljust(512, b"\xff") + b"".join(sectors)


def prop(identifier: int, value: str) -> Tree:
    return {f"__substg1.0_{identifier:04X}001F": value.encode("utf-16-le")}


def msg(subject: str, more: Tree, *, embedded: bool = False) -> Tree:
    sent_at = struct.pack("<HHLQ", 0x40, 0x39, 6, 133_000_000_000_000_000)
    head = b"\0" * (24 if embedded else 32)
    return {
        "__properties_version1.0": head + sent_at,
        **prop(0x0037, subject),
        **prop(0x0C1A, "Ann"),
        **prop(0x0C1F, "ann@x.org"),
        **prop(0x0E04, "Bob"),
        **more,
    }


def parse_tree(tree: Tree) -> ParsedDocument:
    return parse_msg(compound_file(tree), name="a.msg", limits=LIMITS, parse_attachment=nested(parse_any))


def test_an_outlook_message_has_its_headers_text_and_attachments() -> None:
    attached: Tree = {
        "__properties_version1.0": b"",
        **prop(0x3707, "part.md"),
        "__substg1.0_37010102": b"# Part\n\n" + b"text " * 1000,
    }
    parsed = parse_tree(msg("Grüße", {**prop(0x1000, "Hello Bob.\r\n"), "__attach_version1.0_#00000000": attached}))
    head, body, attachment, part, _ = pieces(parsed)
    assert head[2] == (
        "From: Ann <ann@x.org>\nTo: Bob\nDate: 2022-06-18 04:26 UTC\nSubject: Grüße\nAttachments: part.md"
    )
    assert [body, attachment, part] == [
        ("paragraph", 0, "Hello Bob."),
        ("heading", 2, "Attachment: part.md"),
        ("heading", 3, "Part"),
    ]
    assert (parsed.title, parsed.media_type) == ("Grüße", "application/vnd.ms-outlook")


@pytest.mark.parametrize(
    "body",
    [
        {"__substg1.0_10130102": "<p>Grüße</p>".encode("cp1252")},
        {"__substg1.0_1000001E": "Grüße".encode("cp1252")},
        {"__substg1.0_10090102": struct.pack("<LL4sL", 0, 28, b"MELA", 0) + rb"{\rtf1\ansi Gr\'fc\'dfe}"},
    ],
)
def test_other_bodies_are_read_where_there_is_no_text(body: Tree) -> None:
    assert pieces(parse_tree(msg("S", body)))[1:] == [("paragraph", 0, "Grüße")]


def test_messages_attached_to_messages_are_read_three_deep() -> None:
    tree = msg("S9", prop(0x1000, "level 9"), embedded=True)
    for level in range(8, -1, -1):
        attached: Tree = {"__properties_version1.0": b"", "__substg1.0_3701000D": tree}
        more = {**prop(0x1000, f"level {level}"), "__attach_version1.0_#00000000": attached}
        tree = msg(f"S{level}", more, embedded=level > 0)
    parsed = parse_tree(tree)
    assert [text for _, _, text in pieces(parsed) if text.startswith("level")] == [f"level {n}" for n in range(4)]
    assert parsed.warnings == ("attached messages below the third level were not read",)


def test_compressed_rtf_is_read_as_its_specification_shows() -> None:
    # MS-OXRTFCP, section 3.1.
    packed = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    assert decompress(bytes.fromhex(packed)) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


@pytest.mark.parametrize("cut", [0, 8, 512, 600, 3000, -600])
def test_a_damaged_outlook_message_is_broken(cut: int) -> None:
    data = compound_file(msg("S", prop(0x1000, "text")))[:cut]
    with pytest.raises(Invalid) as raised:
        parse_msg(data, name="a.msg", limits=LIMITS)
    assert raised.value.code == "broken"


def test_a_container_that_is_no_message_is_broken() -> None:
    with pytest.raises(Invalid) as raised:
        parse_tree({"WordDocument": b"x"})
    assert raised.value.code == "broken"
