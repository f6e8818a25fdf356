"""Sources cut into windows that the judge reads at once, and which of them a claim is held against.

A window is some sentences in a row, with one sentence of overlap. A claim whose words stand in several places also
gets a window of its own, gathered from the sentences that share most with it, in the order of the sources.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from assay_core.sentences import split_sentences

from assay_adapters.encodable import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WINDOW_TOKENS = 200
_MOST_SENTENCE = 160


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a part of a very long one, of source number `source`; `ids` without special tokens."""

    source: int
    start: int
    end: int
    ids: tuple[int, ...]


Window = tuple[Piece, ...]


def pieces_of(sources: Sequence[str], tokenizer: "Tokenizer") -> list[Piece]:
    """The sentences of all sources, in order."""
    found: list[Piece] = []
    for number, source in enumerate(sources):
        spans = split_sentences(source)
        coded = tokenizer.encode_batch([encodable(source[a:b]) for a, b in spans], add_special_tokens=False)
        for (start, _), one in zip(spans, coded, strict=True):
            for at in range(0, len(one.ids), _MOST_SENTENCE):
                part, offsets = one.ids[at : at + _MOST_SENTENCE], one.offsets[at : at + _MOST_SENTENCE]
                found.append(Piece(number, start + offsets[0][0], start + offsets[-1][1], tuple(part)))
    return found


def windows_of(pieces: Sequence[Piece]) -> list[Window]:
    """Each source's sentences in windows of at most `WINDOW_TOKENS`, the next beginning with the last one's end."""
    found: list[Window] = []
    window: list[Piece] = []
    for piece in pieces:
        full = sum(len(p.ids) for p in window) + len(piece.ids) > WINDOW_TOKENS
        if window and (full or window[0].source != piece.source):
            found.append(tuple(window))
            last = window[-1]
            overlaps = last.source == piece.source and len(last.ids) + len(piece.ids) <= WINDOW_TOKENS
            window = [last] if overlaps and len(window) > 1 else []
        window.append(piece)
    return [*found, tuple(window)] if window else found


class Chooser:
    """Finds windows for claims by the rareness of the tokens that they share."""

    def __init__(self, pieces: Sequence[Piece], windows: Sequence[Window]) -> None:
        self._pieces = pieces
        self._windows = windows
        self._tokens = [frozenset(p.ids) for p in pieces]
        self._in_windows = [frozenset(t for p in window for t in p.ids) for window in windows]
        seen = Counter(token for tokens in self._tokens for token in tokens)
        self._rarity = {token: log(1 + len(pieces) / count) for token, count in seen.items()}

    def windows(self, claim: Sequence[int], *, most: int) -> list[int]:
        """Numbers of the windows that share most with the claim, at most so many, in order."""
        if len(self._windows) <= most:
            return list(range(len(self._windows)))
        shared = [self._weight(claim, tokens) for tokens in self._in_windows]
        return sorted(sorted(range(len(shared)), key=lambda i: (-shared[i], i))[:most])

    def gathered(self, claim: Sequence[int]) -> Window:
        """The sentences that share most with the claim, each preferred for what the ones before it lack."""
        left = frozenset(claim)
        chosen: list[int] = []
        size = 0
        candidates = sorted(range(len(self._pieces)), key=lambda i: (-self._weight(claim, self._tokens[i]), i))[:24]
        while candidates:
            gains = {
                i: self._weight(left, self._tokens[i]) + 0.3 * self._weight(claim, self._tokens[i]) for i in candidates
            }
            best = max(candidates, key=lambda i: (gains[i], -i))
            candidates.remove(best)
            if gains[best] <= 0 or size + len(self._pieces[best].ids) > WINDOW_TOKENS:
                continue
            chosen.append(best)
            size += len(self._pieces[best].ids)
            left -= self._tokens[best]
        return tuple(self._pieces[i] for i in sorted(chosen))

    def _weight(self, claim: Sequence[int] | frozenset[int], tokens: frozenset[int]) -> float:
        return sum(self._rarity[token] for token in set(claim) & tokens)
