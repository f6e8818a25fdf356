import codecs
import contextlib
import io

import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.parse import parse_bytes
from assay_adapters.parsers.results import Malformed, read_result, write_document
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid
from assay_testing.office_files import zipped
from hypothesis import given
from hypothesis import strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def parse(data: bytes | str, name: str = "file") -> ParsedDocument:
    raw = data.encode() if isinstance(data, str) else data
    return parse_bytes(raw, name=name, limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(e.kind.value, parsed.text[e.start : e.end]) for e in parsed.elements]


def code_of(data: bytes, name: str = "file") -> str:
    with pytest.raises(Invalid) as raised:
        parse(data, name)
    return raised.value.code


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (codecs.BOM_UTF8 + b"Zo\xc3\xab", "Zoë"),
        ("Zoë\r\nand\rBob".encode("utf-16"), "Zoë\nand\nBob"),
        (codecs.BOM_UTF32_BE + "Zoë".encode("utf-32-be"), "Zoë"),
        ("Zoë goes home".encode("utf-16-le"), "Zoë goes home"),
        ("Grüße aus Köln, schöne Straße – für Müller".encode("cp1252"), "Grüße aus Köln, schöne Straße – für Müller"),
        ("これは日本語の文章です。漢字もあります。".encode("cp932"), "これは日本語の文章です。漢字もあります。"),
        ("cut in the middle é".encode()[:-1], "cut in the middle \ufffd"),
        (b"a\x0cb\x1b[0m c", "a b [0m c"),
    ],
)
def test_text_is_read_in_its_encoding(data: bytes, text: str) -> None:
    assert parse(data).text == text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04rest of an office file", "broken"),
        (b"\x89PNG\r\n\x1a\n", "broken"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "unknown_type"),
        (b"text with\0a NUL", "unknown_type"),
        (bytes(range(1, 32)) * 20, "unknown_type"),
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"<html><script>alert(1)</script></html>", "no_text"),
        (b"%PDF-1.7 and nothing more", "broken"),
        (b"a" * 100_001, "too_large"),
    ],
)
def test_files_that_cannot_be_used_say_why(data: bytes, code: str) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        ("<!DOCTYPE html><p>x", "page.txt", "text/html"),
        ("# Title\n\n- a\n- b\n\n```\ncode\n```", "upload", "text/markdown"),
        ("# a comment\nx = 1", "upload", "text/plain"),
        ("# Title", "note.MD", "text/markdown"),
        ("# Title\n\n```\nx\n```", "note.txt", "text/plain"),
        ("<div>a</div><p>b</p><p>c</p>", "upload", "text/html"),
        ("no tags at all", "page.html", "text/plain"),
    ],
)
def test_content_decides_and_the_name_breaks_ties(data: str, name: str, media_type: str) -> None:
    assert parse(data, name).media_type == media_type


def test_plain_text_has_headings_lists_and_paragraphs() -> None:
    parsed = parse("LEAVE RULES\n\n1. Scope\n\nFor all.\nReally.\n\n- a\n- b\n\nNotes\n=====\nThe end.", "rules.txt")
    assert pieces(parsed) == [
        ("heading", "LEAVE RULES"),
        ("heading", "1. Scope"),
        ("paragraph", "For all.\nReally."),
        ("list", "- a\n- b"),
        ("heading", "Notes"),
        ("paragraph", "The end."),
    ]
    assert parsed.title == "LEAVE RULES"


