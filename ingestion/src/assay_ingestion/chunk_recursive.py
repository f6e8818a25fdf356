"""By separators alone: paragraphs, then lines, then sentences, then words; what is too large is divided by the next."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise

from assay_ingestion.chunk_pieces import Material, Passage, Path, fit
from assay_ingestion.chunk_structure import overlap
from assay_ingestion.outline import Piece


class Separator(IntEnum):
    """What stands before a piece, the strongest first."""

    PARAGRAPH = 0
    LINE = 1
    SENTENCE = 2
    WORD = 3


def by_separators(material: Material) -> list[Passage]:
    """Passages of up to `budget_tokens`, divided at the strongest separators that make them small enough."""
    located = list(material.located())
    paths = [path for path, _ in located]
    pieces = [piece for _, piece in located]
    before = [_separator(material.text, left, right) for left, right in pairwise(pieces)]
    divider = _Divider(pieces, paths, [Separator.PARAGRAPH, *before], material)
    groups = list(divider.divided(range(len(pieces)), Separator.PARAGRAPH)) if pieces else []
    return list(divider.with_overlap(groups))


def _separator(text: str, left: Piece, right: Piece) -> Separator:
    gap = text[left.end : right.start]
    if left.element != right.element or gap.count("\n") > 1:
        return Separator.PARAGRAPH
    if "\n" in gap:
        return Separator.LINE
    return Separator.SENTENCE if right.start > left.end and text[left.end - 1] in ".!?…»”\"'" else Separator.WORD


class _Divider:
    def __init__(
        self, pieces: list[Piece], paths: Sequence[Path], before: Sequence[Separator], material: Material
    ) -> None:
        self._pieces = pieces
        self._paths = paths
        self._before = before
        self._material = material

    def divided(self, part: range, by: Separator) -> Iterator[range]:
        """Ranges of pieces that fit; neighbours are joined again where they fit together."""
        if self._fits(part) or len(part) == 1:
            yield part
            return
        cuts = [part.start, *(i for i in part[1:] if self._before[i] <= by), part.stop]
        joined = range(part.start, part.start)
        for start, stop in pairwise(cuts):
            if joined and self._fits(range(joined.start, stop)):
                joined = range(joined.start, stop)
                continue
            yield from self._finished(joined, by)
            joined = range(start, stop)
        yield from self._finished(joined, by)

    def _finished(self, part: range, by: Separator) -> Iterator[range]:
        if not part:
            return
        if self._fits(part) or by is Separator.WORD:
            yield part
        else:
            yield from self.divided(part, Separator(by + 1))

    def with_overlap(self, groups: Sequence[range]) -> Iterator[Passage]:
        """Passages that begin with the last sentences of the one before."""
        most = self._material.chunking.overlap_tokens
        for number, group in enumerate(groups):
            path = self._paths[group.start]
            own = self._of(group)
            taken = overlap(self._of(groups[number - 1]), own[0], self._room(group), most) if number else []
            fits = fit([*taken, *own], self._material.rooms[path]) if taken else False
            yield Passage(path, [*taken, *own] if fits else own)

    def _of(self, part: range) -> list[Piece]:
        return self._pieces[part.start : part.stop]

    def _room(self, part: range) -> int:
        return self._material.rooms[self._paths[part.start]]

    def _fits(self, part: range) -> bool:
        return fit(self._of(part), self._room(part))
