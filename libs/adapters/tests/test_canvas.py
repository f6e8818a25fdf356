"""Blocks become text whose offsets are exact, and hostile tables stay small."""

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.tables import Merged, TableDraft, pipe_table
from assay_core.documents import ElementKind
from assay_core.tables import cell_text


def test_blocks_are_written_like_markdown_with_exact_offsets():
    canvas = Canvas()
    canvas.heading("Pumps\nand tubes", 9)
    canvas.paragraph("  ")
    canvas.items([(0, "one"), (1, "2. two"), (0, " ")])
    canvas.table([["a", "b|c"], ["", ""], ["d"]])
    canvas.code("\nx = 1\n")
    text, elements = canvas.finish()
    assert text == "###### Pumps and tubes\n\n- one\n  2. two\n\n| a | b\\|c |\n| --- | --- |\n| d |  |\n\nx = 1"
    assert [(e.kind, text[e.start : e.end][:5]) for e in elements] == [
        (ElementKind.HEADING, "Pumps"),
        (ElementKind.LIST, "- one"),
        (ElementKind.TABLE, "| a |"),
        (ElementKind.CODE, "x = 1"),
    ]
    assert elements[0].level == 6


def test_one_wide_row_among_many_short_ones_does_not_inflate_the_text():
    canvas = Canvas()
    canvas.table([["x"] * 10_000, *[["y"]] * 10_000])
    text, _ = canvas.finish()
    assert len(text) < 200_000


def test_a_spanning_cell_is_written_in_every_place_and_listed_once():
    draft = TableDraft()
    draft.next_row(header=True)
    draft.cell("Year", row_span=2)
    draft.cell("Sales", column_span=2)
    draft.next_row(header=True)
    draft.cell("a|b")
    draft.cell("c")
    draft.next_row()
    for text in ("2024", "1", ""):
        draft.cell(text)
    canvas = Canvas()
    canvas.paragraph("Before")
    canvas.draft(draft)
    text, (_, element) = canvas.finish()
    assert text[element.start :] == (
        "| Year | Sales | Sales |\n| --- | --- | --- |\n| Year | a\\|b | c |\n| 2024 | 1 |  |"
    )
    table = element.table
    assert table is not None
    assert (table.rows, table.columns, table.header_rows) == (3, 3, 2)
    shapes = [(c.row, c.column, c.row_span, c.column_span, cell_text(text, c), c.is_header) for c in table.cells]
    assert shapes == [
        (0, 0, 2, 1, "Year", True),
        (0, 1, 1, 2, "Sales", True),
        (1, 1, 1, 1, "a|b", True),
        (1, 2, 1, 1, "c", True),
        (2, 0, 1, 1, "2024", False),
        (2, 1, 1, 1, "1", False),
        (2, 2, 1, 1, "", False),
    ]
    assert table.grid(text) == [["Year", "Sales", "Sales"], ["Year", "a|b", "c"], ["2024", "1", ""]]


def test_places_that_go_on_from_above_or_from_the_left_belong_to_one_cell():
    draft = TableDraft()
    draft.next_row()
    draft.cell("a")
    draft.goes_on_from_left()
    draft.cell("b")
    draft.next_row()
    draft.cell("c")
    draft.cell("d")
    draft.goes_on_from_above()
    assert [(m.row, m.column, m.row_span, m.column_span) for m in draft.merged] == [(0, 0, 1, 2), (0, 2, 2, 1)]
    text, table = pipe_table(draft.rows, start=0, merged=draft.merged)
    assert table is not None
    assert table.grid(text) == [["a", "a", "b"], ["c", "d", "b"]]


def test_rows_without_text_are_left_out_of_the_cells_too():
    text, table = pipe_table([["", ""], ["a", ""], [], ["c", "d"]], start=0, merged=[Merged(1, 0, 2, 1)], header_rows=2)
    assert text == "| a |  |\n| --- | --- |\n| a |  |\n| c | d |"
    assert table is not None
    assert (table.rows, table.header_rows, len(table.cells)) == (3, 1, 5)


def test_spans_that_overlap_or_never_end_make_no_large_table():
    merged = [Merged(0, 0, 10**9, 1000), Merged(0, 0, 2, 2), Merged(1, 1, 1, 1)]
    text, table = pipe_table([["x"], ["y", "z"]], start=0, merged=merged)
    assert table is not None
    assert table.grid(text) == [["x", ""], ["y", "z"]]
    draft = TableDraft()
    for _ in range(2000):
        draft.next_row()
        draft.cell("x", row_span=10**9, column_span=10**9)
    canvas = Canvas()
    canvas.draft(draft)
    assert canvas.length < 500_000


def test_cells_beyond_the_last_column_keep_their_words():
    draft = TableDraft()
    draft.next_row()
    for number in range(20_000):
        draft.cell(f"w{number}")
    assert len(draft.rows[0]) == 16_384
    assert draft.rows[0][-1].endswith("w19999")


def test_a_table_too_large_to_list_has_its_text_alone():
    text, table = pipe_table([["a", "b"]] * 100_001, start=0)
    assert table is None
    assert text.count("\n") == 100_001