def test_markdown_keeps_its_source_and_its_blocks() -> None:
    source = (
        "---\ntitle: The rules\n---\n# Rules #\n\nSetext\n------\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "> quoted\n\n```py\nx = '# no heading'\n```\n<!-- note -->\n\n* one\n  * two\n"
    )
    parsed = parse(source, "rules.md")
    assert parsed.text == source
    assert parsed.title == "The rules"
    assert pieces(parsed) == [
        ("heading", "Rules"),
        ("heading", "Setext"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("paragraph", "> quoted"),
        ("code", "```py\nx = '# no heading'\n```"),
        ("list", "* one\n  * two"),
    ]


def test_html_is_read_without_its_boilerplate() -> None:
    parsed = parse(
        "<!doctype html><title>Page — Site</title><nav>Menu</nav><main><h1>Page</h1><style>p{}</style>"
        "<p>One <b>bold</b>\n word<br>next <!-- hidden --> line<ul><li>a<ol start=3><li>b<li>c</ol><li>d</ul>"
        "<table><tr><th>x<th>y|z<tr><td>1<td>2<script>3</script></table><pre>\n  code\n</pre>tail</main>"
        "<footer>(c)</footer>"
    )
    assert pieces(parsed) == [
        ("heading", "Page"),
        ("paragraph", "One bold word\nnext line"),
        ("list", "- a\n  3. b\n  4. c\n- d"),
        ("table", "| x | y\\|z |\n| --- | --- |\n| 1 | 2 |"),
        ("code", "  code"),
        ("paragraph", "tail"),
    ]
    assert parsed.text.startswith("# Page\n\n")
    assert parsed.title == "Page"


def test_html_believes_its_declared_encoding() -> None:
    assert "Жук" in parse('<html><meta charset="koi8-r"><p>Жук</html>'.encode("koi8-r")).text


def test_deep_html_is_walked_without_recursion() -> None:
    assert parse("<html>" + "<div>" * 3000 + "deep").text == "deep"


def pdf(*pages: list[tuple[str, int, str]], encrypt: str | None = None) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption(encrypt) if encrypt else None)
    for lines in pages:
        y = 800
        for font, size, text in lines:
            y -= round(size * 1.2) if text else 20
            canvas.setFont(font, size)
            canvas.drawString(72, y, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def body(*lines: str) -> list[tuple[str, int, str]]:
    return [("Helvetica", 10, line) for line in lines]


def test_pdf_has_pages_headings_and_paragraphs() -> None:
    first = [
        ("Helvetica-Bold", 18, "Manual"),
        *body("", "It is long, and it", "goes on here.", "", "Next one."),
        *[("Helvetica-Bold", 10, "Care"), *body("", "Clean it.")],
    ]
    parsed = parse(pdf(first, body("Second page.")))
    assert pieces(parsed) == [
        ("heading", "Manual"),
        ("paragraph", "It is long, and it\ngoes on here."),
        ("paragraph", "Next one."),
        ("heading", "Care"),
        ("paragraph", "Clean it."),
        ("paragraph", "Second page."),
    ]
    assert [e.page for e in parsed.elements] == [1, 1, 1, 1, 1, 2]
    assert [e.level for e in parsed.elements] == [1, 0, 0, 2, 0, 0]
    assert (parsed.pages, parsed.title, parsed.media_type) == (2, "Manual", "application/pdf")


def test_running_headers_are_kept_once_and_apart() -> None:
    words = ["apples", "pears", "plums", "figs"]
    parsed = parse(pdf(*(body("Handbook", f"Page {i + 1}", "", f"All about {w}.") for i, w in enumerate(words))))
    headers = [("header", "Handbook"), ("header", "Page 1")]
    assert pieces(parsed) == headers + [("paragraph", f"All about {w}.") for w in words]


def test_pdfs_that_cannot_be_used_say_why() -> None:
    assert code_of(pdf(body("x"), encrypt="secret")) == "encrypted"
    assert code_of(pdf([])) == "no_text"
    assert code_of(pdf(*[body("x")] * 6)) == "too_many_pages"
    assert code_of(pdf(body("x"))[:200]) == "broken"


@given(st.binary(max_size=300), st.sampled_from(["a.md", "a.html", "a.txt", "a"]))
def test_any_bytes_give_ordered_elements_or_a_reason(data: bytes, name: str) -> None:
    with contextlib.suppress(Invalid):
        parsed = parse(data, name)
        assert read_result(write_document(parsed), limits=LIMITS) == parsed


@given(st.text(alphabet='<>/="ptdrhlioua1-# |`*\n&;', max_size=120), st.sampled_from(["a.md", "a.html", "a.txt"]))
def test_any_markup_gives_ordered_elements(markup: str, name: str) -> None:
    with contextlib.suppress(Invalid):
        parsed = parse(f"<html>{markup}" if name == "a.html" else markup, name)
        assert read_result(write_document(parsed), limits=LIMITS) == parsed
        assert all(parsed.text[e.start : e.end].strip() for e in parsed.elements)


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"[]",
        b'{"code":"made_up","error":"x"}',
        b"{}\n1\n[]",
        b'{"title":"","media_type":"","parser":"p"}\n"abc"\n[["paragraph",2,9,null,0,null,null]]',
        b'{"title":"","media_type":"","parser":"p"}\n"abc"\n[["paragraph",0,2,null,0,null,null],["code",1,3,null,0,null,null]]',
        b'{"title":"","media_type":"","parser":"p"}\n"abc"\n[["paragraph",0,2,1,0,null,null]]',
        b'{"title":"","media_type":"","parser":"p"}\n"abc"\n[["paragraph",true,2,null,0,null,null]]',
        b'{"title":"","media_type":"","parser":"p"}\n"abc"\n[{"kind":1}]',
        b'{"title":1,"media_type":"","parser":"p"}\n"abc"\n[]',
        b'{"title":"","media_type":"","parser":"p","pages":-1}\n"abc"\n[]',
    ],
)
def test_nonsense_from_a_parsing_process_is_not_believed(lines: bytes) -> None:
    with pytest.raises(Malformed):
        read_result(lines, limits=LIMITS)


def test_an_error_travels_with_its_code() -> None:
    with pytest.raises(Invalid) as raised:
        read_result(b'{"code":"broken","error":"no"}', limits=LIMITS)
    assert (raised.value.code, raised.value.message) == ("broken", "no")


def test_a_damaged_or_bloated_mark_of_a_container_is_damage() -> None:
    data = zipped({"mimetype": "application/epub+zip" * 50})
    at = data.index(b"mimetype") + len("mimetype")
    assert code_of(data[:at] + b"\xff" * 8 + data[at + 8 :]) == "broken"
    assert code_of(zipped({"mimetype": b"a" * 50_000_000})) == "unknown_type"
