"""One model for many threads: queries go before passages, and large jobs let queries in between."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from assay_core.ports import TokenEmbedder, Vector, Vectors

_SLICE = 64


class SharedEmbedder:
    """A `TokenEmbedder` that takes turns: one model call at a time, queries first.

    Two calls side by side on the same cores take longer than one after the other, and a question must not wait for
    a whole document.
    """

    def __init__(self, embedder: TokenEmbedder) -> None:
        self._embedder = embedder
        self._turn = threading.Condition()
        self._busy = False
        self._queries_waiting = 0

    @property
    def model_id(self) -> str:
        return self._embedder.model_id

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    def embed_query(self, text: str) -> Vector:
        with self._my_turn(query=True):
            return self._embedder.embed_query(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        rows: list[Vector | None] = [None] * len(texts)
        for start in range(0, len(order), _SLICE):
            places = order[start : start + _SLICE]
            with self._my_turn(query=False):
                vectors = self._embedder.embed_passages([texts[i] for i in places])
            for place, vector in zip(places, vectors, strict=True):
                rows[place] = vector
        return [row for row in rows if row is not None]

    def embed_tokens(self, texts: Sequence[str], *, query: bool = False) -> Sequence[Vectors]:
        with self._my_turn(query=True):
            return self._embedder.embed_tokens(texts, query=query)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    @contextmanager
    def _my_turn(self, *, query: bool) -> Generator[None]:
        with self._turn:
            self._queries_waiting += query
            while self._busy or (not query and self._queries_waiting):
                self._turn.wait()
            self._queries_waiting -= query
            self._busy = True
        try:
            yield
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()
