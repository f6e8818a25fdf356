"""The plainest judge: which share of a sentence's words stands in the sources. A baseline, no more."""

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "i",
        "in",
        "is",
        "it",
        "its",
        "not",
        "of",
        "on",
        "or",
        "she",
        "that",
        "the",
        "their",
        "them",
        "there",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


def words(text: str) -> frozenset[str]:
    """Words of a text but for the commonest, in lower case."""
    return frozenset(w for w in _WORD.findall(text.lower()) if w not in _STOP)


def share_found(claim: str, sources: Sequence[str]) -> float:
    """Share of the claim's words that stand in the sources, 0 to 1; 1 for a claim without words."""
    needed = words(claim)
    return len(needed & words("\n".join(sources))) / len(needed) if needed else 1.0
