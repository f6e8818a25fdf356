"""Blocks become text whose offsets are exact, and hostile tables stay small."""

from assay_adapters.parsers.canvas import Canvas
from assay_core.documents import ElementKind


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
