"""Elements know the headings above them."""

from assay_core.documents import Element, ElementKind, with_heading_paths

TEXT = "Leave  policy\nDays\nTwenty.\nDeeper\nBack\nEnd."


def spanned(kind: ElementKind, words: str, level: int = 0) -> Element:
    start = TEXT.index(words)
    return Element(kind, start, start + len(words), level=level)


def test_each_element_has_the_headings_above_it_but_not_itself():
    elements = [
        spanned(ElementKind.HEADING, "Leave  policy", 1),
        spanned(ElementKind.HEADING, "Days", 3),
        spanned(ElementKind.PARAGRAPH, "Twenty."),
        spanned(ElementKind.HEADING, "Deeper", 4),
        spanned(ElementKind.HEADING, "Back", 2),
        spanned(ElementKind.PARAGRAPH, "End."),
    ]
    assert [e.heading_path for e in with_heading_paths(TEXT, elements)] == [
        (),
        ("Leave policy",),
        ("Leave policy", "Days"),
        ("Leave policy", "Days"),
        ("Leave policy",),
        ("Leave policy", "Back"),
    ]


def test_a_title_begins_anew():
    elements = [
        spanned(ElementKind.HEADING, "Leave  policy", 1),
        spanned(ElementKind.TITLE, "Days"),
        spanned(ElementKind.PARAGRAPH, "Twenty."),
    ]
    assert [e.heading_path for e in with_heading_paths(TEXT, elements)] == [(), (), ("Days",)]
