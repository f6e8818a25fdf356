"""Tables of HTML: which of them hold data, and where their cells stand."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from assay_adapters.parsers.tables import TableDraft

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_CELLS = ("td", "th")
_GROUPS = ("thead", "tbody", "tfoot")
# A row is one line of text: what is longer reads better as blocks, whatever a table it stands in.
_MAX_CELL_CHARS = 2000
_MAX_PLAIN_CELL_CHARS = 500
_TO_THE_END = 1_000_000


def is_data_table(table: "LexborNode") -> bool:
    """Whether rows and columns say something; tables that lay out a page are walked like any block.

    Lists and tables inside of cells are no sign of layout where there are heading cells, or at least two rows and
    columns of short ones.
    """
    if table.attributes.get("role") in ("presentation", "none") or table.css_first("h1, h2, h3, h4") is not None:
        return False
    nested = len(table.css("table")) > 1  # the search includes the table itself
    if not nested and table.css_first("ul, ol, pre") is None:
        return True
    rows = [list(_cells(row)) for _, row in _rows(table)]
    longest = max((len(" ".join(cell.text(deep=True).split())) for row in rows for cell in row), default=0)
    if any(cell.tag == "th" for row in rows for cell in row):
        return longest <= _MAX_CELL_CHARS
    broad = sum(len(row) > 1 for row in rows) > 1
    return broad and longest <= _MAX_PLAIN_CELL_CHARS and table.css_first("pre") is None


def table_draft(table: "LexborNode", text_of: "Callable[[LexborNode], str]", *, skipped: frozenset[int]) -> TableDraft:
    """The cells of a table, without those of tables inside of it."""
    draft = TableDraft()
    for group, row in _rows(table):
        if row.mem_id in skipped:
            continue
        cells = [cell for cell in _cells(row) if cell.mem_id not in skipped]
        headings = all(cell.tag == "th" for cell in cells) and (len(cells) > 1 or not draft.rows)
        draft.next_row(header=group == "thead" or headings)
        for cell in cells:
            draft.cell(
                text_of(cell),
                row_span=_span(cell, "rowspan") or _TO_THE_END,
                column_span=_span(cell, "colspan"),
                header=cell.tag == "th",
            )
    return draft


def _rows(table: "LexborNode") -> "Iterator[tuple[str, LexborNode]]":
    """Each row with the group that it is in."""
    for node in table.iter():
        if node.tag == "tr":
            yield "", node
        elif node.tag in _GROUPS:
            yield from ((node.tag or "", row) for row in node.iter() if row.tag == "tr")


def _cells(row: "LexborNode") -> "Iterator[LexborNode]":
    return (cell for cell in row.iter() if cell.tag in _CELLS)


def _span(cell: "LexborNode", name: str) -> int:
    value = (cell.attributes.get(name) or "").strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 7 else 1
