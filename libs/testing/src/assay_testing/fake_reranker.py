from collections.abc import Sequence

from assay_core.errors import Unavailable

from assay_testing.words import content_words


class FakeReranker:
    """Scores a passage by the share of the query's words that it holds."""

    def __init__(self, *, model_id: str = "fake-reranker", weight: float | None = None) -> None:
        self.down = False
        self.weight = weight
        self.model_id = model_id

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        if self.down:
            raise Unavailable("the reranker is switched off for this test")
        asked = set(content_words(query))
        return [len(asked & set(content_words(passage))) / max(1, len(asked)) for passage in passages]
