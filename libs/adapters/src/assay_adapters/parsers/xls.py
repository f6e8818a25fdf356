"""Excel workbooks before 2007."""

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal
from zipfile import BadZipFile

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.cells import cell_text
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.ole import encrypted, refuse_encrypted
from assay_adapters.parsers.sheets import SheetRow, SheetWriter
from assay_adapters.parsers.titles import best_title

if TYPE_CHECKING:
    from xlrd.book import Book
    from xlrd.sheet import Cell, Sheet

PARSER = "xls/2"
MEDIA_TYPE = "application/vnd.ms-excel"

# xlrd checks its own assumptions with `assert`; the rest is what damage runs into.
# BadZipFile: it looks whether the file is a new workbook. RuntimeError: recursion.
_DAMAGE = (
    *(struct.error, AssertionError, LookupError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, OSError, EOFError, RuntimeError, BadZipFile),
)


def parse_xls(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Each visible sheet as a heading of level 2 with its tables.

    Raises:
        Invalid: encrypted, broken or too_large.
    """
    from xlrd.biffh import XLRDError
    from xlrd.compdoc import CompDocError

    refuse_encrypted(data, name=name)
    canvas = Canvas()
    try:
        hidden = _write_book(data, canvas, SheetWriter(canvas, name=name, limits=limits))
    except (XLRDError, CompDocError, *_DAMAGE) as e:
        if "encrypted" in str(e):
            raise encrypted(name) from e
        raise Invalid(f"{name!r} is damaged: it cannot be read as a workbook ({e})", code="broken") from e
    text, elements = canvas.finish()
    left_out = tuple(f"sheet {title!r} is hidden and was left out" for title in hidden)
    return ParsedDocument(text, elements, best_title("", text, elements), MEDIA_TYPE, PARSER, None, left_out)


def _write_book(data: bytes, canvas: Canvas, writer: SheetWriter) -> list[str]:
    """Returns the titles of the hidden sheets."""
    import xlrd

    # Ragged rows: else one far cell makes xlrd fill up every row. The log would go to standard output. Merged cells
    # come with the formats only.
    book = xlrd.open_workbook(
        file_contents=data, logfile=io.StringIO(), on_demand=True, ragged_rows=True, formatting_info=True
    )
    hidden: list[str] = []
    for index, title in enumerate(book.sheet_names()):
        sheet = book.sheet_by_index(index)
        if sheet.visibility:
            hidden.append(title)
        else:
            canvas.heading(title, 2)
            writer.write(_rows(book, sheet))
        book.unload_sheet(index)
    return hidden


def _rows(book: "Book", sheet: "Sheet") -> Iterator[SheetRow]:
    spans: dict[int, dict[int, tuple[int, int]]] = {}
    for top, bottom, left, right in sheet.merged_cells:
        spans.setdefault(top, {})[left] = (bottom - top, right - left)
    for index in range(sheet.nrows):
        cells = [(column, _text(book, cell)) for column, cell in enumerate(sheet.row(index))]
        yield SheetRow(cells, spans.get(index, {}))


def _text(book: "Book", cell: "Cell") -> str:
    import xlrd

    match cell.ctype:
        case xlrd.XL_CELL_DATE:
            return _date(float(cell.value), book.datemode)
        case xlrd.XL_CELL_BOOLEAN:
            return cell_text(bool(cell.value))
        case xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code.get(int(cell.value), "")
        case _:
            return cell_text(cell.value)


def _date(days: float, datemode: Literal[0, 1]) -> str:
    """Numbers below one are times of day; the ones no date has are shown as they are."""
    from xlrd.xldate import xldate_as_datetime

    try:
        moment = xldate_as_datetime(days, datemode)
    except (OverflowError, ValueError):
        return cell_text(days)
    return cell_text(moment.time() if 0 <= days < 1 else moment)
