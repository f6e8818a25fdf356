"""Tables of XML: those of CALS (DocBook, JATS, patents) and those of HTML."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from assay_adapters.parsers.tables import TableDraft
from assay_adapters.parsers.xml_tree import attribute, children, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROWS = frozenset({"row", "tr"})
CELLS = frozenset({"entry", "td", "th"})

_POINTS = re.compile(r"(\d{1,5})(?:\.\d+)?(?:pt)?")
_MAX_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a part of a table: their names, and where each begins in the grid of the whole table."""

    names: dict[str, int] = field(default_factory=dict[str, int])
    starts: tuple[int, ...] = ()

    def span(self, first: int, columns: int) -> int:
        """How many columns of the grid so many of its own cover from a column of the grid on."""
        own = bisect_left(self.starts, first)
        last = min(own + columns, len(self.starts) - 1)
        return max(1, self.starts[last] - first) if own < last else columns


def table_draft(table: "Element", text_of: "Callable[[Element], str]") -> TableDraft:
    """All rows below a table, also those of tables inside of it."""
    draft = TableDraft()
    for columns, row, is_head in _rows(table):
        draft.next_row(header=is_head)
        for cell in (node for node in row if local(node).lower() in CELLS):
            _add(draft, cell, columns, text_of(cell))
    return draft


def _rows(table: "Element") -> "Iterator[tuple[_Columns, Element, bool]]":
    heads = {id(row) for node in table.iter() if local(node).lower() == "thead" for row in node.iter()}
    groups = children(table, "tgroup") or [table]
    for group, columns in zip(groups, _grids(groups), strict=True):
        for row in (node for node in group.iter() if local(node).lower() in ROWS):
            yield columns, row, id(row) in heads


def _grids(groups: "list[Element]") -> list[_Columns]:
    """Parts one upon the other, of equal width but with columns of their own (patents have such), share one grid."""
    specs = [children(group, "colspec")[:_MAX_COLUMNS] for group in groups]
    names = [{attribute(spec, "colname"): at for at, spec in enumerate(group)} for group in specs]
    edges = [[0, *accumulate(_width(spec) for spec in group)] for group in specs]
    alike = len(groups) > 1 and len({ends[-1] for ends in edges}) == 1
    if not alike or any(a >= b for ends in edges for a, b in pairwise(ends)):
        return [_Columns(own, tuple(range(len(own) + 1))) for own in names]
    place = {edge: at for at, edge in enumerate(sorted({edge for ends in edges for edge in ends}))}
    return [_Columns(own, tuple(place[edge] for edge in ends)) for own, ends in zip(names, edges, strict=True)]


def _width(spec: "Element") -> int:
    found = _POINTS.fullmatch(attribute(spec, "colwidth").strip())
    return int(found[1]) if found else 0


def _add(draft: TableDraft, cell: "Element", columns: _Columns, text: str) -> None:
    """CALS counts the rows that are added to the first (`morerows`), and names the columns at both ends."""
    first, last = columns.names.get(attribute(cell, "namest")), columns.names.get(attribute(cell, "nameend"))
    own = last - first + 1 if first is not None and last is not None else number(cell, "colspan", 1)
    rows = number(cell, "morerows", -1) + 1 or number(cell, "rowspan", 1)
    span = columns.span(draft.next_column, max(own, 1))
    draft.cell(text, row_span=rows, column_span=span, header=local(cell).lower() == "th")
