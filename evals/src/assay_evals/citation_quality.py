"""Whether an answer's citations back its sentences, by a judge (Gao et al. 2023, ALCE).

Precision asks of each citation whether its quote alone supports the sentence that carries it; coverage asks of each
sentence whether what it cites supports it, taken together. A sentence without citations is not covered.
"""

from dataclasses import dataclass

from assay_core.answers import Answer, Claim, Verdict
from assay_core.claims import without_marks
from assay_core.errors import Unavailable
from assay_core.ports import Judge


@dataclass(frozen=True, slots=True)
class CitationQuality:
    """Each between 0 and 1; `precision` is None if nothing is cited."""

    precision: float | None
    coverage: float


def judge_citations(answer: Answer, judge: Judge) -> CitationQuality | None:
    """Judge the citations of an answer's sentences; None if the answer has no sentences.

    Raises:
        AssayError: the judge's own, and `Unavailable` if it could not judge a sentence.
    """
    if not answer.claims:
        return None
    quotes = {citation.n: citation.quote for citation in answer.citations}
    alone: list[bool] = []
    covered: list[bool] = []
    for claim in answer.claims:
        cited = [quotes[n] for n in claim.citations if n in quotes]
        each = [_supports(judge, answer, claim, [quote]) for quote in cited]
        alone += each
        covered.append(any(each) or (len(cited) > 1 and _supports(judge, answer, claim, cited)))
    return CitationQuality(_share(alone) if alone else None, _share(covered))


def _supports(judge: Judge, answer: Answer, claim: Claim, quotes: list[str]) -> bool:
    (found,) = judge.judge_claims([without_marks(answer.text[claim.start : claim.end])], quotes)
    if found.verdict is Verdict.UNVERIFIED:
        raise Unavailable("The judge could not judge a sentence against its citation.", code="unverified")
    return found.verdict is Verdict.SUPPORTED


def _share(values: list[bool]) -> float:
    return sum(values) / len(values)
