"""Rows of OpenDocument tables, where one cell or row may stand for many alike."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from assay_adapters.parsers.cells import cell_text
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.odf_text import direct, flat_text
from assay_adapters.parsers.xml_tree import attribute, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROW_GROUPS = frozenset({"table-header-rows", "table-row-group", "table-rows"})
_CELLS = ("table-cell", "covered-table-cell")
# Formats that spreadsheets fill up to their end repeat blank cells that often.
_MAX_COLUMNS = 16_384


def sheet_rows(table: "Element", *, name: str, limits: ParseLimits) -> Iterator[list[tuple[int, str]]]:
    """The rows of a sheet as (column, text), with values rather than what their format makes of them."""
    chars = 0
    for row in direct(table, "table-row", _ROW_GROUPS):
        cells = [(column, text) for column, text in _cells(row) if text]
        repeats = number(row, "number-rows-repeated", 1) if cells else 1
        size = sum(len(text) for _, text in cells) + len(cells)
        for _ in range(repeats):
            chars += size
            limits.check_chars(name, chars)
            yield cells


def table_rows(table: "Element", *, name: str, limits: ParseLimits) -> list[list[str]]:
    """The rows of a table in a text or on a slide."""
    rows: list[list[str]] = []
    chars = 0
    for row in direct(table, "table-row", _ROW_GROUPS):
        cells = dict(_cells(row))
        chars += sum(map(len, cells.values())) + len(cells)
        limits.check_chars(name, chars)
        rows.append([cells.get(column, "") for column in range(max(cells, default=-1) + 1)])
    return rows


def _cells(row: "Element") -> Iterator[tuple[int, str]]:
    column = 0
    for cell in row:
        if local(cell) not in _CELLS:
            continue
        repeats = max(number(cell, "number-columns-repeated", 1), 1)
        text = _text(cell) if local(cell) == "table-cell" else ""
        last = min(column + repeats, _MAX_COLUMNS)
        if text:
            yield from ((place, text) for place in range(column, last))
        elif column < last:
            yield column, ""
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
