"""Excel workbooks since 2007 (also with macros, which are not read).

Values are the ones that were last calculated.
"""

import io
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.cells import cell_text
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.opc import Package
from assay_adapters.parsers.sheets import SheetRow, SheetWriter
from assay_adapters.parsers.titles import best_title
from assay_adapters.parsers.xlsx_comments import comments_by_sheet
from assay_adapters.parsers.xlsx_merges import merged_cells

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

PARSER = "xlsx/2"
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# openpyxl has no error of its own for damage: what it meets comes out as it is.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RecursionError),
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError, AssertionError),
)


def parse_xlsx(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Each visible sheet as a heading of level 2 with its tables and comments.

    Raises:
        Invalid: encrypted, broken or too_large.
    """
    package = Package(data, name=name, limits=limits)
    canvas = Canvas()
    with _damage_told(name):
        workbook = _opened(data)
        hidden = _write_sheets(workbook, canvas, SheetWriter(canvas, name=name, limits=limits), package)
        declared = workbook.properties.title or ""
    text, elements = canvas.finish()
    left_out = tuple(f"sheet {title!r} is hidden and was left out" for title in hidden)
    return ParsedDocument(text, elements, best_title(declared, text, elements), MEDIA_TYPE, PARSER, None, left_out)


@contextmanager
def _damage_told(name: str) -> Generator[None]:
    try:
        # openpyxl warns of each extension that it does not know.
        with warnings.catch_warnings(action="ignore"):
            yield
    except _DAMAGE as e:
        raise Invalid(f"{name!r} is damaged: it cannot be read as a workbook ({e})", code="broken") from e


def _opened(data: bytes) -> "Workbook":
    from openpyxl import load_workbook

    return load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)


def _write_sheets(workbook: "Workbook", canvas: Canvas, writer: SheetWriter, package: Package) -> list[str]:
    """Returns the titles of the hidden sheets."""
    hidden: list[str] = []
    comments, merged = comments_by_sheet(package), merged_cells(package)
    for sheet in workbook.worksheets:
        title = str(sheet.title)
        if sheet.sheet_state != "visible":
            hidden.append(title)
            continue
        canvas.heading(title, 2)
        # The size that a sheet declares may be wrong, or all of the million rows there can be.
        sheet.reset_dimensions()  # pyright: ignore[reportAttributeAccessIssue]  # a ReadOnlyWorksheet has it
        spans = merged.get(title, {})
        rows = enumerate(sheet.iter_rows(values_only=True))
        writer.write(SheetRow(_texts(row), spans.get(number, {})) for number, row in rows)
        for comment in comments.get(title, ()):
            canvas.paragraph(comment)
    return hidden


def _texts(row: Iterable[object]) -> Iterator[tuple[int, str]]:
    return ((column, cell_text(value)) for column, value in enumerate(row) if value is not None)
