"""One model for many threads: queries go before passages, and large jobs let queries in between."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from assay_core.ports import TokenEmbedder, Vector, Vectors

_SLICE = 64
_QUERIES_TOGETHER = 32


@dataclass(slots=True)
class _Asked:
    """A query that waits; at the end one of `vector` and `error` is there."""

    text: str
    vector: Vector | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.vector is not None or self.error is not None

    def result(self) -> Vector:
        if self.vector is not None:
            return self.vector
        raise self.error or RuntimeError("the query was not embedded")


class SharedEmbedder:
    """A `TokenEmbedder` that takes turns: one model call at a time, queries first.

    Two calls side by side on the same cores take longer than one after the other, and a question must not wait for
    a whole document. Queries that come while the model is busy are embedded together in one call.
    """

    def __init__(self, embedder: TokenEmbedder) -> None:
        self._embedder = embedder
        self._turn = threading.Condition()
        self._busy = False
        self._waiting = 0
        self._asked: list[_Asked] = []

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
        mine = _Asked(text)
        with self._turn:
            self._asked.append(mine)
            while self._busy and not mine.is_done:
                self._turn.wait()
            if mine.is_done:
                return mine.result()
            together, self._asked = self._asked[:_QUERIES_TOGETHER], self._asked[_QUERIES_TOGETHER:]
            self._busy = True
        try:
            self._embed_together(together)
        finally:
            self._end_turn()
        return mine.result()

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        with self._my_turn(query=True):
            return self._embedder.embed_queries(texts)

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

    def _embed_together(self, asked: Sequence[_Asked]) -> None:
        try:
            for one, vector in zip(asked, self._embedder.embed_queries([one.text for one in asked]), strict=True):
                one.vector = vector
        except Exception as error:  # noqa: BLE001  each of those who wait gets it
            for one in asked:
                one.error = error

    @contextmanager
    def _my_turn(self, *, query: bool) -> Generator[None]:
        with self._turn:
            self._waiting += query
            while self._busy or (not query and (self._waiting or self._asked)):
                self._turn.wait()
            self._waiting -= query
            self._busy = True
        try:
            yield
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        with self._turn:
            self._busy = False
            self._turn.notify_all()
