"""What a query must be before any index sees it."""

import unicodedata

from assay_core.errors import Invalid

MAX_CHARACTERS = 4000
MAX_TOP_K = 200


def clean_query(raw: str) -> str:
    """The query in NFC, without control characters and surrounding white space.

    Raises:
        Invalid: nothing is left, or no letter or digit, or it is too long.
    """
    if len(raw) > MAX_CHARACTERS:
        raise Invalid(
            f"The question has {len(raw):,} characters; the limit is {MAX_CHARACTERS:,}. Ask more briefly, and put"
            " long material into a document.",
            code="question_too_long",
        )
    normal = unicodedata.normalize("NFC", raw)
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in normal)
    query = " ".join(kept.split())
    if not query:
        raise Invalid("The question is empty; write at least one word.", code="question_empty")
    if not any(map(str.isalnum, query)):
        raise Invalid(
            "The question holds signs alone; write at least one word or number.", code="question_without_words"
        )
    return query


def check_top_k(top_k: int) -> int:
    """`top_k` if it is within bounds; raises `Invalid` otherwise."""
    if not 1 <= top_k <= MAX_TOP_K:
        raise Invalid(f"top_k is {top_k}; it must be between 1 and {MAX_TOP_K}.", code="bad_top_k")
    return top_k
