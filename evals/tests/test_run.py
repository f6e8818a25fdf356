"""What is a score, what is a failure, and what is neither."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from assay_core.answers import Answer, Claim, Outcome, TokenUsage, Verdict
from assay_core.errors import AssayError, Broken, Unavailable
from assay_core.evaluation import ClaimJudgement, GoldenPassage, GoldenQuestion, QuestionScore, TriadSample, TriadScore
from assay_core.search import Hit
from assay_evals.correctness import Similarity
from assay_evals.run import observe, score_answer, score_observation, summarize
from assay_testing.answers import answer, citation, hit
from assay_testing.fake_judge import FakeJudge

Value = TypeVar("Value")
QUOTE = "Parental leave is twenty days for each parent."
ASKED = GoldenQuestion("q1", "How long is parental leave?", "20 days", True, (GoldenPassage("leave.md", QUOTE),))
UNANSWERABLE = GoldenQuestion("q2", "Who founded the canteen?", "", False)
HITS = (hit("other.md", "The canteen opens at seven.", rank=1), hit("leave.md", QUOTE, rank=2))
GOOD = answer(QUOTE, sources=HITS, citations=(citation("leave.md", QUOTE),))
REFUSED = answer("The documents do not say.", outcome=Outcome.NOTHING_FOUND)


class OneScore(FakeJudge):
    """A judge that gives this to every sample."""

    def __init__(self, score: TriadScore) -> None:
        super().__init__()
        self.score = score

    def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
        return [self.score for _ in samples]


def give(value: Value | AssayError) -> Value:
    if isinstance(value, AssayError):
        raise value
    return value


def scores(
    question: GoldenQuestion,
    reply: Answer | AssayError,
    *,
    hits: Sequence[Hit] | AssayError = HITS,
    judge: FakeJudge | None = None,
    stored: str | AssayError = QUOTE,
    similarity: Similarity | None = lambda *_: 0.75,
) -> dict[str, QuestionScore]:
    observed = observe(question, search=lambda _: give(hits), ask=lambda *_: give(reply))
    found = score_observation(
        observed, judge=judge or FakeJudge(), stored_text=lambda _: give(stored), similarity=similarity
    )
    assert all((score.value is None) == (score.failure is not None) for score in found)
    return {score.metric: score for score in found}


def test_an_answered_question_gets_retrieval_triad_and_citation_scores() -> None:
    found = {metric: score.value for metric, score in scores(ASKED, GOOD).items()}
    assert found["recall@5"] == 1
    assert found["mrr@10"] == 0.5
    assert found["groundedness"] == 1
    assert found["citation_exactness"] == 1
    assert found.keys() == {
        "recall@5", "precision@5", "mrr@10", "map@10", "ndcg@10", "context_relevance", "groundedness",
        "answer_relevance", "citation_exactness", "exact_match", "token_f1", "rouge_l", "answer_correct",
        "semantic_similarity",
    }  # fmt: skip


def test_an_answer_is_compared_with_the_golden_one() -> None:
    found = scores(replace(ASKED, alternatives=("twenty days",)), GOOD)
    assert {metric: found[metric].value for metric in ("exact_match", "answer_correct", "semantic_similarity")} == {
        "exact_match": 0,
        "answer_correct": 1,
        "semantic_similarity": 0.75,
    }
    assert scores(ASKED, GOOD)["answer_correct"].value == 0, "without the other wording"


def test_a_golden_question_without_an_answer_is_compared_with_nothing() -> None:
    assert not {"exact_match", "semantic_similarity", "answer_correct"} & scores(replace(ASKED, answer=""), GOOD).keys()


def test_a_refused_answerable_question_is_wrong() -> None:
    found = scores(ASKED, REFUSED)
    assert [found[metric].value for metric in ("exact_match", "token_f1", "semantic_similarity")] == [0, 0, 0]
    assert "confidence" not in found


def test_an_embedder_that_is_down_is_a_failure_of_the_similarity_only() -> None:
    def down(*_: str) -> float:
        raise Unavailable("the embedder is down")

    found = scores(ASKED, GOOD, similarity=down)
    assert "no embedding" in (found["semantic_similarity"].failure or "")
    assert found["token_f1"].value is not None


def test_citations_confidence_latency_and_tokens_of_an_answer() -> None:
    claim = Claim(0, len(QUOTE), Verdict.SUPPORTED, 0.8, (1,))
    timings_ms = {"retrieve": 20.0, "generate": 300.0, "verify": 90.0, "first_token": 50.0}
    told = replace(GOOD, claims=(claim,), timings_ms=timings_ms, usage=TokenUsage(400, 30))
    found = {metric: score.value for metric, score in scores(ASKED, told).items()}
    assert (found["citation_precision"], found["citation_coverage"], found["confidence"]) == (1, 1, 0.8)
    assert (found["latency_ms"], found["tokens"]) == (320, 430)
    judge = FakeJudge()
    judge.down = True
    assert "no judgement" in (scores(ASKED, told, judge=judge)["citation_coverage"].failure or "")


def test_a_quote_that_differs_from_the_stored_text_by_a_blank_is_not_exact() -> None:
    assert scores(ASKED, GOOD, stored=QUOTE.replace(" ", "  ", 1))["citation_exactness"].value == 0


def test_a_refused_unanswerable_question_is_right() -> None:
    found = scores(UNANSWERABLE, REFUSED)
    assert {metric: score.value for metric, score in found.items()} == {
        "abstention_recall": 1,
        "abstention_precision": 1,
        "answer_correct": 1,
    }


def test_showing_the_nearest_passage_while_abstaining_is_abstaining_with_a_citation() -> None:
    found = scores(UNANSWERABLE, replace(GOOD, outcome=Outcome.NOT_SUPPORTED))
    assert {metric: score.value for metric, score in found.items()} == {
        "abstention_recall": 1,
        "abstention_precision": 1,
        "answer_correct": 1,
        "citation_exactness": 1,
    }


def test_an_answered_unanswerable_question_lowers_recall_and_is_judged() -> None:
    found = scores(UNANSWERABLE, GOOD)
    assert found["abstention_recall"].value == 0
    assert "abstention_precision" not in found
    assert "recall@5" not in found
    assert "groundedness" in found


def test_a_refused_answerable_question_lowers_precision_and_is_not_judged() -> None:
    found = scores(ASKED, REFUSED)
    assert found["abstention_precision"].value == 0
    assert "abstention_recall" not in found
    assert "groundedness" not in found


def test_an_answer_that_failed_is_a_failure_of_all_that_it_would_have_shown() -> None:
    found = scores(ASKED, Unavailable("the model is loading", code="generator_unavailable"))
    assert found["recall@5"].value == 1
    assert found["groundedness"].failure == "no answer: generator_unavailable: the model is loading"
    lost = scores(UNANSWERABLE, Unavailable("the model is loading"))
    assert lost["abstention_recall"].value is None
    assert found["token_f1"].value is None
    assert lost["answer_correct"].value is None


def test_a_search_that_failed_does_not_hide_the_answer() -> None:
    found = scores(ASKED, GOOD, hits=Unavailable("Milvus is down"))
    assert found["ndcg@10"].value is None
    assert found["groundedness"].value == 1


def test_a_judge_that_is_down_is_a_failure() -> None:
    judge = FakeJudge()
    judge.down = True
    assert "no judgement" in (scores(ASKED, GOOD, judge=judge)["groundedness"].failure or "")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.5])
def test_what_a_judge_may_not_say_is_a_failure(bad: float) -> None:
    found = scores(ASKED, GOOD, judge=OneScore(TriadScore("q1", 0.5, bad, None, None)))
    assert found["context_relevance"].value == 0.5
    assert "range 0 to 1" in (found["groundedness"].failure or "")
    assert found["answer_relevance"].failure == "the judge gave no score and no reason"


def test_metrics_of_one_judge_alone_are_kept_and_its_silence_is_a_failure() -> None:
    judge = OneScore(TriadScore("q1", 0.5, 0.5, 0.5, "too slow", {"faithfulness": 0.75, "context_recall": None}))
    found = scores(ASKED, GOOD, judge=judge)
    assert found["faithfulness"].value == 0.75
    assert found["context_recall"].failure == "too slow"


def test_a_judge_is_given_the_golden_answer() -> None:
    seen: list[TriadSample] = []

    class Keeping(FakeJudge):
        def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
            seen.extend(samples)
            return super().score_triad(samples)

    scores(ASKED, GOOD, judge=Keeping())
    assert [sample.reference for sample in seen] == ["20 days"]


def test_a_judge_is_not_shown_marks() -> None:
    seen: list[str] = []

    class Keeping(FakeJudge):
        def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
            seen.extend(claims)
            return super().judge_claims(claims, sources)

        def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
            seen.extend(sample.answer for sample in samples)
            return super().score_triad(samples)

    text = f"{QUOTE} [1]"
    marked = replace(answer(text, sources=HITS), citations=(citation("leave.md", QUOTE),))
    marked = replace(marked, claims=(Claim(0, len(text), Verdict.SUPPORTED, 0.9, (1,)),))
    scores(ASKED, marked, judge=Keeping())
    assert set(seen) == {QUOTE}


def test_stored_text_that_cannot_be_read_is_a_failure_of_the_citations_only() -> None:
    found = scores(ASKED, GOOD, stored=Broken("key is gone", code="corrupt"))
    assert found["citation_exactness"].failure == "no stored text: corrupt: key is gone"
    assert found["groundedness"].value == 1


def test_an_answer_of_yesterday_needs_no_golden_question() -> None:
    found = score_answer("a1", GOOD, judge=FakeJudge(), stored_text=lambda _: QUOTE)
    assert {score.metric for score in found} == {
        "context_relevance", "groundedness", "answer_relevance", "citation_exactness",
    }  # fmt: skip
    assert score_answer("a2", REFUSED, judge=FakeJudge(), stored_text=lambda _: "") == []


def test_summary_leaves_failures_out_of_means_and_counts_questions() -> None:
    summary = summarize(
        [
            QuestionScore("q1", "groundedness", 1.0),
            QuestionScore("q2", "groundedness", 0.5),
            QuestionScore("q3", "groundedness", None, "no judgement"),
            QuestionScore("q3", "answer_relevance", None, "no judgement"),
            QuestionScore("q1", "recall@5", 1.0),
        ],
        seed=1,
    )
    assert summary.metrics == {"groundedness": 0.75, "recall@5": 1.0}
    assert summary.intervals.keys() == {"groundedness"}
    assert summary.failures == 1


def test_a_summary_of_nothing_but_failures_has_no_metrics() -> None:
    summary = summarize([QuestionScore("q1", "groundedness", None, "down")], seed=1)
    assert (summary.metrics, summary.intervals, summary.failures) == ({}, {}, 1)


def test_a_summary_has_the_area_of_the_curve_where_enough_was_answered() -> None:
    found = [QuestionScore(f"q{i}", "confidence", i / 10) for i in range(10)]
    found += [QuestionScore(f"q{i}", "answer_correct", float(i > 4)) for i in range(10)]
    assert summarize(found, seed=1).metrics["aurc"] == pytest.approx((1 / 6 + 2 / 7 + 3 / 8 + 4 / 9 + 5 / 10) / 10)
    assert summarize(found, seed=1).intervals.keys() >= {"aurc", "ece"}
    assert "aurc" not in summarize(found[1:], seed=1).metrics


def test_the_order_of_scores_does_not_change_a_summary() -> None:
    found = [QuestionScore(f"q{i}", "groundedness", i / 10) for i in range(10)]
    assert summarize(found, seed=4) == summarize(list(reversed(found)), seed=4)
