"""The cells of a pipe table that stands in a text already."""

import re
from collections.abc import Iterator, Sequence

from assay_core.tables import Cell, Table

_PIPE = re.compile(r"(?<!\\)\|")


def table_of(text: str, rows: Sequence[tuple[int, int]], columns: int) -> Table:
    """The table whose rows, without the rule, are the lines at these offsets; the first is its head."""
    cells = [Cell(*place, is_header=place[0] == 0) for place in _cells(text, rows, columns)]
    return Table(len(rows), columns, 1, tuple(cells))


def _cells(text: str, rows: Sequence[tuple[int, int]], columns: int) -> Iterator[tuple[int, int, int, int]]:
    for row, (start, end) in enumerate(rows):
        start, end = _stripped(text, start, end)
        start += text.startswith("|", start, end)
        closed = end > start and text[end - 1] == "|" and text[end - 2] != "\\"
        ends = [found.start() for found in _PIPE.finditer(text, start, end)] + ([] if closed else [end])
        for column, stop in enumerate(ends[:columns]):
            yield (row, column, *_stripped(text, start, stop))
            start = stop + 1
        yield from ((row, column, end, end) for column in range(len(ends), columns))


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in " \t":
        start += 1
    while start < end and text[end - 1] in " \t":
        end -= 1
    return start, end
