import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.odf import parse_odf
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid
from assay_testing.office_files import odf_file, zipped

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def parse(body: str, *, styles: str = "", layout: str = "", title: str = "") -> ParsedDocument:
    return parse_odf(odf_file(body, styles=styles, layout=layout, title=title), name="file", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(e.kind.value, parsed.text[e.start : e.end]) for e in parsed.elements]


def test_texts_have_headings_paragraphs_and_notes() -> None:
    parsed = parse(
        """<office:text>
        <text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
        <text:h text:outline-level="2">Tea</text:h>
        <text:p>Hot<text:s text:c="2"/><text:span>water</text:span><text:note><text:note-citation>1</text:note-citation>
        <text:note-body><text:p>boiled</text:p></text:note-body></text:note>.<text:line-break/>Then wait.</text:p>
        <text:section><text:p>Milk<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>
        </text:section></office:text>""",
        layout="<office:master-styles><style:master-page><style:header><text:p>Head</text:p></style:header>"
        "<style:footer><text:p>7</text:p></style:footer></style:master-page></office:master-styles>",
        title="On tea",
    )
    assert pieces(parsed) == [
        ("header", "Head"),
        ("heading", "Tea"),
        ("paragraph", "Hot water[^1].\nThen wait."),
        ("paragraph", "Milk"),
        ("paragraph", "boxed"),
        ("footnote", "[^1]: boiled"),
    ]
    assert parsed.title == "On tea"
    assert parsed.media_type == "application/vnd.oasis.opendocument.text"


def test_lists_keep_depth_and_numbers() -> None:
    styles = """<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1"
        style:num-suffix=")"/><text:list-level-style-bullet text:level="2"/></text:list-style>"""
    parsed = parse(
        """<office:text><text:list text:style-name="L"><text:list-item><text:p>one</text:p><text:list><text:list-item>
        <text:p>inner</text:p></text:list-item></text:list></text:list-item><text:list-item><text:p>two</text:p>
        </text:list-item></text:list></office:text>""",
        styles=styles,
    )
    assert pieces(parsed) == [("list", "1) one\n  - inner\n2) two")]


def test_merged_cells_of_a_table_have_their_text_in_every_place() -> None:
    parsed = parse(
        """<office:text><table:table><table:table-header-rows><table:table-row>
        <table:table-cell table:number-columns-spanned="2"><text:p>both</text:p></table:table-cell>
        <table:covered-table-cell/></table:table-row></table:table-header-rows><table:table-row>
        <table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell>
        </table:table-row></table:table></office:text>"""
    )
    assert pieces(parsed) == [("table", "| both | both |\n| --- | --- |\n| a | b |")]


def test_sheets_keep_values_and_repeats() -> None:
    parsed = parse(
        """<office:spreadsheet><table:table table:name="Costs"><table:table-row>
        <table:table-cell office:value-type="string" table:number-columns-repeated="2"><text:p>x</text:p>
        </table:table-cell>
        <table:table-cell table:number-columns-repeated="16000"/></table:table-row>
        <table:table-row table:number-rows-repeated="2">
        <table:table-cell office:value-type="float" office:value="1.25"><text:p>1.3</text:p></table:table-cell>
        <table:table-cell office:value-type="date" office:date-value="2024-05-01"><text:p>May</text:p>
        </table:table-cell>
        </table:table-row><table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>
        </table:table><table:table table:name="Secret" table:style-name="H"><table:table-row><table:table-cell>
        <text:p>no</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>""",
        styles='<style:style style:name="H"><style:table-properties table:display="false"/></style:style>',
    )
    row = "| 1.25 | 2024-05-01 |"
    assert pieces(parsed) == [("heading", "Costs"), ("table", f"| x | x |\n| --- | --- |\n{row}\n{row}")]
    assert parsed.warnings == ("sheet 'Secret' is hidden and was left out",)


def test_slides_are_pages() -> None:
    frame = '<draw:frame presentation:class="{}"><draw:text-box>{}</draw:text-box></draw:frame>'
    notes = f"<presentation:notes>{frame.format('notes', '<text:p>say it</text:p>')}</presentation:notes>"
    slide = frame.format("outline", "<text:p>body</text:p>") + frame.format("title", "<text:p>Tea</text:p>")
    parsed = parse(
        f'<office:presentation><draw:page draw:style-name="H"/><draw:page>{slide}{notes}</draw:page>'
        "</office:presentation>",
        styles='<style:style style:name="H"><style:drawing-page-properties presentation:visibility="hidden"/>'
        "</style:style>",
    )
    assert pieces(parsed) == [("heading", "Tea"), ("paragraph", "body"), ("paragraph", "Notes: say it")]
    assert {e.page for e in parsed.elements} == {2}
    assert (parsed.pages, parsed.title) == (2, "Tea")
    assert parsed.warnings == ("slide 1 is hidden and was left out",)


def test_a_file_behind_a_password_says_so() -> None:
    manifest = '<m:manifest xmlns:m="m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    data = zipped({"META-INF/manifest.xml": manifest, "content.xml": b"\x8f\x01 not to be read"})
    with pytest.raises(Invalid) as raised:
        parse_odf(data, name="file", limits=LIMITS)
    assert raised.value.code == "encrypted"


def test_an_empty_text_has_no_elements() -> None:
    assert parse("<office:text/>").elements == ()
