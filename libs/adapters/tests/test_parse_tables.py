"""Tables of every format keep rows, columns and merged cells."""

import io

import pytest
from assay_adapters.parsers import markdown
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.parse import parse_bytes
from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.tables import Table, cell_text
from assay_testing.office_files import changed, odf_file
from openpyxl import Workbook

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=1_000_000, timeout_s=9, memory_bytes=2**30)
Spans = dict[str, tuple[int, int]]

HTML = """<html><body><table>
<thead><tr><th rowspan=2>Year</th><th colspan=2>Sales</th></tr><tr><th>EU</th><th>US</th></tr></thead>
<tbody><tr><td>2024<td><ul><li>one</li><li>two</li></ul></td><td><a href=x>link</a><table><tr><td>in</td><td>ner</td>
</tr></table></td></tr></tbody></table></body></html>"""

RST = """
+------+-----------+
| Year | Sales     |
|      +-----+-----+
|      | EU  | US  |
+======+=====+=====+
| 2024 | 1   | 2   |
+------+-----+-----+
"""

RTF = rb"""{\rtf1 \trowd\trhdr\clvmgf\cellx1\clmgf\cellx2\clmrg\cellx3\pard\intbl Year\cell Sales\cell\cell\row
\trowd\trhdr\clvmrg\cellx1\cellx2\cellx3\pard\intbl\cell EU\cell US\cell\row
\trowd\cellx1\cellx2\cellx3\pard\intbl 2024\cell 1\cell 2\cell\row}"""

CALS = """<?xml version="1.0"?><article><para>Text.</para><table><tgroup cols="3"><colspec colname="a"/>
<colspec colname="b"/><colspec colname="c"/><thead><row><entry morerows="1">Year</entry>
<entry namest="b" nameend="c">Sales</entry></row><row><entry>EU</entry><entry>US</entry></row></thead>
<tbody><row><entry>2024</entry><entry>1</entry><entry>2</entry></row></tbody></tgroup></table></article>"""

ODT = odf_file(
    """<office:text><table:table><table:table-header-rows><table:table-row>
    <table:table-cell table:number-rows-spanned="2"><text:p>Year</text:p></table:table-cell>
    <table:table-cell table:number-columns-spanned="2"><text:p>Sales</text:p></table:table-cell>
    <table:covered-table-cell/></table:table-row><table:table-row><table:covered-table-cell/>
    <table:table-cell><text:p>EU</text:p></table:table-cell><table:table-cell><text:p>US</text:p></table:table-cell>
    </table:table-row></table:table-header-rows><table:table-row><table:table-cell><text:p>2024</text:p>
    </table:table-cell><table:table-cell><text:p>1</text:p></table:table-cell>
    <table:table-cell><text:p>2</text:p></table:table-cell></table:table-row></table:table></office:text>"""
)


def parse(data: bytes | str, name: str) -> ParsedDocument:
    return parse_bytes(data.encode() if isinstance(data, str) else data, name=name, limits=LIMITS)


def tables(parsed: ParsedDocument) -> list[Table]:
    found = [element.table for element in parsed.elements if element.kind is ElementKind.TABLE]
    assert None not in found
    return [table for table in found if table is not None]


def grids(parsed: ParsedDocument) -> list[list[list[str]]]:
    return [table.grid(parsed.text) for table in tables(parsed)]


def spans(parsed: ParsedDocument) -> Spans:
    cells = [cell for table in tables(parsed) for cell in table.cells]
    return {
        cell_text(parsed.text, cell): (cell.row_span, cell.column_span)
        for cell in cells
        if (cell.row_span, cell.column_span) != (1, 1)
    }


def workbook(*rows: list[object], merge: tuple[str, ...] = ()) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    for reference in merge:
        sheet.merge_cells(reference)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


SHEET = workbook(["Year", "Sales", None], [None, "EU", "US"], [2024, 1, 2], merge=("A1:A2", "B1:C1"))


@pytest.mark.parametrize(
    ("name", "data", "header_rows"),
    [
        ("a.html", HTML.replace("<ul><li>one</li><li>two</li></ul>", "1").split("<a ")[0] + "2</table>", 2),
        ("a.rst", RST, 2),
        ("a.rtf", RTF, 2),
        ("a.xml", CALS, 2),
        ("a.odt", ODT, 2),
        ("a.xlsx", SHEET, 1),
    ],
)
def test_cells_that_span_are_repeated_in_the_text_and_say_their_span(
    name: str, data: bytes | str, header_rows: int
) -> None:
    parsed = parse(data, name)
    assert grids(parsed) == [[["Year", "Sales", "Sales"], ["Year", "EU", "US"], ["2024", "1", "2"]]]
    assert "| Year | Sales | Sales |\n| --- | --- | --- |\n| Year | EU | US |\n| 2024 | 1 | 2 |" in parsed.text
    assert spans(parsed) == {"Year": (2, 1), "Sales": (1, 2)}
    assert tables(parsed)[0].header_rows == header_rows


def test_lists_links_and_tables_in_cells_stay_in_their_cells() -> None:
    parsed = parse(HTML, "a.html")
    assert grids(parsed)[0][2] == ["2024", "- one - two", "link in ner"]


def test_a_table_that_lays_out_a_page_is_walked_as_blocks() -> None:
    inner = "<p>Long text.</p>" * 100 + "<table><tr><th>k</th><th>v</th></tr></table>"
    layout = f"<html><body><table><tr><td><ul><li>Home</li></ul></td><td>{inner}</td></tr></table>"
    assert grids(parse(layout, "a.html")) == [[["k", "v"]]]
    presented = "<html><body><table role=presentation><tr><td>left</td><td>right</td></tr></table>"
    assert [e.kind.value for e in parse(presented, "a.html").elements] == ["paragraph", "paragraph"]


