import hashlib
import math
from collections.abc import Sequence

from assay_testing.words import content_words, words


class FakeEmbedder:
    """Bag of words, hashed into signed buckets: texts that share words are close, others nearly orthogonal."""

    def __init__(self, *, dimension: int = 64, max_tokens: int = 256, model_id: str = "fake-embedder") -> None:
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.model_id = model_id
        self.calls = 0

    def embed_query(self, text: str) -> list[float]:
        return self.embed_passages([text])[0]

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls += 1
        return [self._vector(text) for text in texts]

    def embed_tokens(self, texts: Sequence[str], *, query: bool = False) -> list[list[list[float]]]:  # noqa: ARG002
        return [[self._vector(word) for word in words(text)[: self.max_tokens]] for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(words(text)) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimension
        for word in content_words(" ".join(words(text)[: self.max_tokens])):
            digest = hashlib.sha256(word.encode()).digest()
            bucket = int.from_bytes(digest[:4], "big") % self.dimension
            vector[bucket] += 1.0 if digest[4] & 1 else -1.0
        length = math.sqrt(sum(x * x for x in vector))
        if length == 0.0:
            return [1.0] + [0.0] * (self.dimension - 1)
        return [x / length for x in vector]
