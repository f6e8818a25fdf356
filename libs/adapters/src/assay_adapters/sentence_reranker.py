"""The `Reranker` port with the embedder alone: a passage is as good as its best sentence, its whole, and its words.

A vector of a whole passage blurs the one sentence that answers. Comparing the question with each sentence of the few
candidates sees it, at the price of embedding them at question time: about a quarter of a second for twenty passages
on two cores.
"""

from collections.abc import Sequence

import numpy as np
from assay_core.ports import Embedder
from assay_core.sentences import split_sentences

from assay_adapters.entailment import containment, wording

# Weight of the share of the question's words, against cosines: chosen on SQuAD and PolicyQA, see docs/measurements.md.
_WORDS = 0.15
_MAX_SENTENCES = 24


class SentenceReranker:
    """Scores by (cosine of the whole + cosine of the best sentence) / 2, plus a little for shared words."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def model_id(self) -> str:
        return f"sentences-1:{self._embedder.model_id}"

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        question = np.asarray(list(self._embedder.embed_query(query)), dtype=np.float32)
        sentences, owners = _sentences(passages)
        vectors = self._embedder.embed_passages([*passages, *sentences])
        cosines = np.asarray([list(v) for v in vectors], dtype=np.float32) @ question
        whole, parts = cosines[: len(passages)], cosines[len(passages) :]
        best = whole.copy()
        np.maximum.at(best, owners, parts)
        asked = wording(query)
        words = np.asarray([containment(asked, wording(passage)) for passage in passages])
        return [float(score) for score in (whole + best) / 2 + _WORDS * words]


def _sentences(passages: Sequence[str]) -> tuple[list[str], list[int]]:
    """The sentences of all passages, and the index of the passage of each."""
    sentences: list[str] = []
    owners: list[int] = []
    for i, passage in enumerate(passages):
        for start, end in split_sentences(passage)[:_MAX_SENTENCES]:
            sentences.append(passage[start:end])
            owners.append(i)
    return sentences, owners
