"""What a night looks at beside its runs. A probe returns figures and remarks; what it cannot measure, it raises."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
from assay_core.answers import Answer
from assay_core.errors import Invalid
from assay_core.evaluation import Remark, Severity
from assay_core.ports import Judge
from assay_evals.audit import HIT_RATE, WRONG_HIT_RATE, agree
from assay_evals.statistics import bootstrap
from assay_evals.statistics.drift import Drift, mmd_drift, psi_drift
from assay_store.evaluations import Window
from scipy import stats

from assay_evaluation.inspecting import Inspecting

ALPHA = 0.01
"""Drift is tested every night for years, so a remark asks for more than the usual 0.05."""
SEED = 1
FEWEST = 20
MOST_ANSWERS = 300
MOST_QUESTIONS = 100
MOST_VECTORS = 500
MOST_AUDITED = 30
RECALL_FLOOR = 0.95
WRONG_HITS = 0.01


@dataclass(frozen=True, slots=True)
class Looked:
    """What a probe saw."""

    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    remarks: Sequence[Remark] = ()


class Recorded(Protocol):
    """Answers that were given; see `night_answers.Answers`."""

    def given(self, window: Window, *, limit: int, from_cache: bool = False) -> list[Answer]: ...

    def counted(self, window: Window) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """One night of one collection. `before` is the time that it is compared with."""

    window: Window
    before: Window
    answers: Recorded
    inspecting: Inspecting
    ask: Callable[[str], Answer]
    judge: Judge
    golden: Sequence[str]


Probe = Callable[[Scope], Looked]


def index_recall(scope: Scope) -> Looked:
    """Share of the exact ten nearest vectors that the index finds, for questions of the day and the golden sets."""
    questions = list(dict.fromkeys([a.question for a in scope.answers.given(scope.window, limit=MOST_QUESTIONS)]))
    questions = (questions + [q for q in scope.golden if q not in questions])[:MOST_QUESTIONS]
    if not questions:
        raise Invalid("Nobody asked anything, and there is no golden question to search for.", code="empty_sample")
    report = scope.inspecting.check_index(questions)
    recalls = [recall for recall in report.recalls if recall is not None]
    figures = {"index.chunks": float(report.chunks), "index.missing": float(report.missing)}
    remarks: list[Remark] = []
    if recalls:
        figures["index.recall@10"] = bootstrap.mean(recalls)
        remarks += _poor_recall(recalls)
    if report.missing:
        sentence = f"{report.missing} of {report.chunks} live passages are missing from the vector index."
        remarks.append(Remark(Severity.WARNING, "index", sentence, ("index",), {"missing": float(report.missing)}))
    return Looked(figures, remarks)


def question_drift(scope: Scope) -> Looked:
    """Whether the questions of the day are other ones than before: MMD of their embeddings."""
    now, before = (_questions(scope, window) for window in (scope.window, scope.before))
    _require(len(now), len(before), "questions")
    drift = mmd_drift(scope.inspecting.embed(before), scope.inspecting.embed(now), seed=SEED)
    sentence = (
        f"Other things were asked than in the two weeks before (MMD² {drift.value:.4f}, p = {drift.p_value:.3f},"
        f" {len(now)} questions against {len(before)})."
    )
    return _drifted("questions", drift, sentence)


def score_drift(scope: Scope) -> Looked:
    """Whether the best passage's score, and how answers ended, are distributed as before."""
    now, before = (scope.answers.given(window, limit=MOST_ANSWERS) for window in (scope.window, scope.before))
    _require(len(now), len(before), "answers")
    outcomes = sorted({a.outcome for a in [*now, *before]})
    counts = np.array([[sum(a.outcome == o for a in some) for o in outcomes] for some in (now, before)])
    p_outcome = cast(float, stats.chi2_contingency(counts)[1]) if len(outcomes) > 1 else 1.0
    shares = {o: (float(counts[0][i] / len(now)), float(counts[1][i] / len(before))) for i, o in enumerate(outcomes)}
    told = ", ".join(f"{o} {b:.0%} → {a:.0%}" for o, (a, b) in shares.items())
    looked = _drifted("outcomes", Drift(0.0, p_outcome), f"Answers end otherwise than before: {told}.")
    best = [_best_scores(some) for some in (before, now)]
    scorers = {
        scorer for scorer in best[0] if len(best[0][scorer]) >= FEWEST and len(best[1].get(scorer, [])) >= FEWEST
    }
    for scorer in sorted(scorers):
        drift = psi_drift(np.array(best[0][scorer]), np.array(best[1][scorer]), seed=SEED)
        sentence = f"The best passage's score ({scorer}) lies elsewhere than before (PSI {drift.value:.2f})."
        looked = _joined(looked, _drifted(f"scores.{scorer}", drift, sentence))
    return looked


