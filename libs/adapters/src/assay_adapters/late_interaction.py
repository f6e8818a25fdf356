"""The `Reranker` port with the embedder alone: each word of the question looks for its match among a passage's words.

A vector of a whole passage blurs the one sentence that answers. Late interaction keeps a vector for each token, in its
context: the score is the mean over the question's tokens of the largest cosine to a token of the passage (MaxSim;
Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT",
SIGIR 2020), here with an embedder that was not trained for it. One pass over the passages, no other model.
"""

from collections.abc import Sequence

import numpy as np
from assay_core.ports import TokenEmbedder, Vectors

from assay_adapters.entailment import containment, wording

_WORDS = 0.1
"""Weight of the share of the question's words, against cosines: chosen on SQuAD, PolicyQA and COVID-QA (decision 7)."""
_WEIGHT = 0.75
"""Weight beside the fused score: chosen on SQuAD, COVID-QA, ClapNQ and PubMedQA (decision 27)."""
Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class LateInteractionReranker:
    """Scores by MaxSim, plus a little for shared words."""

    def __init__(self, embedder: TokenEmbedder) -> None:
        self._embedder = embedder

    @property
    def model_id(self) -> str:
        return f"late-interaction-2:{self._embedder.model_id}"

    @property
    def weight(self) -> float:
        return _WEIGHT

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        question = _matrix(self._embedder.embed_tokens([query], query=True)[0])
        asked = wording(query)
        return [
            _max_sim(question, _matrix(tokens)) + _WORDS * containment(asked, wording(passage))
            for tokens, passage in zip(self._embedder.embed_tokens(passages), passages, strict=True)
        ]


def _max_sim(question: Matrix, passage: Matrix) -> float:
    if not len(question) or not len(passage):
        return 0.0
    return float((question @ passage.T).max(axis=1).mean())


def _matrix(tokens: Vectors) -> Matrix:
    return np.asarray(tokens, dtype=np.float32)
