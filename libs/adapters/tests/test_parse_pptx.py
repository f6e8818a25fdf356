import io
from collections.abc import Callable
from typing import Any

import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.pptx import parse_pptx
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid
from assay_testing.office_files import changed
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.presentation import Presentation as Pptx
from pptx.util import Inches

LIMITS = ParseLimits(max_bytes=2**20, max_pages=2, max_chars=100_000, timeout_s=9, memory_bytes=2**30)
PLACE = (Inches(1), Inches(1), Inches(4), Inches(2))
TITLE_AND_BODY, TITLE_ONLY = 1, 5


def written(build: Callable[[Pptx], None]) -> bytes:
    presentation, out = Presentation(), io.BytesIO()
    build(presentation)
    presentation.save(out)
    return out.getvalue()


def parse(data: bytes) -> ParsedDocument:
    return parse_pptx(data, name="file", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, str, int | None]]:
    return [(e.kind.value, parsed.text[e.start : e.end], e.page) for e in parsed.elements]


def add_slide(presentation: Pptx, layout: int, title: str) -> Any:  # python-pptx types placeholders as bare shapes
    slide: Any = presentation.slides.add_slide(presentation.slide_layouts[layout])
    slide.shapes.title.text = title
    return slide


def nothing(presentation: Pptx) -> None:
    """A presentation without slides."""
    presentation.core_properties.title = ""


def one_slide(presentation: Pptx) -> None:
    add_slide(presentation, TITLE_ONLY, "x")


def test_slides_have_titles_bullets_and_notes() -> None:
    def build(presentation: Pptx) -> None:
        slide = add_slide(presentation, TITLE_AND_BODY, "Tea")
        frame = slide.placeholders[1].text_frame
        frame.text = "Green"
        inner = frame.add_paragraph()
        inner.text, inner.level = "Sencha", 1
        slide.notes_slide.notes_text_frame.text = "Say it slowly."
        add_slide(presentation, TITLE_AND_BODY, "Milk").placeholders[1].text_frame.text = "One line"

    parsed = parse(written(build))
    assert pieces(parsed) == [
        ("heading", "Tea", 1),
        ("list", "- Green\n  - Sencha", 1),
        ("paragraph", "Notes: Say it slowly.", 1),
        ("heading", "Milk", 2),
        ("paragraph", "One line", 2),
    ]
    assert {e.level for e in parsed.elements if e.kind == "heading"} == {2}
    assert (parsed.title, parsed.pages, parsed.parser) == ("Tea", 2, "pptx/2")


def test_grouped_shapes_and_merged_cells() -> None:
    def build(presentation: Pptx) -> None:
        slide = add_slide(presentation, TITLE_ONLY, "Tea")
        table = slide.shapes.add_table(2, 2, *PLACE).table
        table.cell(0, 0).merge(table.cell(0, 1))
        for row, column, text in ((0, 0, "wide"), (1, 0, "a"), (1, 1, "b")):
            table.cell(row, column).text = text
        outer = slide.shapes.add_group_shape()
        outer.shapes.add_group_shape().shapes.add_textbox(*PLACE).text_frame.text = "grouped"

    assert pieces(parse(written(build)))[1:] == [
        ("table", "| wide | wide |\n| --- | --- |\n| a | b |", 1),
        ("paragraph", "grouped", 1),
    ]


def test_charts_are_tables_of_their_values() -> None:
    def build(presentation: Pptx) -> None:
        data: Any = CategoryChartData()
        data.categories = ["2023", "2024"]
        data.add_series("Tea", (1.5, 2))
        shapes = add_slide(presentation, TITLE_ONLY, "Sales").shapes
        shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data)

    assert pieces(parse(written(build)))[1][1] == "|  | Tea |\n| --- | --- |\n| 2023 | 1.5 |\n| 2024 | 2 |"


def test_hidden_slides_are_left_out_and_keep_their_number() -> None:
    def build(presentation: Pptx) -> None:
        add_slide(presentation, TITLE_ONLY, "Secret")._element.set("show", "0")
        add_slide(presentation, TITLE_ONLY, "Shown")

    parsed = parse(written(build))
    assert pieces(parsed) == [("heading", "Shown", 2)]
    assert parsed.warnings == ("slide 1 is hidden and was left out",)


def test_more_slides_than_the_limit_are_refused() -> None:
    def build(presentation: Pptx) -> None:
        for _ in range(3):
            one_slide(presentation)

    with pytest.raises(Invalid) as raised:
        parse(written(build))
    assert raised.value.code == "too_many_pages"


def test_a_missing_slide_costs_only_itself() -> None:
    def build(presentation: Pptx) -> None:
        add_slide(presentation, TITLE_ONLY, "Lost")
        add_slide(presentation, TITLE_ONLY, "Kept")

    parsed = parse(changed(written(build), {"ppt/slides/slide1.xml": None}))
    assert pieces(parsed) == [("heading", "Kept", 2)]
    assert parsed.warnings == ("slide 1 is missing from the file",)


def test_a_damaged_slide_is_told_as_damage() -> None:
    data = written(one_slide)
    with pytest.raises(Invalid) as raised:
        parse(changed(data, {"ppt/slides/slide1.xml": ("<p:cSld>", "<p:cSld")}))
    assert raised.value.code == "broken"


def test_a_presentation_without_slides_has_no_elements() -> None:
    assert parse(written(nothing)).elements == ()
