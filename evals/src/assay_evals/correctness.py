"""How near an answer comes to the golden one, by words.

Exact match and token F1 as SQuAD's evaluation script computes them (Rajpurkar et al. 2016), ROUGE-L as the package
rouge-score does without stemming (Lin 2004). Of several accepted answers the nearest counts. Marks of citations such as
`[2]` are no words of an answer.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from assay_core.claims import without_marks
from assay_core.ports import Embedder

GOOD_F1 = 0.5
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NOT_ROUGE = re.compile(r"[^a-z0-9]+")

Similarity = Callable[[str, str], float]
"""Cosine of two texts in an embedder's space."""


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and superfluous white space."""
    return " ".join(_ARTICLE.sub(" ", without_marks(text).lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, golden: Sequence[str]) -> float:
    """1 if the answer equals a golden one after normalisation."""
    return float(any(normalised(answer) == normalised(one) for one in golden))


def token_f1(answer: str, golden: Sequence[str]) -> float:
    """F1 of shared words, each as often as it occurs in both; if one side has no words, 1 if neither has."""
    return max(_f1(normalised(answer).split(), normalised(one).split()) for one in golden)


def rouge_l(answer: str, golden: Sequence[str]) -> float:
    """F1 of the longest common subsequence of words (runs of a-z and 0-9 in lower case); 0 if a side has none."""
    return max(_rouge(_rouge_words(answer), _rouge_words(one)) for one in golden)


def is_correct(answer: str, golden: Sequence[str]) -> bool:
    """Whether a golden answer stands in the answer, word for word, or `token_f1` is at least `GOOD_F1`."""
    words = f" {normalised(answer)} "
    contained = any(f" {wanted} " in words for wanted in map(normalised, golden) if wanted)
    return contained or token_f1(answer, golden) >= GOOD_F1


def similarity_of(embedder: Embedder) -> Similarity:
    """Compare texts by this embedder."""

    def similarity(one: str, other: str) -> float:
        first, second = embedder.embed_passages([one, other])
        return sum(a * b for a, b in zip(first, second, strict=True))

    return similarity


def _f1(answer: Sequence[str], golden: Sequence[str]) -> float:
    if not answer or not golden:
        return float(answer == golden)
    shared = sum((Counter(answer) & Counter(golden)).values())
    return 2 * shared / (len(answer) + len(golden))


def _rouge_words(text: str) -> list[str]:
    return _NOT_ROUGE.sub(" ", without_marks(text).lower()).split()


def _rouge(answer: Sequence[str], golden: Sequence[str]) -> float:
    if not answer or not golden:
        return 0.0
    return 2 * _common_subsequence(answer, golden) / (len(answer) + len(golden))


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, against in enumerate(other, 1):
            diagonal, row[place] = row[place], diagonal + 1 if word == against else max(row[place], row[place - 1])
    return row[-1]
