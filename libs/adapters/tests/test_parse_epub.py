import io
import zipfile

import pytest
from assay_adapters.parsers.epub import parse_epub
from assay_adapters.parsers.limits import ParseLimits
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>The Book</dc:title></metadata><manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="a" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="../two.xhtml#part" media-type="application/xhtml+xml"/>
<item id="c" href="gone.xhtml" media-type="application/xhtml+xml"/>
<item id="i" href="i.png" media-type="image/png"/></manifest>
<spine><itemref idref="n"/><itemref idref="b"/><itemref idref="a"/><itemref idref="a"/><itemref idref="i"/>
<itemref idref="c"/><itemref idref="x"/></spine></package>"""
ONE = (
    '<?xml version="1.0"?><html><head><title/></head><body><article><h2>Poem</h2><p>one<br/>two</p></article>'
    "<article><p>other</p></article><footer>signed</footer></body></html>"
)


def book(**more: str) -> bytes:
    entries = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/text/one a.xhtml": ONE,
        "two.xhtml": "<html><body><h1>Chapter</h1><p>Grüße</p><script>no()</script></body></html>",
        "OEBPS/nav.xhtml": "<html><body>contents</body></html>",
        **more,
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in entries.items():
            if text:
                archive.writestr(path, text)
    return file.getvalue()


def parse(data: bytes) -> ParsedDocument:
    return parse_epub(data, name="a.epub", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(e.kind.value, e.level, parsed.text[e.start : e.end]) for e in parsed.elements]


def test_the_spine_is_read_in_its_order() -> None:
    parsed = parse(book())
    assert pieces(parsed) == [
        ("heading", 1, "Chapter"),
        ("paragraph", 0, "Grüße"),
        ("heading", 2, "Poem"),
        ("paragraph", 0, "one\ntwo"),
        ("paragraph", 0, "other"),
        ("paragraph", 0, "signed"),
    ]
    assert (parsed.title, parsed.media_type) == ("The Book", "application/epub+zip")
    assert parsed.warnings == ("'OEBPS/gone.xhtml' is missing from the book",)


def test_a_protected_book_is_encrypted_but_protected_fonts_are_not() -> None:
    protection = '<e><CipherData><CipherReference URI="{}"/></CipherData></e>'
    assert parse(book(**{"META-INF/encryption.xml": protection.format("OEBPS/font.otf")})).elements
    with pytest.raises(Invalid) as raised:
        parse(book(**{"META-INF/encryption.xml": protection.format("OEBPS/text/one%20a.xhtml")}))
    assert raised.value.code == "encrypted"


XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><package>&e;</package>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\3\4",
        book()[:-30],
        book(**{"META-INF/container.xml": "<container/>"}),
        book(**{"OEBPS/book.opf": ""}),
        book(**{"OEBPS/book.opf": "<package>"}),
        book(**{"OEBPS/book.opf": XXE}),
        book(**{"META-INF/container.xml": "<a>" * 3000 + "</a>" * 3000}),
    ],
)
def test_damaged_and_hostile_books_are_broken(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        parse(data)
    assert raised.value.code == "broken"


def test_a_book_without_a_container_file_is_read_by_its_package() -> None:
    assert parse(book(**{"META-INF/container.xml": ""})).title == "The Book"


def test_paths_lead_nowhere_outside_the_book() -> None:
    package = PACKAGE.replace("gone.xhtml", "../../../../etc/passwd")
    assert "root" not in parse(book(**{"OEBPS/book.opf": package})).text
