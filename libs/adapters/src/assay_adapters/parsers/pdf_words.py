"""The words of a page with their places, in points from the upper left of the page as it is shown."""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay_core.documents import Box

from assay_adapters.parsers.decoding import without_controls

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

SOFT_HYPHEN = "\u00ad"
# PDFium marks the hyphen of a word that it joined over a line end with U+FFFE or U+0002.
_JOINED = re.compile("[\ufffe\x02]")
_SAME_HEIGHT = 0.01
_TOKEN = re.compile(r"\S+")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
_BOLD = re.compile(rb"bold|black|heavy|cmbx|demi", re.I)


@dataclass(slots=True)
class Word:
    """Text without blanks in it, and its place; `size` is that of its font. Points from the upper left."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool = False

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


@dataclass(frozen=True, slots=True)
class Frame:
    """How coordinates of a page's content become places on the page, turned so that most of its text stands upright.

    `turn` is how far the content is turned clockwise for that: 0, 90, 180 or 270.
    """

    left: float
    bottom: float
    right: float
    top: float
    turn: int

    @property
    def width(self) -> float:
        return self.right - self.left if self.turn % 180 == 0 else self.top - self.bottom

    @property
    def height(self) -> float:
        return self.top - self.bottom if self.turn % 180 == 0 else self.right - self.left

    def place(self, x: float, y: float) -> tuple[float, float]:
        match self.turn:
            case 90:
                return y - self.bottom, x - self.left
            case 180:
                return self.right - x, y - self.bottom
            case 270:
                return self.top - y, self.right - x
            case _:
                return x - self.left, self.top - y

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The box around two corners."""
        (a, b), (c, d) = self.place(x0, y0), self.place(x1, y1)
        return Box(min(a, c), min(b, d), max(a, c), max(b, d))


def read_words(page: "PdfPage") -> tuple[Frame, list[Word], list[Word]]:
    """The words of a page in the order of its content: those that stand upright, and those at another angle."""
    text_page = page.get_textpage()
    found = list(_words(text_page))
    text_page.close()
    angles = Counter[int]()
    for _, _, angle in found:
        angles[angle] += 1
    main = angles.most_common(1)[0][0] if angles else page.get_rotation()
    frame = Frame(*page.get_bbox(), main)
    upright: list[Word] = []
    askew: list[Word] = []
    for word, corners, angle in found:
        box = frame.box(*corners)
        word.left, word.top, word.right, word.bottom = box.left, box.top, box.right, box.bottom
        (upright if angle == main else askew).append(word)
    return frame, upright, askew


def _words(text_page: "PdfTextPage") -> Iterator[tuple[Word, tuple[float, float, float, float], int]]:
    """Words with two corners in the content's coordinates, and how far they must be turned to stand upright."""
    import pypdfium2.raw as pdfium

    text = text_page.get_text_range()
    units = _units(text)
    matrix, rect = pdfium.FS_MATRIX(), pdfium.FS_RECTF()
    height, size, angle, bold = -1.0, 0.0, 0, False
    for start, end, shown, at_line_end in _tokens(text):
        first = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, units(start))
        pdfium.FPDFText_GetLooseCharBox(text_page, first, rect)
        x0, y0, x1, y1 = rect.left, rect.bottom, rect.right, rect.top
        if at_line_end or abs(y1 - y0 - height) > _SAME_HEIGHT:
            # A font of one size has boxes of one height: what is known of the word before holds for this one.
            height = y1 - y0
            pdfium.FPDFText_GetMatrix(text_page, first, matrix)
            # The font's size times the scale of its matrix: some writers set size 1 and scale.
            size = pdfium.FPDFText_GetFontSize(text_page, first) * math.hypot(matrix.c, matrix.d)
            angle = round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) * 90 % 360
            bold = _is_bold(text_page, first)
        if end - start > 1:
            last = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, units(end - 1))
            pdfium.FPDFText_GetLooseCharBox(text_page, last, rect)
            x0, y0 = min(x0, rect.left), min(y0, rect.bottom)
            x1, y1 = max(x1, rect.right), max(y1, rect.top)
        yield Word(shown, 0, 0, 0, 0, round(size, 1) or round(y1 - y0, 1), bold), (x0, y0, x1, y1), angle


def _is_bold(text_page: "PdfTextPage", index: int) -> bool:
    import pypdfium2.raw as pdfium

    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, 128, flags)
    return _BOLD.search(name.value) is not None


def _tokens(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """Start, end and text of each word, and whether it is the first or the last of a line of PDFium's.

    One that goes on in the next line comes in two, a soft hyphen at the cut.
    """
    for match in _TOKEN.finditer(text):
        begin, stop = match.span()
        at_end = begin == 0 or text[begin - 1] == "\n" or text[stop : stop + 1] in ("", "\r")
        start = begin
        for joint in _JOINED.finditer(match[0]):
            end = begin + joint.start()
            if end > start:
                yield start, end, _cleaned(text[start:end]) + SOFT_HYPHEN, at_end
            start = begin + joint.end()
            at_end = True
        shown = _cleaned(text[start:stop])
        if shown:
            yield start, stop, shown, at_end


def _cleaned(text: str) -> str:
    return without_controls(text).replace(" ", "").translate(_LIGATURES)


def _units(text: str) -> Callable[[int], int]:
    """PDFium counts UTF-16 units, Python characters."""
    if not text or max(text) <= "\uffff":
        return lambda index: index
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if character > "\uffff" else 1))
    return lambda index: offsets[index]
