"""A golden set candidate from what people asked: stratified, personal data masked, for a reviewer to go through."""

from collections.abc import Iterable, Sequence

from assay_core.answers import Answer, Outcome
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.masking import mask
from assay_core.sampling import length_of, stratified

TYPE = "traffic"
Asked = tuple[str, Answer]
"""The principal who asked, and the answer that they were given."""


def sample(asked: Iterable[Asked], size: int, *, seed: int) -> list[GoldenQuestion]:
    """At most `size` cases by outcome, length of the question and who asked; each question once.

    Raises:
        Invalid: there is nothing to draw from.
    """
    once = list(_once(asked))
    if not once:
        raise Invalid(
            "Nobody was answered in that time from documents that you may read: there is nothing to sample.",
            code="empty_sample",
        )
    return [_case(answer) for _, answer in stratified(once, size, stratum=_stratum, seed=seed)]


def _once(asked: Iterable[Asked]) -> Iterable[Asked]:
    seen = set[str]()
    for principal, answer in asked:
        words = " ".join(mask(answer.question).casefold().split())
        if words not in seen and (_has_abstained(answer) or answer.citations):
            seen.add(words)
            yield principal, answer


def _stratum(asked: Asked) -> Sequence[str]:
    principal, answer = asked
    return str(answer.outcome), length_of(answer.question), principal


def _case(answer: Answer) -> GoldenQuestion:
    about = tuple(sorted({hit.document_name for hit in answer.sources}))
    identity, question = f"{TYPE}-{answer.id}", mask(answer.question)
    if _has_abstained(answer):
        return GoldenQuestion(identity, question, "", False, (), TYPE, about=about)
    cited = {(citation.document_name, citation.quote): None for citation in answer.citations}
    passages = tuple(GoldenPassage(document, quote) for document, quote in cited)
    return GoldenQuestion(identity, question, mask(answer.text), True, passages, TYPE, about=about)


def _has_abstained(answer: Answer) -> bool:
    return answer.outcome in (Outcome.NOTHING_FOUND, Outcome.NOT_SUPPORTED)
