"""What a chat model streams, made safe to show: citation marks taken out and remembered, nothing hidden, no links.

Marks that the model writes are a hint, never a citation; the server puts its own into the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from assay_generation.hygiene import inert, visible

_MARK = re.compile(
    r"[ \t]*[\[【]\s*(?:passages?|sources?|documents?|docs?)?\s*"
    r"(\d{1,3}(?:\s*(?:,|;|and|&)\s*\d{1,3})*)\s*[\]】]",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")
_LAST_WORD = re.compile(r"\s*\S*\Z")
_OPEN_BRACKET = re.compile(r"\s*\S*[\[【][^\]】\n]{0,80}\Z")
_ADDRESS_BEGUN = re.compile(r"://|www\.|(?:mailto|javascript|data):", re.IGNORECASE)
_HALF_A_LINK = ("]", "!", "<")
_LONG_WORD = 160
_LONGEST_ADDRESS = 4_000
_HELD_OF_LONG_WORD = 64
_JOINERS = ("\u200c", "\u200d")


@dataclass(frozen=True, slots=True)
class Mark:
    """Numbers that the model put in brackets at `position` of the text without marks."""

    position: int
    numbers: tuple[int, ...]


class ReadText(Protocol):
    """Takes a stream apart into what may be shown and the marks in it."""

    @property
    def marks(self) -> Sequence[Mark]: ...

    def feed(self, piece: str) -> str: ...

    def finish(self) -> str: ...


class Reader(Protocol):
    """Makes the reader of one answer."""

    def __call__(self, *, known: str, secret: str) -> ReadText: ...


class ModelText:
    """Reads pieces of any size and gives out the clean text; the same for every way of cutting it into pieces.

    Words are held until they are complete, so that a mark or an address is seen as a whole.

    Args:
        known: the text of the sources; only addresses from there are let through.
        secret: the delimiter of the prompt, which is not repeated to anyone.
    """

    def __init__(self, *, known: str, secret: str = "") -> None:
        self._known = known
        self._secret = secret
        self._held = ""
        self._length = 0
        self._last = ""
        self.marks: list[Mark] = []

    def feed(self, piece: str) -> str:
        """The clean text that this piece completes."""
        self._held += piece
        cut = self._cut()
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._clean(ready)

    def finish(self) -> str:
        """The rest, at the end of the stream."""
        ready, self._held = self._held, ""
        return self._clean(ready)

    def _cut(self) -> int:
        held = self._held
        found = _LAST_WORD.search(held)
        cut = found.start() if found else len(held)
        while (bracket := _OPEN_BRACKET.search(held, max(0, cut - 200), cut)) is not None:
            cut = bracket.start()
        word = len(held) - cut
        if word <= _LONG_WORD or (_ADDRESS_BEGUN.search(held, cut) and word <= _LONGEST_ADDRESS):
            return cut
        # Scripts without spaces; a cut must not part what only together means something.
        cut = len(held) - _HELD_OF_LONG_WORD
        while cut > 0 and (not held[cut - 1].isalnum() or held[cut] in _JOINERS):
            cut -= 1
        return cut

    def _clean(self, ready: str) -> str:
        ready = visible(ready)
        if self._secret:
            ready = ready.replace(self._secret, "")
        clean, position = "", 0
        for found in _MARK.finditer(ready):
            clean += inert(ready[position : found.start()], known=self._known)
            # What a mark has parted must not become a link by its going.
            clean += " " if (clean or self._last).endswith(_HALF_A_LINK) else ""
            position = found.end()
            numbers = tuple(int(number) for number in _NUMBER.findall(found.group(1)))
            self.marks.append(Mark(self._length + len(clean), numbers))
        clean += inert(ready[position:], known=self._known)
        self._length += len(clean)
        self._last = clean[-1:] or self._last
        return clean
