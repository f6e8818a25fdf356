"""What a night looks at: each probe sees what is there, says nothing where there is nothing, and admits too little."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from assay_core.answers import Answer, Outcome
from assay_core.errors import Invalid
from assay_core.evaluation import Severity
from assay_evaluation import probes
from assay_evaluation.inspecting import Rows
from assay_evaluation.probes import Scope
from assay_store.evaluations import Window
from assay_testing.answers import answer, hit
from assay_testing.fake_judge import FakeJudge
from assay_wire import internal

TODAY = Window(datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))
BEFORE = Window(TODAY.since - timedelta(days=14), TODAY.since)


class Given:
    """Answers of each time."""

    def __init__(self, today: Sequence[Answer], before: Sequence[Answer], cached: Sequence[Answer] = ()) -> None:
        self._by_window = {TODAY: list(today), BEFORE: list(before)}
        self._cached = list(cached)

    def given(self, window: Window, *, limit: int, from_cache: bool = False) -> list[Answer]:
        return (self._cached if from_cache else self._by_window[window])[:limit]

    def counted(self, window: Window) -> tuple[int, int]:
        return len(self._by_window[window]) + len(self._cached), len(self._cached)


class Index:
    """Embeds a question by the place that its number names; reports what it is told to."""

    def __init__(self, report: internal.IndexReport | None = None, vectors: Sequence[Rows] = ()) -> None:
        self.report = report
        self.asked: Sequence[str] = ()
        self._vectors = list(vectors)

    def embed(self, questions: Sequence[str]) -> Rows:
        return np.array([[float(word) for word in question.split()[:2]] for question in questions])

    def check_index(self, questions: Sequence[str]) -> internal.IndexReport:
        self.asked = questions
        assert self.report is not None
        return self.report

    def vectors(self, since: datetime | None, until: datetime | None, *, limit: int) -> Rows:
        assert limit > 0
        assert (since, until) in ((TODAY.since, TODAY.until), (None, TODAY.since))
        return self._vectors[0 if since else 1]


def scope(
    given: Given, index: Index | None = None, *, ask: Callable[[str], Answer] | None = None, golden: Sequence[str] = ()
) -> Scope:
    inspecting = index or Index()
    return Scope(TODAY, BEFORE, given, inspecting, ask or answered, FakeJudge(), golden)  # pyright: ignore[reportArgumentType] - it quacks


def answered(question: str) -> Answer:
    return answer("Leave is twenty days.", question=question, sources=(hit("leave.md", "Leave is twenty days."),))


def cloud(count: int, *, at: float, seed: int) -> list[Answer]:
    points = np.random.default_rng(seed).normal(at, 1.0, (count, 2))
    return [answered(f"{x:.3f} {y:.3f} question") for x, y in points]


def test_other_questions_than_before_are_noticed() -> None:
    looked = probes.question_drift(scope(Given(cloud(60, at=3, seed=1), cloud(60, at=0, seed=2))))
    assert looked.figures["drift.questions.p"] < 0.01
    (remark,) = looked.remarks
    assert (remark.severity, remark.about) == (Severity.WARNING, "questions")


def test_the_same_kind_of_questions_is_no_news() -> None:
    looked = probes.question_drift(scope(Given(cloud(60, at=0, seed=1), cloud(60, at=0, seed=2))))
    assert looked.figures["drift.questions.p"] > 0.01
    assert looked.remarks == ()


def test_too_few_questions_are_a_failure_and_no_figure() -> None:
    with pytest.raises(Invalid, match="too few") as raised:
        probes.question_drift(scope(Given(cloud(5, at=3, seed=1), cloud(60, at=0, seed=2))))
    assert raised.value.code == "too_few"


def test_answers_that_end_otherwise_and_lower_scores_are_noticed() -> None:
    before = cloud(80, at=0, seed=1)
    low = [replace(a, sources=(replace(a.sources[0], score=0.1 + i / 1000),)) for i, a in enumerate(before)]
    today = [replace(a, outcome=Outcome.NOTHING_FOUND) if i % 2 else a for i, a in enumerate(low)]
    varied = [replace(a, sources=(replace(a.sources[0], score=0.8 + i / 1000),)) for i, a in enumerate(before)]
    looked = probes.score_drift(scope(Given(today, varied)))
    assert {remark.about for remark in looked.remarks} == {"outcomes", "scores.rrf"}
    assert "nothing_found 0% → 50%" in looked.remarks[0].sentence
    assert list(probes.score_drift(scope(Given(varied, varied))).remarks) == []


def test_new_passages_of_other_things_are_a_note() -> None:
    draw = np.random.default_rng(1)
    old, new = draw.normal(0, 1, (80, 4)), draw.normal(2, 1, (40, 4))
    (remark,) = probes.document_drift(scope(Given([], []), Index(vectors=(new, old)))).remarks
    assert (remark.severity, remark.about) == (Severity.NOTE, "documents")
    assert probes.document_drift(scope(Given([], []), Index(vectors=(old[:40], old[40:])))).remarks == ()


def test_recall_is_measured_with_questions_of_the_day_and_golden_ones() -> None:
    index = Index(internal.IndexReport((1.0, 0.9, None), "hnsw", 7, 0))
    looked = probes.index_recall(scope(Given([answered("a?")], []), index, golden=("a?", "b?")))
    assert list(index.asked) == ["a?", "b?"]
    assert looked.figures["index.recall@10"] == pytest.approx(0.95)
    assert looked.remarks == []


def test_an_index_that_finds_too_little_or_lacks_passages_is_told() -> None:
    index = Index(internal.IndexReport((0.5,) * 10, "ivf_pq", 7, 2))
    looked = probes.index_recall(scope(Given([answered("a?")], []), index))
    assert [(r.severity, r.causes) for r in looked.remarks] == [
        (Severity.ALARM, ("index",)),
        (Severity.WARNING, ("index",)),
    ]
    assert looked.figures["index.missing"] == 2


def test_without_any_question_recall_cannot_be_measured() -> None:
    with pytest.raises(Invalid, match="Nobody asked"):
        probes.index_recall(scope(Given([], [])))


def test_stale_answers_from_the_cache_raise_an_alarm() -> None:
    stale = [replace(answered(f"{i}?"), text="Leave is thirty weeks.") for i in range(5)]
    looked = probes.cache_audit(scope(Given([], [], stale + [answered("ok?")] * 5)))
    assert (looked.figures["cache.wrong"], looked.figures["cache_wrong_hit_rate"]) == (5, 0.5)
    (remark,) = looked.remarks
    assert remark.severity is Severity.ALARM
    assert "5 of 10" in remark.sentence


def test_a_cache_that_says_what_a_fresh_answer_says_is_no_news() -> None:
    looked = probes.cache_audit(scope(Given([], [], [answered("ok?")] * 5)))
    assert (looked.figures["cache.wrong"], list(looked.remarks)) == (0, [])
    assert probes.cache_audit(scope(Given([], []))).figures == {"cache.audited": 0}
    assert (
        probes.cache_audit(scope(Given([answered("a?")] * 3, [], [answered("a?")]))).figures["cache_hit_rate"] == 0.25
    )
