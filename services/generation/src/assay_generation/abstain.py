"""When to say that the documents do not say: decided by what was found, before and after the model has written."""

from collections.abc import Sequence

from assay_core.search import Hit

from assay_generation.evidence import Evidence
from assay_generation.words import coverage

THE_DOCUMENTS_DO_NOT_SAY = "The documents do not say."


# Of 334 sentences of CLAPNQ's reference answers none is such a stranger; of 212 off-topic requests that BIPIA puts into
# e-mails and tables 91 % are (measured 2026-11 with all-MiniLM-L6-v2, on the half of BIPIA that was tuned on).
STRANGER_MARGIN = 0.1


class Thresholds:
    """Where relevance ends. All cosines are of all-MiniLM-L6-v2; another embedder needs other numbers.

    Args:
        hit_cosine: no hit this near the question, and none with `hit_coverage` of its words: nothing was found.
        span_cosine: no sentence this near: nothing was found either.
        quote_cosine: a sentence this near may be quoted as the answer where the model failed.
        stray_cosine: a sentence of a small model that is so much farther from the question than the nearest sentence
            of the sources has strayed: true, perhaps, but no answer.
        stranger_cosine: a sentence of a source that is farther than this from the question, and less than
            `STRANGER_MARGIN` nearer to any other of its passage, belongs to neither; no answer rests on it.
    """

    def __init__(
        self,
        *,
        hit_cosine: float,
        hit_coverage: float,
        span_cosine: float,
        quote_cosine: float,
        stray_cosine: float,
        stranger_cosine: float,
    ) -> None:
        self.hit_cosine = hit_cosine
        self.hit_coverage = hit_coverage
        self.span_cosine = span_cosine
        self.quote_cosine = quote_cosine
        self.stray_cosine = stray_cosine
        self.stranger_cosine = stranger_cosine

    def without_strays(self) -> "Thresholds":
        """The same, but no sentence strays, and none is a stranger."""
        return Thresholds(
            hit_cosine=self.hit_cosine,
            hit_coverage=self.hit_coverage,
            span_cosine=self.span_cosine,
            quote_cosine=self.quote_cosine,
            stray_cosine=2.0,
            stranger_cosine=-2.0,
        )


def hits_may_answer(question: str, hits: Sequence[Hit], limits: Thresholds) -> bool:
    """Whether any hit may have to do with the question. Of one without a cosine its sentences will tell."""
    return any(
        hit.score_cosine is None
        or hit.score_cosine >= limits.hit_cosine
        or coverage(question, f"{hit.title} {' '.join(hit.heading_path)} {hit.text}") >= limits.hit_coverage
        for hit in hits
    )


def spans_may_answer(evidence: Sequence[Evidence], limits: Thresholds) -> bool:
    """Whether any sentence is near enough to the question to be worth a prompt."""
    return any(e.cosine >= limits.span_cosine or e.coverage >= limits.hit_coverage for e in evidence)


def is_stranger(found: Evidence, limits: Thresholds) -> bool:
    """Whether a sentence has to do neither with the question nor with what stands beside it: put there, perhaps."""
    return found.cosine < limits.stranger_cosine and found.beside < limits.stranger_cosine + STRANGER_MARGIN


def says_nothing(text: str) -> bool:
    """Whether the model itself says that the documents do not say."""
    return text.strip(" .!\"'“”\n").casefold().startswith(THE_DOCUMENTS_DO_NOT_SAY.strip(".").casefold())
