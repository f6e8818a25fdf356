"""What the finders of tables share: a table with its place, and words put into its cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay_core.documents import Box

from assay_adapters.parsers.pdf_lines import joined_text, line_of, rows_of
from assay_adapters.parsers.pdf_words import Word
from assay_adapters.parsers.tables import Merged


@dataclass(slots=True)
class FoundTable:
    """Rows of cells, those that span others, and where the table stands."""

    rows: list[list[str]]
    merged: list[Merged]
    box: Box


def cell_text(words: Sequence[Word]) -> str:
    """The words of a cell in lines, as one line."""
    return joined_text([line_of(row) for row in rows_of(words)], glue=" ")
