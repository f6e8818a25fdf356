"""By meaning: a passage ends where the next sentences speak of something else, as the embedder sees it.

After G. Kamradt's "5 levels of text splitting" (2023): each sentence is embedded with its neighbours, and the text is
cut where the distance to the next one is above a percentile of the document's own distances.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from assay_core.ports import Embedder

from assay_ingestion.chunk_pieces import Material, Passage, Path
from assay_ingestion.chunk_structure import fill
from assay_ingestion.outline import Piece

_NEIGHBOURS = 1
_BATCH = 64
_RUN = 2048
_MAX_WINDOW_CHARS = 1200


def by_meaning(material: Material) -> list[Passage]:
    """Passages that end where the meaning turns, or where the budget ends."""
    located = list(material.located())
    pieces = [piece for _, piece in located]
    passages: list[Passage] = []
    for start, stop in pairwise([0, *_breaks(material, pieces), len(pieces)]):
        if stop > start:
            passages += _within(material, located[start][0], pieces[start:stop])
    return passages


def _within(material: Material, path: Path, pieces: list[Piece]) -> list[Passage]:
    groups = fill(pieces, material.rooms[path], material.chunking.overlap_tokens)
    return [Passage(path, group) for group in groups]


def _breaks(material: Material, pieces: Sequence[Piece]) -> list[int]:
    """Pieces that begin a passage: those after the greatest distances."""
    if len(pieces) < 3:
        return []
    distances = np.concatenate(list(_distances(material, pieces)))
    threshold = np.percentile(distances, material.chunking.breakpoint_percentile)
    return [int(i) + 1 for i in np.flatnonzero(distances > threshold)]


def _distances(material: Material, pieces: Sequence[Piece]) -> Iterator[npt.NDArray[np.float32]]:
    """1 - cosine from each piece to the next, in runs, so that the vectors of a long document are never all held."""
    for start in range(0, len(pieces) - 1, _RUN):
        texts = [_window(material.text, pieces, i) for i in range(start, min(start + _RUN + 1, len(pieces)))]
        vectors = _embedded(texts, material.embedder)
        yield 1 - np.einsum("ij,ij->i", vectors[:-1], vectors[1:])


def _embedded(texts: Sequence[str], embedder: Embedder) -> npt.NDArray[np.float32]:
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        vectors[batch] = np.asarray(embedder.embed_passages([texts[i] for i in batch]), dtype=np.float32)
    return vectors


def _window(text: str, pieces: Sequence[Piece], at: int) -> str:
    first, last = pieces[max(0, at - _NEIGHBOURS)], pieces[min(len(pieces) - 1, at + _NEIGHBOURS)]
    return text[first.start : last.end][:_MAX_WINDOW_CHARS]
