import pytest
from assay_core.answers import Verdict
from assay_core.evaluation import TriadSample
from assay_core.ports import Judge

SOURCES = [
    "The blue pump is inspected twice a year. It weighs 40 kg.",
    "Parental leave is twenty days for each parent.",
]


class JudgeContract:
    """Override `judge`."""

    @pytest.fixture
    def judge(self) -> Judge:
        raise NotImplementedError

    def test_a_claim_that_a_source_states_is_supported_by_it(self, judge: Judge) -> None:
        (judgement,) = judge.judge_claims(["Parental leave is twenty days for each parent."], SOURCES)
        assert judgement.verdict is Verdict.SUPPORTED
        assert judgement.source == 1
        assert judgement.quote_start is not None
        assert judgement.quote_end is not None
        assert 0 <= judgement.quote_start < judgement.quote_end <= len(SOURCES[1])

    def test_a_claim_about_something_else_is_not_supported(self, judge: Judge) -> None:
        claims = ["The canteen serves breakfast from seven.", "The blue pump is inspected twice a year."]
        first, second = judge.judge_claims(claims, SOURCES)
        assert first.verdict is Verdict.UNSUPPORTED
        assert second.verdict is Verdict.SUPPORTED
        assert 0 <= first.probability < second.probability <= 1

    def test_without_sources_nothing_is_supported(self, judge: Judge) -> None:
        (judgement,) = judge.judge_claims(["The pump is blue."], [])
        assert judgement.verdict is Verdict.UNSUPPORTED
        assert judgement.source is None

    def test_no_claims_give_no_judgements(self, judge: Judge) -> None:
        assert judge.judge_claims([], SOURCES) == []
        assert judge.score_triad([]) == []

    def test_a_grounded_answer_scores_above_an_invented_one(self, judge: Judge) -> None:
        question = "How long is parental leave?"
        grounded, invented = judge.score_triad(
            [
                TriadSample("a", question, tuple(SOURCES), "Parental leave is twenty days for each parent."),
                TriadSample("b", question, tuple(SOURCES), "The canteen serves breakfast from seven."),
            ]
        )
        assert (grounded.sample, invented.sample) == ("a", "b")
        assert grounded.groundedness is not None
        assert invented.groundedness is not None
        assert 0 <= invented.groundedness < grounded.groundedness <= 1
        assert grounded.answer_relevance is not None
        assert invented.answer_relevance is not None
        assert 0 <= invented.answer_relevance < grounded.answer_relevance <= 1

    def test_an_empty_answer_is_a_failure_not_a_number(self, judge: Judge) -> None:
        (score,) = judge.score_triad([TriadSample("a", "How long?", tuple(SOURCES), " ")])
        assert score.groundedness is None
        assert score.failure
