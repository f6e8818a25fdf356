import ctypes
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay_adapters.parsers.decoding import without_controls

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

# PDFium marks the hyphen of a word that it joined over a line end with U+FFFE or U+0002. A soft hyphen says the
# same to renderers, tokenizers and our analyzer.
_JOINED = str.maketrans({"\ufffe": "\u00ad", "\x02": "\u00ad"})
_SAME_BASELINE = 0.6


@dataclass(slots=True)
class Line:
    """A line of a page; it starts at `x` and `y` and ends at the height `y_end`, in points from the lower left.

    `pieces` counts what stands side by side on its baseline, such as the cells of a table.
    """

    text: str
    x: float
    y: float
    y_end: float
    size: float
    bold: bool
    pieces: int = 1


def read_lines(page: "PdfPage") -> list[Line]:
    """The lines of a page in the order of its content."""
    text_page = page.get_textpage()
    lines: list[Line] = []
    position = 0
    for raw in text_page.get_text_range().split("\r\n"):
        text = " ".join(without_controls(raw.translate(_JOINED)).split())
        if text:
            first = position + len(raw) - len(raw.lstrip())
            _add(lines, _line(text_page, text, first, position + len(raw.rstrip()) - 1))
        position += len(raw) + 2
    text_page.close()
    return lines


def _add(lines: list[Line], line: Line) -> None:
    """PDFium starts a new line at superscripts and table cells: join what stands on one baseline."""
    before = lines[-1] if lines else None
    if before and line.x > before.x and abs(line.y - before.y_end) < _SAME_BASELINE * max(before.size, line.size):
        glue = "" if line.text[0] in ".,;:)" else " "
        before.text += glue + line.text
        before.bold = before.bold and line.bold
        before.pieces += 1
        before.size = max(before.size, line.size)
    else:
        lines.append(line)


def _line(text_page: "PdfTextPage", text: str, first: int, last: int) -> Line:
    import pypdfium2.raw as pdfium

    at_first = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, first)
    at_last = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, last)
    x, y = _origin(text_page, at_first)
    _, y_end = _origin(text_page, at_last)
    bold = _is_bold(text_page, at_first) and _is_bold(text_page, at_last)
    return Line(text, x, y, y_end, _size(text_page, at_first), bold)


def _origin(text_page: "PdfTextPage", index: int) -> tuple[float, float]:
    import pypdfium2.raw as pdfium

    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text_page, index, x, y)
    return x.value, y.value


def _size(text_page: "PdfTextPage", index: int) -> float:
    """Points on paper: the font's size times the scale of its matrix (some writers set size 1 and scale)."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text_page, index, matrix)
    return round(pdfium.FPDFText_GetFontSize(text_page, index) * math.hypot(matrix.c, matrix.d), 1)


def _is_bold(text_page: "PdfTextPage", index: int) -> bool:
    import pypdfium2.raw as pdfium

    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, 128, flags)
    lowered = name.value.lower()
    return b"bold" in lowered or b"black" in lowered or b"heavy" in lowered or b"cmbx" in lowered