def document_drift(scope: Scope) -> Looked:
    """Whether what went live that day is other than what there was: MMD of vectors."""
    now = scope.inspecting.vectors(scope.window.since, scope.window.until, limit=MOST_VECTORS)
    before = scope.inspecting.vectors(None, scope.window.since, limit=MOST_VECTORS)
    _require(len(now), len(before), "passages")
    drift = mmd_drift(before, now, seed=SEED)
    sentence = (
        f"The passages that went live are of other things than those before (MMD² {drift.value:.4f},"
        f" p = {drift.p_value:.3f}, {len(now)} passages against {len(before)})."
    )
    return _drifted("documents", drift, sentence, Severity.NOTE)


def cache_audit(scope: Scope) -> Looked:
    """Whether what the cache served is still what a fresh answer says."""
    served = scope.answers.given(scope.window, limit=MOST_AUDITED, from_cache=True)
    answers, hits = scope.answers.counted(scope.window)
    rate = {HIT_RATE: hits / answers} if answers else {}
    if not served:
        return Looked({**rate, "cache.audited": 0.0})
    wrong = sum(not agree(answer, scope.ask(answer.question), scope.judge) for answer in served)
    of = len(served)
    low, high = stats.binomtest(wrong, of).proportion_ci(method="wilson")
    figures = {**rate, "cache.audited": float(of), "cache.wrong": float(wrong), WRONG_HIT_RATE: wrong / of}
    if low <= WRONG_HITS:
        return Looked(figures)
    sentence = (
        f"{wrong} of {of} answers from the cache are not what a fresh answer says"
        f" (95 % interval {low:.0%} to {high:.0%})."
    )
    return Looked(figures, [Remark(Severity.ALARM, "cache", sentence, (), {"wrong": float(wrong)})])


PROBES: Mapping[str, Probe] = {
    "index recall": index_recall,
    "questions": question_drift,
    "scores": score_drift,
    "documents": document_drift,
    "cache": cache_audit,
}


def _poor_recall(recalls: list[float]) -> list[Remark]:
    low, high = bootstrap.interval(recalls, seed=SEED) if len(recalls) > 1 else (recalls[0], recalls[0])
    if high >= RECALL_FLOOR:
        return []
    sentence = (
        f"The vector index finds {bootstrap.mean(recalls):.3f} of the ten nearest passages (95 % interval {low:.3f} to"
        f" {high:.3f}); at least {RECALL_FLOOR} is expected. Rebuild it, or search it more widely."
    )
    return [Remark(Severity.ALARM, "index", sentence, ("index",), {"recall@10": bootstrap.mean(recalls)})]


def _questions(scope: Scope, window: Window) -> list[str]:
    return [answer.question for answer in scope.answers.given(window, limit=MOST_ANSWERS)]


def _require(now: int, before: int, what: str) -> None:
    if min(now, before) < FEWEST:
        raise Invalid(
            f"{now} {what} of the day and {before} of before are too few to compare; {FEWEST} each are needed.",
            code="too_few",
        )


def _best_scores(answers: Sequence[Answer]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for answer in answers:
        if answer.sources:
            found.setdefault(str(answer.sources[0].scored_by), []).append(answer.sources[0].score)
    return found


def _drifted(about: str, drift: Drift, sentence: str, severity: Severity = Severity.WARNING) -> Looked:
    figures = {f"drift.{about}": drift.value, f"drift.{about}.p": drift.p_value}
    if drift.p_value >= ALPHA:
        return Looked(figures)
    return Looked(figures, [Remark(severity, about, sentence, (), {"p": drift.p_value, "drift": drift.value})])


def _joined(one: Looked, other: Looked) -> Looked:
    return Looked({**one.figures, **other.figures}, [*one.remarks, *other.remarks])
