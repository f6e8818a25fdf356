"""Which names and metadata a filter fits."""

import pytest
from assay_core.document_filter import DocumentFilter


@pytest.mark.parametrize(
    ("patterns", "name", "fits"),
    [
        (("a.md",), "a.md", True),
        (("a.md",), "b/a.md", False),
        (("*.md",), "b/a.md", True),
        (("reports/2024-*",), "reports/2024-01.pdf", True),
        (("x", "?.md"), "a.md", True),
        (("A.md",), "a.md", False),
        ((), "a.md", True),
    ],
)
def test_one_pattern_of_names_must_fit_the_whole_name(patterns: tuple[str, ...], name: str, fits: bool) -> None:
    assert DocumentFilter(names=patterns).fits(name, {}) is fits


def test_every_metadata_value_must_fit_and_tags_hold_theirs() -> None:
    wanted = DocumentFilter(metadata={"author": "Ada", "topics": "hr"})
    assert wanted.fits("a", {"author": "Ada", "topics": ["hr", "law"]})
    assert not wanted.fits("a", {"author": "Ada", "topics": ["law"]})
    assert not wanted.fits("a", {"author": "Ada"})
    assert not wanted.fits("a", {"author": "Eve", "topics": ["hr"]})


def test_only_a_filter_that_asks_nothing_is_empty() -> None:
    assert DocumentFilter().is_empty
    assert not DocumentFilter(ids=("x",)).is_empty
    assert not DocumentFilter(metadata={"a": "b"}).is_empty
