"""What citations are worth, by a judge that wants every content word of a sentence in its source."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from assay_core.answers import Claim, Verdict
from assay_core.errors import Unavailable
from assay_core.evaluation import ClaimJudgement
from assay_evals.citation_quality import CitationQuality, judge_citations
from assay_testing.answers import answer, citation
from assay_testing.fake_judge import FakeJudge


class TogetherJudge(FakeJudge):
    """Reads all sources as one."""

    def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
        return super().judge_claims(claims, [" ".join(sources)])


ONE, TWO = "Leave is twenty days.", "The canteen opens at seven."
GIVEN = replace(
    answer(f"{ONE} {TWO}"),
    citations=(citation("leave.md", ONE), replace(citation("canteen.md", "The canteen is blue."), n=2)),
)


def claims(*cited: tuple[int, ...]) -> tuple[Claim, ...]:
    ends = [(0, len(ONE)), (len(ONE) + 1, len(ONE) + 1 + len(TWO))]
    return tuple(Claim(*end, Verdict.SUPPORTED, 0.9, marks) for end, marks in zip(ends, cited, strict=True))


def test_a_citation_that_backs_nothing_lowers_both() -> None:
    found = judge_citations(replace(GIVEN, claims=claims((1,), (2,))), FakeJudge())
    assert found == CitationQuality(precision=0.5, coverage=0.5)


def test_a_sentence_without_citations_is_not_covered_and_no_wrong_citation() -> None:
    found = judge_citations(replace(GIVEN, claims=claims((1,), ())), FakeJudge())
    assert found == CitationQuality(precision=1, coverage=0.5)


def test_citations_that_support_only_together_cover_and_are_imprecise() -> None:
    halves = (citation("a.md", "The canteen opens."), replace(citation("b.md", "At seven."), n=2))
    found = judge_citations(replace(GIVEN, citations=halves, claims=claims((), (1, 2))), TogetherJudge())
    assert found == CitationQuality(precision=0, coverage=0.5)


def test_an_answer_without_citations_has_no_precision() -> None:
    found = judge_citations(replace(GIVEN, citations=(), claims=claims((), ())), FakeJudge())
    assert found == CitationQuality(precision=None, coverage=0)


def test_an_answer_without_sentences_has_neither() -> None:
    assert judge_citations(replace(GIVEN, claims=()), FakeJudge()) is None


def test_a_sentence_that_could_not_be_judged_is_no_number() -> None:
    judge = FakeJudge(verdicts={ONE: Verdict.UNVERIFIED})
    with pytest.raises(Unavailable, match="could not judge"):
        judge_citations(replace(GIVEN, claims=claims((1,), (2,))), judge)
