"""Pages that are pictures of text."""

import ctypes
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.pdf_blocks import Block, page_blocks
from assay_adapters.parsers.pdf_rules import Rules
from assay_adapters.parsers.pdf_words import Frame, Word
from assay_adapters.parsers.recognition import Recognition

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_FEW_CHARS = 24
_LEAST_COVERED = 0.2
_MANY_PATHS = 50
_SCALE = 200 / 72
_MAX_PIXELS = 5_000_000
_MAX_OBJECTS = 2000


def needs_recognition(page: "PdfPage", frame: Frame, words: Sequence[Word]) -> bool:
    """Whether a page shows more than its text layer says: next to no characters, or none that mean anything."""
    text = "".join(word.text for word in words)
    meant = sum(1 for c in text if c.isalnum())
    garbled = sum(1 for c in text if c == "\ufffd" or "\ue000" <= c <= "\uf8ff")
    if meant > _FEW_CHARS and garbled * 2 < len(text):
        return False
    return _shows_picture(page, frame)


def _shows_picture(page: "PdfPage", frame: Frame) -> bool:
    """Whether pictures cover some of the page, or it has drawings enough for letters drawn as curves."""
    import pypdfium2.raw as pdfium

    covered, paths = 0.0, 0
    sides = [ctypes.c_float() for _ in range(4)]
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        item = pdfium.FPDFPage_GetObject(page, index)
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            pdfium.FPDFPageObj_GetBounds(item, *sides)
            left, bottom, right, top = (side.value for side in sides)
            covered += max(0.0, right - left) * max(0.0, top - bottom)
    return covered > _LEAST_COVERED * frame.width * frame.height or paths > _MANY_PATHS


class Scans:
    """Recognises scanned pages of a document within the budget of one file, and says what was left out."""

    def __init__(self, document: "PdfDocument", limits: ParseLimits) -> None:
        self._document = document
        self._recognition = Recognition(limits)

    def read(self, number: int) -> tuple[list[Block], float]:
        """The blocks of a page (from 1) and its height; none where the budget is spent or nothing is found."""
        if not self._recognition.may_go_on(number):
            return [], 0.0
        page = self._document[number - 1]
        width, height = page.get_size()
        scale = min(_SCALE, math.sqrt(_MAX_PIXELS / max(width * height, 1.0)))
        # Its default of 1 is taken for its type; it is any number.
        picture = page.render(scale=cast("int", scale), grayscale=True).to_pil()
        page.close()
        words, height_px = self._recognition.words(picture, number, pixels_per_point=scale)
        return page_blocks(number, words, [], Rules(), height_px / scale), height_px / scale

    def warnings(self) -> tuple[str, ...]:
        return self._recognition.warnings()

    def nothing_found(self, name: str) -> Invalid:
        """Why there is no text."""
        return self._recognition.nothing_found(name)
