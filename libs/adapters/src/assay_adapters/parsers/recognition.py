"""Text recognition of the pages of one file, within its budget of pages and time."""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.ocr import ReadLine, Recogniser
from assay_adapters.parsers.ocr_models import can_recognise
from assay_adapters.parsers.pdf_words import Word

if TYPE_CHECKING:
    from PIL.Image import Image

# The outline of a line that the model gives has some air above and below.
_AIR = 0.18
_MUCH_LARGER = 1.4
_SHOWN_PAGES = 8


class Recognition:
    """Reads pictures of pages until the budget is spent; the models are opened with the first."""

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._recogniser = Recogniser()
        self._read: list[int] = []
        self._partly: list[int] = []
        self._left_out: list[int] = []

    def may_go_on(self, page: int) -> bool:
        """Whether there is budget for a page; remembers that it was left out if not."""
        pages, until_s = self._limits.recognition_pages, self._limits.recognition_until_s
        if can_recognise() and len(self._read) < pages and time.monotonic() < until_s:
            self._read.append(page)
            return True
        self._left_out.append(page)
        return False

    def words(self, picture: "Image", page: int, *, pixels_per_point: float) -> tuple[list[Word], int]:
        """The words of a picture in points, and the height in pixels of the picture as it stands upright."""
        found = self._recogniser.read(picture, until_s=self._limits.recognition_until_s)
        if not found.complete:
            self._partly.append(page)
        words = [word for line in found.lines for word in _words(line, pixels_per_point)]
        _even_out(words)
        return words, found.height

    def warnings(self) -> tuple[str, ...]:
        """What is missing, and why."""
        warnings: list[str] = []
        if not can_recognise() and self._left_out:
            return (f"{_pages(self._left_out)} not read: text recognition is not installed",)
        if self._partly:
            warnings.append(f"{_pages(self._partly)} read in part: the time for text recognition was spent")
        if self._left_out:
            full = len(self._read) >= self._limits.recognition_pages
            limit = f"{self._limits.recognition_pages} pages a file" if full else "the time limit"
            warnings.append(f"{_pages(self._left_out)} not read: text recognition reached {limit}; split the file")
        return tuple(warnings)

    def nothing_found(self, name: str) -> Invalid:
        """Why there is no text."""
        if not self._left_out and not self._partly:
            tried = f": text recognition found none on {_pages(self._read)}" if self._read else ""
            return Invalid(f"{name!r} has no text{tried}", code="no_text")
        if not can_recognise():
            return Invalid(f"{name!r} is a scan, and text recognition is not installed", code="no_text")
        return Invalid(f"{name!r} is a scan that was not recognised in time: split the file", code="timeout")


def _words(line: ReadLine, scale: float) -> Iterator[Word]:
    """The words of a line, each with its share of the width."""
    air = _AIR * (line.bottom - line.top)
    top, bottom = (line.top + air) / scale, (line.bottom - air) / scale
    per_char = (line.right - line.left) / scale / max(len(line.text), 1)
    position = 0
    for text in line.text.split(" "):
        left = line.left / scale + position * per_char
        if text:
            yield Word(text, left, top, left + len(text) * per_char, bottom, round(bottom - top, 1))
        position += len(text) + 1


def _even_out(words: Sequence[Word]) -> None:
    """Outlines are higher where letters reach up or down: only what differs much is of another size."""
    usual = median(word.size for word in words) if words else 0.0
    for word in words:
        if word.size < _MUCH_LARGER * usual and usual < _MUCH_LARGER * word.size:
            word.size = usual


def _pages(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN_PAGES]))
    more = f" and {len(numbers) - _SHOWN_PAGES} more" if len(numbers) > _SHOWN_PAGES else ""
    return f"page{'s' if len(numbers) > 1 else ''} {shown}{more}"
