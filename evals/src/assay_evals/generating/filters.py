"""Keep a generated question only if the collection itself agrees with it.

Round trip (as Alberti et al. 2019 for answers, here for passages): searching with the question must find every passage
that it names; what is said not to be told must not be told by what is found. And the judge must agree: what answers is
supported by its passages, what a false premise says is not.
"""

from collections.abc import Callable, Sequence

from assay_core.answers import Verdict
from assay_core.evaluation import GoldenQuestion
from assay_core.ports import Judge

from assay_evals import golden
from assay_evals.generating.templates import Candidate

Find = Callable[[str], Sequence[golden.Passage]]
"""The best passages for a question, as the asker may see them."""


def refusal(candidate: Candidate, find: Find, judge: Judge | None) -> str | None:
    """Why a candidate is no good question, or None."""
    question = candidate.question
    hits = find(golden.searched(question))
    if question.answerable:
        ranks = golden.first_ranks(hits, question.passages)
        if not all(ranks):
            return "its passage was not found by searching for it"
        sources = [passage.quote for passage in question.passages]
        if judge and not _supported(judge, candidate.statement, [*sources, *_shown(hits, question)]):
            return "the judge does not find its answer in its passages"
        return None
    if candidate.absent and any(candidate.absent.lower() in hit.text.lower() for hit in hits):
        return "what it asks for is told after all"
    if judge and candidate.statement and hits and _supported(judge, candidate.statement, [hit.text for hit in hits]):
        return "the judge finds its false premise supported"
    return None


def _shown(hits: Sequence[golden.Passage], question: GoldenQuestion) -> list[str]:
    return [hit.text for hit in hits if any(golden.shows(hit, passage) for passage in question.passages)]


def _supported(judge: Judge, statement: str, sources: Sequence[str]) -> bool:
    (found,) = judge.judge_claims([statement], sources)
    return found.verdict is Verdict.SUPPORTED
