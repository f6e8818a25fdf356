"""Rows of OpenDocument tables, where one cell or row may stand for many alike."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from assay_adapters.parsers.cells import cell_text
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.odf_text import direct, flat_text
from assay_adapters.parsers.sheets import SheetRow
from assay_adapters.parsers.tables import TableDraft
from assay_adapters.parsers.xml_tree import attribute, children, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROW_GROUPS = frozenset({"table-header-rows", "table-row-group", "table-rows"})
_CELLS = ("table-cell", "covered-table-cell")
# Formats that spreadsheets fill up to their end repeat blank cells that often.
_MAX_COLUMNS = 16_384


class _Cell(NamedTuple):
    column: int
    text: str
    row_span: int
    column_span: int


def sheet_rows(table: "Element", *, name: str, limits: ParseLimits) -> Iterator[SheetRow]:
    """The rows of a sheet, with values rather than what their format makes of them."""
    chars = 0
    for row in direct(table, "table-row", _ROW_GROUPS):
        cells = [cell for cell in _cells(row) if cell.text]
        spans = {cell.column: (cell.row_span, cell.column_span) for cell in cells}
        repeats = number(row, "number-rows-repeated", 1) if cells else 1
        size = sum(len(cell.text) for cell in cells) + len(cells)
        for _ in range(repeats):
            chars += size
            limits.check_chars(name, chars)
            yield SheetRow([(cell.column, cell.text) for cell in cells], spans)


def table_draft(table: "Element", *, name: str, limits: ParseLimits) -> TableDraft:
    """A table in a text or on a slide."""
    draft = TableDraft()
    chars = 0
    heads = {id(row) for group in children(table, "table-header-rows") for row in group}
    for row in direct(table, "table-row", _ROW_GROUPS):
        draft.next_row(header=id(row) in heads)
        for cell in _cells(row):
            chars += len(cell.text) + 1
            limits.check_chars(name, chars)
            draft.cell(cell.text, row_span=cell.row_span, column_span=cell.column_span, column=cell.column)
    return draft


def _cells(row: "Element") -> Iterator[_Cell]:
    """The cells of a row but those that others cover; one that is repeated stands for as many as have text."""
    column = 0
    for cell in row:
        if local(cell) not in _CELLS:
            continue
        last = min(column + max(number(cell, "number-columns-repeated", 1), 1), _MAX_COLUMNS)
        text = _text(cell) if local(cell) == "table-cell" else ""
        spans = number(cell, "number-rows-spanned", 1), number(cell, "number-columns-spanned", 1)
        if text:
            yield from (_Cell(place, text, *spans) for place in range(column, last))
        column = last


def _text(cell: "Element") -> str:
    """Numbers and dates as they are stored: a format may round them, or leave out the year."""
    value = attribute(cell, "value")
    match attribute(cell, "value-type"):
        case "float" | "currency" | "percentage" if value:
            try:
                return cell_text(float(value))
            except ValueError:
                return value
        case "date":
            return _date(attribute(cell, "date-value"))
        case _:
            return flat_text(cell) or attribute(cell, "string-value")


def _date(value: str) -> str:
    try:
        return cell_text(datetime.fromisoformat(value))
    except ValueError:
        return value
