"""The model's text on its way: complete sentences are handed on to be checked, the rest waits."""

import re
from dataclasses import dataclass

from assay_core.sentences import split_sentences

from assay_generation.marks import ReadText

_BULLET = re.compile(r"[-*•][ \t]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the model, the white space before it, and the numbers of the passages that the model named."""

    lead: str
    text: str
    named: tuple[int, ...]


class Draft:
    """Divides a stream into sentences."""

    def __init__(self, reader: ReadText) -> None:
        self._reader = reader
        self._text = ""
        self._done = 0
        self._marks_read = 0

    @property
    def text(self) -> str:
        """All that has come, without marks."""
        return self._text

    def feed(self, piece: str) -> list[Sentence]:
        """The sentences that this piece shows to be complete: another one has begun behind them."""
        clean = self._reader.feed(piece)
        self._text += clean
        return self._take(keep=1) if clean else []

    def finish(self) -> list[Sentence]:
        """The sentences that are left at the end."""
        self._text += self._reader.finish()
        return self._take(keep=0)

    def _take(self, *, keep: int) -> list[Sentence]:
        spans, taken = self._spans(), list[Sentence]()
        for number, (start, end) in enumerate(spans[: len(spans) - keep]):
            last = number == len(spans) - 1
            following = len(self._text) + 1 if last else spans[number + 1][0]
            lead = self._text[self._done : start]
            taken.append(Sentence(lead, self._text[start:end], self._named(end, following)))
            self._done = end
        return taken

    def _spans(self) -> list[tuple[int, int]]:
        """The sentences that have not been taken. Read from the start of their line, where lists and tables show."""
        base = self._text.rfind("\n", 0, self._done) + 1
        spans = split_sentences(self._text[base:])
        return [(max(base + start, self._done), base + end) for start, end in spans if base + end > self._done]

    def _named(self, end: int, following: int) -> tuple[int, ...]:
        """Numbers of the marks up to the end of a sentence, or behind it before the next one begins."""
        marks = self._reader.marks[self._marks_read :]
        mine = [mark for mark in marks if mark.position <= end or mark.position < following]
        self._marks_read += len(mine)
        return tuple(dict.fromkeys(number for mark in mine for number in mark.numbers))


def without_bullet(sentence: Sentence) -> Sentence:
    """The sentence without the mark of a list of one item."""
    return Sentence(sentence.lead, _BULLET.sub("", sentence.text, count=1), sentence.named)
