import io
from collections.abc import Callable

import pytest
from assay_adapters.parsers.docx import parse_docx
from assay_adapters.parsers.limits import ParseLimits
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid
from assay_testing.office_files import changed, zipped
from docx import Document
from docx.document import Document as Docx

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)
MAIN = "word/document.xml"


def written(build: Callable[[Docx], None]) -> bytes:
    document, out = Document(), io.BytesIO()
    build(document)
    document.save(out)
    return out.getvalue()


def with_body(xml: str, *, relations: str = "", parts: dict[str, str] | None = None) -> bytes:
    """A package with the least that Word asks for."""
    namespaces = (
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    )
    links = f'<Relationships><Relationship Id="a" Type="x/officeDocument" Target="{MAIN}"/></Relationships>'
    entries: dict[str, bytes | str] = {
        "_rels/.rels": links,
        MAIN: f"<w:document {namespaces}><w:body>{xml}</w:body></w:document>",
        "word/_rels/document.xml.rels": f"<Relationships>{relations}</Relationships>",
    }
    return zipped(
        entries | {path: part.replace("<root", f"<root {namespaces}") for path, part in (parts or {}).items()}
    )


def parse(data: bytes) -> ParsedDocument:
    return parse_docx(data, name="file", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(e.kind.value, parsed.text[e.start : e.end]) for e in parsed.elements]


def nothing(document: Docx) -> None:
    """A document that only has its styles."""
    document.core_properties.title = ""


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_headings_lists_and_paragraphs() -> None:
    def build(document: Docx) -> None:
        document.core_properties.title = "Word Document"
        document.add_heading("Tea", 0)
        document.add_heading("Kinds", 2)
        document.add_paragraph("Some are\ngreen.")
        document.add_paragraph("Sencha", style="List Bullet")
        document.add_paragraph("Shaded", style="List Bullet 2")
        document.add_paragraph("First", style="List Number")
        document.add_paragraph("Second", style="List Number")
        document.add_paragraph()

    parsed = parse(written(build))
    assert [(kind, text) for kind, text in pieces(parsed)] == [
        ("heading", "Tea"),
        ("heading", "Kinds"),
        ("paragraph", "Some are\ngreen."),
        ("list", "- Sencha\n  - Shaded\n1. First\n2. Second"),
    ]
    assert [e.level for e in parsed.elements] == [1, 2, 0, 0]
    assert (parsed.title, parsed.parser, parsed.pages) == ("Tea", "docx/2", None)


def test_merged_cells_have_their_text_in_every_place() -> None:
    def build(document: Docx) -> None:
        table = document.add_table(rows=3, cols=3)
        for index, cell in enumerate(table._cells):  # pyright: ignore[reportPrivateUsage]  # the only flat list
            cell.text = str(index)
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        table.cell(1, 2).merge(table.cell(2, 2)).text = "tall"

    assert pieces(parse(written(build))) == [
        ("table", "| wide | wide | 2 |\n| --- | --- | --- |\n| 3 | 4 | tall |\n| 6 | 7 | tall |")
    ]


def test_a_table_of_one_cell_is_a_frame() -> None:
    def build(document: Docx) -> None:
        document.add_table(rows=1, cols=1).cell(0, 0).add_paragraph("inside")

    assert pieces(parse(written(build))) == [("paragraph", "inside")]


def test_headers_and_footers_appear_once() -> None:
    def build(document: Docx) -> None:
        document.add_paragraph("body")
        for section in (document.sections[0], document.add_section()):
            section.header.is_linked_to_previous = section.footer.is_linked_to_previous = False
            section.header.paragraphs[0].text = "Acme"
            section.footer.paragraphs[0].text = "12"

    assert [text for _, text in pieces(parse(written(build)))] == ["Acme", "body"]


def test_footnotes_and_comments_come_last() -> None:
    data = with_body(
        '<w:p><w:r><w:t>Tea</w:t><w:footnoteReference w:id="2"/></w:r></w:p>' + paragraph("Milk"),
        relations='<Relationship Id="a" Type="x/footnotes" Target="footnotes.xml"/>'
        '<Relationship Id="b" Type="x/comments" Target="/word/comments.xml"/>'
        '<Relationship Id="c" Type="x/image" Target="NULL"/>',
        parts={
            "word/footnotes.xml": f'<root><w:footnote w:id="2">{paragraph("hot")}</w:footnote></root>',
            "word/comments.xml": f'<root><w:comment w:author="Ann">{paragraph("why?")}</w:comment></root>',
        },
    )
    assert [text for _, text in pieces(parse(data))] == ["Tea[^1]", "Milk", "[^1]: hot", "Comment by Ann: why?"]


def test_text_boxes_are_read_once_and_deleted_text_never() -> None:
    box = f"<w:drawing><w:txbxContent>{paragraph('boxed')}</w:txbxContent></w:drawing>"
    data = with_body(
        f"<w:p><w:r><w:t>Tea</w:t><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:tab/><w:t>new</w:t></w:r></w:ins></w:p>"
        f"<w:sdt><w:sdtContent>{paragraph('controlled')}</w:sdtContent></w:sdt>"
    )
    assert [text for _, text in pieces(parse(data))] == ["Tea new", "boxed", "controlled"]


def test_formulas_are_typed_in_one_line() -> None:
    data = with_body(
        "<w:p><m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
        "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2n</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>"
    )
    assert pieces(parse(data)) == [("paragraph", "(a+b)/2x^(2n)")]


def test_headings_are_numbered_by_their_level() -> None:
    style = (
        '<w:style w:styleId="{0}"><w:name w:val="heading {0}"/><w:pPr><w:numPr><w:ilvl w:val="{1}"/>'
        '<w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    level = '<w:lvl w:ilvl="{}"><w:start w:val="1"/><w:numFmt w:val="{}"/><w:lvlText w:val="{}"/></w:lvl>'
    data = with_body(
        "".join(
            f'<w:p><w:pPr><w:pStyle w:val="{style_id}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
            for style_id, text in (("1", "A"), ("2", "B"), ("2", "C"), ("1", "D"), ("2", "E"))
        ),
        relations='<Relationship Id="a" Type="x/styles" Target="styles.xml"/>'
        '<Relationship Id="b" Type="x/numbering" Target="numbering.xml"/>',
        parts={
            "word/styles.xml": f"<root>{''.join(style.format(n, n - 1) for n in (1, 2))}</root>",
            "word/numbering.xml": '<root><w:abstractNum w:abstractNumId="7">'
            + level.format(0, "upperRoman", "%1.")
            + level.format(1, "lowerLetter", "%1.%2)")
            + '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></root>',
        },
    )
    assert [text for _, text in pieces(parse(data))] == ["I. A", "I.a) B", "I.b) C", "II. D", "II.a) E"]


def test_a_document_without_text_has_no_elements() -> None:
    assert parse(written(nothing)).elements == ()


@pytest.mark.parametrize("broken", [(MAIN, ("<w:body>", "<w:body")), (MAIN, None), ("_rels/.rels", None)])
def test_damage_is_told_as_damage(broken: tuple[str, tuple[str, str] | None]) -> None:
    data = changed(written(nothing), dict([broken]))
    with pytest.raises(Invalid) as raised:
        parse(data)
    assert raised.value.code == "broken"


def test_a_document_with_macros_is_read() -> None:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    macros = "application/vnd.ms-word.document.macroEnabled.main+xml"

    def build(document: Docx) -> None:
        document.add_paragraph("text")

    assert pieces(parse(changed(written(build), {"[Content_Types].xml": (kind, macros)}))) == [("paragraph", "text")]
