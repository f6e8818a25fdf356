import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.parse import parse_bytes
from assay_adapters.parsers.pdf import parse_pdf
from assay_core.documents import ParsedDocument
from assay_core.tables import cell_text
from reportlab.lib import colors
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, SimpleDocTemplate, Table, TableStyle

LIMITS = ParseLimits(max_bytes=2**20, max_pages=50, max_chars=100_000, timeout_s=60, memory_bytes=2**30)
LEFT = [
    "The house stands on a hill above the",
    "town, and its windows look to the sea.",
    "Nobody has lived there since the war,",
    "and the garden has gone wild by now.",
    "Still the gate is painted each spring,",
    "though no one in the town says by whom.",
]
RIGHT = [
    "In the first year the council asked for",
    "the keys, and an old man brought them.",
    "He said that the house was not empty,",
    "that it was only waiting for its owner.",
    "The council put the keys in a drawer,",
    "where they have been ever since then.",
]
FIGURES = [
    ["Item", "2025", "2024"],
    ["Revenue", "1,200", "1,100"],
    ["Cost of goods", "(800)", "(700)"],
    ["Profit", "400", "400"],
]


def drawn(*pages: Callable[[Canvas], None], size: tuple[float, float] = (595, 842)) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size)
    for page in pages:
        canvas.setFont("Helvetica", 10)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def written(lines: Sequence[str], x: float = 60, top: float = 780, leading: float = 12) -> Callable[[Canvas], None]:
    def write(canvas: Canvas) -> None:
        for number, line in enumerate(lines):
            canvas.drawString(x, top - number * leading, line)

    return write


def table(rows: Sequence[Sequence[str]], *style: tuple[Any, ...]) -> bytes:
    out = io.BytesIO()
    commands = cast("Any", style)  # each is one of two dozen shapes of tuple
    made: Flowable = Table([list(row) for row in rows], style=TableStyle(commands), colWidths=90)
    SimpleDocTemplate(out).build([made])
    return out.getvalue()


def parse(data: bytes) -> ParsedDocument:
    return parse_bytes(data, name="upload.pdf", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(e.kind.value, parsed.text[e.start : e.end]) for e in parsed.elements]


def grid(parsed: ParsedDocument) -> list[list[str]]:
    (element,) = parsed.elements
    assert element.table is not None
    return element.table.grid(parsed.text)


GRID = ("GRID", (0, 0), (-1, -1), 0.5, colors.black)


@pytest.mark.parametrize("style", [GRID, ("ALIGN", (0, 0), (-1, -1), "LEFT"), ("ALIGN", (1, 0), (-1, -1), "RIGHT")])
def test_tables_are_found_with_and_without_lines(style: tuple[object, ...]) -> None:
    assert grid(parse(table(FIGURES, style))) == FIGURES


def test_empty_cells_keep_the_columns_in_place() -> None:
    sparse = [["Code", "Place", "Count", "State"], ["A1", "", "4", ""], ["", "B-7", "", "open"], ["A2", "", "", "shut"]]
    assert grid(parse(table(sparse))) == sparse
    assert grid(parse(table(sparse, GRID))) == sparse


def test_spanning_cells_are_one_cell() -> None:
    rows = [["Sales by year", "", ""], *FIGURES]
    parsed = parse(table(rows, GRID, ("SPAN", (0, 0), (2, 0)), ("ALIGN", (0, 0), (-1, -1), "CENTER")))
    (element,) = parsed.elements
    assert element.table is not None
    first = element.table.cells[0]
    assert (cell_text(parsed.text, first), first.row_span, first.column_span) == ("Sales by year", 1, 3)
    assert element.table.grid(parsed.text)[1:] == FIGURES


def test_wrapped_lines_of_a_ruled_cell_are_one_cell() -> None:
    rows = [["Name", "Remark"], ["Pump", "Runs at night\nand on Sundays"], ["Valve", "Shut"]]
    assert grid(parse(table(rows, GRID)))[1] == ["Pump", "Runs at night and on Sundays"]


def test_signs_of_currencies_stand_with_their_amounts() -> None:
    def page(canvas: Canvas) -> None:
        rows = [("Sales", "63,355", "63,948"), ("Cost", "41,485", "40,899"), ("Profit", "21,870", "23,049")]
        for number, (label, *amounts) in enumerate(rows):
            y = 700 - 16 * number
            canvas.drawString(60, y, label)
            for right, amount in zip((320, 420), amounts, strict=True):
                canvas.drawRightString(right, y, amount)
                if number != 1:
                    canvas.drawString(right - 75, y, "$")

    assert grid(parse(drawn(page))) == [
        ["Sales", "$ 63,355", "$ 63,948"],
        ["Cost", "41,485", "40,899"],
        ["Profit", "$ 21,870", "$ 23,049"],
    ]


