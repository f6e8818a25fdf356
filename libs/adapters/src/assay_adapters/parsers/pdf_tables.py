"""What the finders of tables share: a table with its place, and words put into its cells."""

import re
from collections.abc import Mapping, Sequence
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

    @property
    def header_rows(self) -> int:
        """Rows before the first one that holds an amount; 1 where none or the first one does."""
        for number, row in enumerate(self.rows[:_MOST_HEADER_ROWS]):
            if any(_AMOUNT.fullmatch(cell) and not _YEAR.fullmatch(cell) for cell in row):
                return max(number, 1)
        return 1


_AMOUNT = re.compile(r"[($€£¥₩₹+-]*\s?\d[\d,.' ]*[%)]*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_MOST_HEADER_ROWS = 6
_BEFORE = re.compile(r"[$€£¥₩₹(]+|US\$|R\$")
_AFTER = re.compile(r"[%)]+")


def tidied(table: FoundTable) -> FoundTable:
    """The table without columns that hold nothing, or only the signs of the amounts beside them."""
    width = len(table.rows[0])
    starts = {(span.row, span.column): span for span in table.merged}
    covered = {
        (span.row, column)
        for span in table.merged
        for column in range(span.column, span.column + span.column_span)
        if span.column_span > 1
    }
    target = list(range(width))
    for column in range(width):
        texts = [(i, row[column]) for i, row in enumerate(table.rows) if row[column]]
        own = [text for i, text in texts if (i, column) not in covered]
        if not own:
            target[column] = column + 1 if column + 1 < width else column - 1
        elif column + 1 < width and all(_BEFORE.fullmatch(text) for text in own):
            target[column] = column + 1
        elif column > 0 and all(_AFTER.fullmatch(text) for text in own):
            target[column] = column - 1
    return _folded(table, target, starts) if width > 2 and target != list(range(width)) else table


def count_amounts(cell: str) -> int:
    """How many amounts a cell holds; 0 if there is anything else in it."""
    words = [word for word in cell.split() if not _BEFORE.fullmatch(word)]
    return len(words) if all(_AMOUNT.fullmatch(word) or word in "-–—" for word in words) else 0


def _folded(table: FoundTable, target: Sequence[int], starts: Mapping[tuple[int, int], Merged]) -> FoundTable:
    """Each column put into another, or left where it is."""
    ends: list[int] = []
    for column in range(len(target)):
        end, seen = column, set[int]()
        while target[end] != end and end not in seen:
            seen.add(end)
            end = target[end]
        ends.append(end)
    kept = sorted(set(ends))
    index = {column: kept.index(end) for column, end in enumerate(ends)}
    rows: list[list[str]] = []
    merged: list[Merged] = []
    for number, row in enumerate(table.rows):
        cells = [""] * len(kept)
        for column, text in enumerate(row):
            at = index[column]
            cells[at] = _put_together(cells[at], text)
            if (span := starts.get((number, column))) is not None:
                last = index[column + span.column_span - 1]
                if last > at or span.row_span > 1:
                    merged.append(Merged(number, at, span.row_span, last - at + 1))
        rows.append(cells)
    return FoundTable(rows, merged, table.box)


def _put_together(before: str, text: str) -> str:
    close = _BEFORE.fullmatch(before) or _AFTER.fullmatch(text)
    return f"{before}{text}" if close or not before or not text else f"{before} {text}"


def cell_text(words: Sequence[Word]) -> str:
    """The words of a cell in lines, as one line."""
    return joined_text([line_of(row) for row in rows_of(words)], glue=" ")
