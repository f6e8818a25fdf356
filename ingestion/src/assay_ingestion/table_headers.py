"""The heading rows of tables, for passages that begin further down in one: they are embedded with them, not quoted."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from assay_core.documents import Element, ElementKind, ParsedDocument

_RULE = re.compile(r"\|?[\s:|-]+\|?")
_PIPE = re.compile(r"(?<!\\)\|")
_MAX_ROW_CHARS = 2000
# The most of what the embedder reads that heading rows may take, in documents with a table that may be divided.
_SHARE = 8

CountTokens = Callable[[Sequence[str]], list[int]]


class _Head(NamedTuple):
    """What stands above the rows of a table, which reach from `body` to `end`."""

    body: int
    end: int
    text: str


class TableHeaders:
    """Finds the heading rows for a place in a document."""

    def __init__(self, parsed: ParsedDocument, *, budget_tokens: int, max_tokens: int, count: CountTokens) -> None:
        long = [e for e in parsed.elements if e.kind is ElementKind.TABLE and e.end - e.start > budget_tokens]
        heads = (_head_of(parsed.text, element) for element in long)
        self._most_tokens = max_tokens // _SHARE
        self._heads = [_shortened(head, self._most_tokens, count) for head in heads if head is not None]
        self._bodies = [head.body for head in self._heads]

    @property
    def room_tokens(self) -> int:
        """What passages must leave free."""
        return self._most_tokens if self._heads else 0

    def above(self, start: int) -> str:
        """The heading rows of the table that a passage from `start` begins in, in one line; empty where it has them."""
        at = bisect_right(self._bodies, start) - 1
        return self._heads[at].text if at >= 0 and start < self._heads[at].end else ""


def _head_of(text: str, element: Element) -> _Head | None:
    """None for a table whose rows all are headings."""
    wanted = element.table.header_rows if element.table is not None else 1
    rows: list[str] = []
    for start, end in _lines(text, element):
        line = text[start : min(end, start + _MAX_ROW_CHARS)]
        if _RULE.fullmatch(line):
            continue
        if len(rows) == wanted:
            return _Head(start, element.end, " / ".join(rows)) if rows else None
        rows.append(_cells(line))
    return None


def _lines(text: str, element: Element) -> Iterator[tuple[int, int]]:
    start = element.start
    while start < element.end:
        stop = text.find("\n", start, element.end)
        end = stop if stop >= 0 else element.end
        yield start, end
        start = end + 1


def _cells(row: str) -> str:
    """A pipe row without its pipes; what a merged cell repeats beside itself is said once."""
    cells = [" ".join(cell.replace("\\|", "|").split()) for cell in _PIPE.split(row.strip().strip("|"))]
    told = [cell for cell, before in zip(cells, ["", *cells], strict=False) if cell and cell != before]
    return " | ".join(told)


def _shortened(head: _Head, most_tokens: int, count: CountTokens) -> _Head:
    line = head.text
    while line and count([line])[0] > most_tokens:
        line = line[: len(line) * 3 // 4].rstrip("… |/")
    return head._replace(text=line)