def test_shades_behind_rows_make_no_cells() -> None:
    stripes = [("BACKGROUND", (0, row), (-1, row), colors.lightgrey) for row in (0, 2)]
    assert grid(parse(table(FIGURES, *stripes))) == FIGURES


def test_a_frame_around_text_is_no_table() -> None:
    def page(canvas: Canvas) -> None:
        canvas.rect(50, 600, 400, 200)
        canvas.line(50, 790, 450, 790)
        written(LEFT)(canvas)

    assert [kind for kind, _ in pieces(parse(drawn(page)))] == ["paragraph"]


def test_lists_with_marks_are_no_tables() -> None:
    def page(canvas: Canvas) -> None:
        for number, item in enumerate(["first open the valve", "then wait a minute", "then close it again"], 1):
            canvas.drawString(60, 780 - 14 * number, f"{number}.")
            canvas.drawString(90, 780 - 14 * number, item)

    assert [kind for kind, _ in pieces(parse(drawn(page)))] == ["list"] * 3


def test_columns_are_read_one_after_the_other() -> None:
    def page(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(60, 800, "The house above the town and its keys")
        canvas.setFont("Helvetica", 10)
        # Line by line across both columns, as some writers do.
        for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
            canvas.drawString(60, 760 - 12 * number, left)
            canvas.drawString(320, 754 - 12 * number, right)

    assert pieces(parse(drawn(page))) == [
        ("heading", "The house above the town and its keys"),
        ("paragraph", "\n".join(LEFT)),
        ("paragraph", "\n".join(RIGHT)),
    ]


def test_a_sentence_goes_on_in_the_next_column() -> None:
    def page(canvas: Canvas) -> None:
        written([*LEFT[:5], "and the drawer where they keep it is"])(canvas)
        written(["open to whoever comes to ask for it", *RIGHT[1:]], x=320)(canvas)

    ((_, text),) = pieces(parse(drawn(page)))
    assert "is\nopen" in text


def test_words_divided_at_line_ends_are_joined() -> None:
    lines = ["The government made a declara-", "tion on long-term care. It is long-", "term in name only, and costly."]
    ((_, text),) = pieces(parse(drawn(written(lines))))
    assert "declaration on" in text
    assert "is long-term in" in text


def test_captions_and_footnotes_are_told_apart() -> None:
    def page(canvas: Canvas) -> None:
        written(LEFT)(canvas)
        canvas.drawString(60, 640, "Figure 3. The house from the sea.")
        written(RIGHT, top=600)(canvas)
        canvas.setFont("Helvetica", 7)
        canvas.drawString(60, 80, "1 The council's minutes of that year are lost.")

    assert [kind for kind, _ in pieces(parse(drawn(page)))] == ["paragraph", "caption", "paragraph", "footnote"]


def test_running_headers_come_once_and_page_numbers_too() -> None:
    def page(number: int, text: str) -> Callable[[Canvas], None]:
        def write(canvas: Canvas) -> None:
            canvas.drawString(60, 810, "Annual report")
            written([text])(canvas)
            canvas.drawString(290, 40, str(number))

        return write

    texts = ["All about apples.", "All about pears.", "All about plums.", "All about figs."]
    parsed = parse(drawn(*(page(number, text) for number, text in enumerate(texts, 1))))
    body = [("paragraph", text) for text in texts]
    assert pieces(parsed) == [("header", "Annual report"), *body, ("footer", "1")]


def test_elements_have_their_place_on_the_page() -> None:
    (element,) = parse(drawn(written(["A line of text"], top=742))).elements
    assert element.box is not None
    assert (element.box.left, element.box.bottom) == (pytest.approx(60, abs=1), pytest.approx(102, abs=3))
    assert 0 < element.box.bottom - element.box.top < 16


def test_a_page_whose_text_stands_on_its_side_is_read_upright() -> None:
    def page(canvas: Canvas) -> None:
        canvas.translate(595, 0)
        canvas.rotate(90)
        written(LEFT, top=500)(canvas)

    assert pieces(parse(drawn(page))) == [("paragraph", "\n".join(LEFT))]


def test_pages_after_half_the_time_are_read_without_their_tables() -> None:
    late = replace(LIMITS, recognition_until_s=float("inf"), layout_until_s=0.0)
    data = table(FIGURES, GRID)
    parsed = parse_pdf(data, name="upload.pdf", limits=late)
    assert "1,200" in parsed.text
    assert {e.kind.value for e in parsed.elements} == {"paragraph"}
    assert parsed.warnings == ("from page 1 on read without tables and columns: it took too long",)
