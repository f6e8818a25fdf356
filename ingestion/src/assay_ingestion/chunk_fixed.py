"""Windows of equal size over the whole text, wherever a sentence ends: the yardstick for the other strategies."""

from collections.abc import Sequence

from assay_ingestion.chunk_pieces import Material, Passage, Path, follows, size, sliced
from assay_ingestion.outline import Piece

Located = tuple[Path, Piece]
WORDS_CHARS = 40
"""Windows begin and end at some white space among so many characters."""


def by_size(material: Material) -> list[Passage]:
    """Windows of up to `budget_tokens`, each beginning with the last `overlap_tokens` of the one before."""
    passages: list[Passage] = []
    window: list[Located] = []
    for path, piece in _words(material):
        room = material.rooms[window[0][0] if window else path]
        if window and not _takes(window, piece, room):
            passages.append(_passage(window))
            window = _overlap(window, piece, room, material.chunking.overlap_tokens)
        window.append((path, piece))
    return [*passages, _passage(window)] if window else passages


def _words(material: Material) -> list[Located]:
    cut = [(path, part) for path, piece in material.located() for part in sliced(material.text, piece, WORDS_CHARS)]
    counts = material.count([material.text[piece.start : piece.end] for _, piece in cut])
    return [(path, piece._replace(tokens=tokens)) for (path, piece), tokens in zip(cut, counts, strict=True)]


def _takes(window: Sequence[Located], piece: Piece, room: int) -> bool:
    return follows(window[0][1], piece, size([one for _, one in window]), room)


def _overlap(window: Sequence[Located], following: Piece, room: int, overlap_tokens: int) -> list[Located]:
    taken: list[Located] = []
    for located in reversed(window[1:]):
        if size([located[1], *(piece for _, piece in taken)]) > overlap_tokens or following.severed:
            break
        taken.insert(0, located)
        if not _takes(taken, following, room):
            return taken[1:]
    return taken


def _passage(window: Sequence[Located]) -> Passage:
    return Passage(window[0][0], [piece for _, piece in window])