def element(parsed: ParsedDocument, kind: ElementKind) -> Element:
    return next(element for element in parsed.elements if element.kind is kind)


def test_captions_are_captions() -> None:
    parsed = parse("<html><table><caption>Prices</caption><tr><td>a</td><td>b</td></tr></table>", "a.html")
    found = element(parsed, ElementKind.CAPTION)
    assert parsed.text[found.start : found.end] == "Prices"


def test_cells_of_markdown_are_where_the_source_has_them() -> None:
    parsed = parse("# T\n\nText | here\n\n| a | b\\|c |\n|---|---|\n| 1 |\nd | `x` | more\n\nEnd", "a.md")
    assert grids(parsed) == [[["a", "b|c"], ["1", ""], ["d", "`x`"]]]
    assert parsed.text.endswith("d | `x` | more\n\nEnd")


def test_html_inside_of_markdown_is_written_as_what_it_shows() -> None:
    table = "<table>\n<tr><th>a</th><th>b</th></tr>\n\n<tr><td>1</td><td>2</td></tr>\n</table>"
    source = f"# T\n\n<!-- note -->\n\n{table}\n\n| x | y |\n|---|---|\n| 3 | 4 |\n"
    parsed = parse(source, "a.md")
    assert parsed.text.startswith("# T\n\n<!-- note -->\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n| x | y |")
    assert grids(parsed) == [[["a", "b"], ["1", "2"]], [["x", "y"], ["3", "4"]]]
    assert [parsed.text[e.start : e.end][:5] for e in parsed.elements] == ["T", "| a |", "| x |"]


def test_tables_that_never_end_in_markdown_are_each_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    count = vars(markdown)["_open_tables"]
    monkeypatch.setattr(markdown, "_open_tables", lambda html: looked_at.append(html) or count(html))
    nested = "<table>\n<tr><td>\n\n<table>\n\n<tr><td>in</td></tr>\n\n</table>\n\n</td></tr>\n</table>\n\nAfter it.\n\n"
    parsed = parse(nested + "<table>\n<tr><td>left open</td></tr>\n\nText.\n\n" * 200, "a.md")
    shown = [parsed.text[e.start : e.end] for e in parsed.elements if e.kind is ElementKind.PARAGRAPH]
    assert shown.count("Text.") == 200
    assert "After it." in shown
    assert len(looked_at) <= 2 * 200 + 10


def test_stacked_parts_of_a_table_share_one_grid_by_their_widths() -> None:
    part = '<tgroup cols="{}">{}<tbody><row>{}</row></tbody></tgroup>'
    columns = '<colspec colname="c{}" colwidth="{}pt"/>'
    first = part.format(2, columns.format(1, 50) + columns.format(2, 100), "<entry>head</entry><entry>wide</entry>")
    wanted = [columns.format(1, 50), columns.format(2, 40), columns.format(3, 60)]
    second = part.format(3, "".join(wanted), "<entry>1</entry><entry>2</entry><entry>3</entry>")
    parsed = parse(f"<?xml version='1.0'?><doc><para>x</para><table>{first}{second}</table></doc>", "a.xml")
    assert grids(parsed) == [[["head", "wide", "wide"], ["1", "2", "3"]]]


def test_tables_beside_each_other_are_apart_and_spaced_ones_are_not() -> None:
    apart = workbook(
        ["a", "b", None, "far"], [1, 2, None, 3], [4, 5], [6, 7], [None], ["x", None, "y"], ["p", None, "q"]
    )
    assert grids(parse(apart, "a.xlsx")) == [
        [["a", "b"], ["1", "2"], ["4", "5"], ["6", "7"]],
        [["far"], ["3"]],
        [["x", "y"], ["p", "q"]],
    ]


def test_a_merged_title_above_a_sheet_is_no_table() -> None:
    parsed = parse(workbook(["Title", None, None], [None], ["a", "b", "c"], [1, 2, 3], merge=("A1:C1",)), "a.xlsx")
    assert "Title\n\n| a | b | c |" in parsed.text


def test_merges_that_cover_millions_of_cells_do_not_inflate_a_sheet() -> None:
    data = workbook(["x", "y"], [1, 2], [3, 4], merge=("A3:B3",))
    huge = changed(data, {"xl/worksheets/sheet1.xml": ("A3:B3", "A3:XFD1048576")})
    parsed = parse(huge, "a.xlsx")
    assert parsed.text.endswith("| x | y |\n| --- | --- |\n| 1 | 2 |\n| 3 | 3 |")
    assert spans(parsed) == {"3": (1, 2)}


def test_org_knows_how_many_rows_are_the_head() -> None:
    parsed = parse("* T\n| a | b |\n| c | d |\n|---+---|\n| 1 | 2 |\n", "a.org")
    assert [table.header_rows for table in tables(parsed)] == [2]


def test_footnotes_headers_and_footers_are_of_their_kind() -> None:
    data = odf_file(
        "<office:text><text:p>Body<text:note><text:note-body><text:p>small</text:p></text:note-body></text:note></text:p>"
        "</office:text>",
        layout="<office:master-styles><style:master-page><style:header><text:p>Head</text:p></style:header>"
        "<style:footer><text:p>Foot</text:p></style:footer></style:master-page></office:master-styles>",
    )
    kinds = [(e.kind.value, e.heading_path) for e in parse(data, "a.odt").elements]
    assert kinds == [("header", ()), ("paragraph", ()), ("footer", ()), ("footnote", ())]
