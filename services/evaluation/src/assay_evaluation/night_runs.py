"""What the runs of a night say beside those of the nights before: what fell, on which day, and what had moved."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import cast

import numpy as np
from assay_core.evaluation import EvaluationRun, QuestionScore, Remark, Severity
from assay_core.experiments import Change
from assay_evals import experiments
from assay_evals.changes import changes
from assay_evals.metrics import METRICS
from assay_evals.statistics import bootstrap
from assay_evals.statistics.multiple import holm
from assay_evals.statistics.permutation import FLIPS, last_night
from assay_evals.statistics.sequential import drop_over_nights
from scipy import stats

CANARIES = "canary"
"""A golden set of this name is one that must never fail: its questions are looked at one by one, without statistics."""
ALPHA = 0.01
"""Asked every night for years: 0.05 would be a false alarm every three weeks."""
_BLAMED = 0.05
CORPUS = "corpus"
_CANARY_METRICS = ("recall@5", "groundedness", "abstention_recall")
_CANARY_LEAST = 0.5
FEWEST_NIGHTS = 3
_COST = frozenset(name for name, metric in METRICS.items() if metric.group == "cost")


@dataclass(frozen=True, slots=True)
class Night:
    """A run of a golden set with its scores. `changed` are the questions whose answers of the night before rest on
    what has been edited or deleted since."""

    run: EvaluationRun
    scores: Sequence[QuestionScore]
    slices: Mapping[str, Mapping[str, str]]
    changed: frozenset[str] = frozenset()


def compare(before: Sequence[Night], tonight: Night) -> list[Remark]:
    """What fell or rose since the night before, with the likeliest cause.

    Args:
        before: the nights before, newest first. Of those whose configuration was that of the newest, each question's
            mean is the baseline: the spread of a single night would hide what is to be seen.
    """
    alike = _alike(before)
    pairs = experiments.pair(_typical(alike), tonight.scores)
    moved = changes(_configuration(before[0].run), _configuration(tonight.run))
    everywhere = {("", "", pairs.metrics[column]): pairs for column in pairs.deciding}
    remarks: list[Remark] = []
    for (_, _, metric), p in _significant([*reversed(alike), tonight], everywhere).items():
        causes = likely_causes(moved, _fallen(pairs, metric), tonight.changed & set(pairs.questions), pairs)
        remarks.append(_remark(tonight.run.dataset, metric, pairs, p, f" {_cause_in_words(causes, moved)}", causes))
    parts = {
        (by, value, pairs.metrics[column]): part
        for (by, value), questions in experiments.divided(tonight.slices).items()
        if len((part := pairs.part(questions)).questions) >= experiments.MIN_QUESTIONS
        for column in part.deciding
    }
    for (by, value, metric), p in _significant([*reversed(alike), tonight], parts).items():
        told = _remark(tonight.run.dataset, metric, parts[by, value, metric], p, f" This is where {by} is {value}.", ())
        if told.severity is Severity.ALARM:
            remarks.append(told)
    return remarks


def _significant(
    nights: Sequence[Night], tests: Mapping[tuple[str, str, str], experiments.Pairs]
) -> dict[tuple[str, str, str], float]:
    """Of tests, by slice and metric, those whose p-value is below `ALPHA` when adjusted for all of them."""
    by_metric = {metric: [_score(night, metric) for night in nights] for _, _, metric in tests}
    # So many tests need p-values that can be small enough for their number.
    permutations = max(FLIPS, round(4 * len(tests) / ALPHA))
    p_values = [
        last_night(
            np.array([[scores.get(q, np.nan) for q in part.questions] for scores in by_metric[metric]]),
            seed=experiments.SEED,
            permutations=permutations,
        )
        for (_, _, metric), part in tests.items()
    ]
    adjusted = zip(tests, holm(p_values), strict=True) if p_values else ()
    return {test: float(p) for test, p in adjusted if p < ALPHA}


def likely_causes(
    moved: Sequence[Change], fallen: frozenset[str], changed: frozenset[str], pairs: experiments.Pairs
) -> tuple[str, ...]:
    """The factors that moved. The corpus moves almost every day: it is blamed if nothing else moved, or if the
    questions that fell rest on changed documents more often than the others (Fisher's exact test); then it comes
    first."""
    factors = list(dict.fromkeys(change.factor for change in moved))
    if CORPUS not in factors or len(factors) == 1:
        return tuple(factors)
    factors.remove(CORPUS)
    others = frozenset(pairs.questions) - fallen
    table = [
        [len(fallen & changed), len(fallen - changed)],
        [len(others & changed), len(others - changed)],
    ]
    blamed = cast(float, stats.fisher_exact(table, alternative="greater")[1]) < _BLAMED
    return (CORPUS, *factors) if blamed else tuple(factors)


def slow_drops(dataset: str, before: Sequence[Night], tonight: Night, *, known: Collection[str]) -> list[Remark]:
    """Metrics that have fallen over nights of one configuration, too slowly for any single night to show it.

    Args:
        before: the nights before, newest first.
        known: metrics of which tonight's comparison has told already.
    """
    series = [*reversed(_alike([tonight, *before]))]
    questions = sorted(set[str]().union(*({s.question for s in night.scores} for night in series)))
    metrics = sorted({s.metric for s in tonight.scores} - _COST) if len(series) > FEWEST_NIGHTS else []
    remarks: list[Remark] = []
    for metric in metrics:
        scores = np.array([[_score(night, metric).get(q, np.nan) for q in questions] for night in series])
        # Of so many metrics each gets its share of the false alarms.
        evidence = drop_over_nights(scores, alpha=ALPHA / len(metrics)).evidence[-1]
        means = np.nanmean(scores, axis=1)
        first, last = float(means[:FEWEST_NIGHTS].mean()), float(means[-FEWEST_NIGHTS:].mean())
        if metric in known or evidence < len(metrics) / ALPHA or last >= first:
            continue
        sentence = (
            f"{metric} of {dataset} has been falling over {len(series)} nights, from {first:.3f} to {last:.3f}"
            f" (evidence {evidence:.0f} to 1)."
        )
        remarks.append(Remark(Severity.ALARM, metric, sentence, (), {"before": first, "now": last}))
    return remarks


def canaries(tonight: Night) -> list[Remark]:
    """One alarm that names every canary question that failed."""
    failed = sorted(
        {
            s.question
            for s in tonight.scores
            if s.metric in _CANARY_METRICS and (s.value is None or s.value < _CANARY_LEAST)
        }
    )
    if not failed:
        return []
    sentence = f"{len(failed)} canary questions failed: {', '.join(failed[:10])}{' …' if len(failed) > 10 else ''}."
    return [Remark(Severity.ALARM, CANARIES, sentence, (), {"failed": float(len(failed))})]


def _alike(newest_first: Sequence[Night]) -> list[Night]:
    """The newest nights as far back as their configuration is that of the newest, but for the corpus."""
    now = _configuration(newest_first[0].run)
    return list(
        takewhile(lambda night: all(c.factor == CORPUS for c in changes(_configuration(night.run), now)), newest_first)
    )


def _typical(alike: Sequence[Night]) -> list[QuestionScore]:
    """Each question's mean of each metric; failures are those of the newest night."""
    found: dict[tuple[str, str], list[float]] = {}
    for night in alike:
        for score in night.scores:
            if score.value is not None:
                found.setdefault((score.question, score.metric), []).append(score.value)
    means = [QuestionScore(q, metric, sum(values) / len(values)) for (q, metric), values in found.items()]
    return means + [s for s in alike[0].scores if s.value is None and (s.question, s.metric) not in found]


def _configuration(run: EvaluationRun) -> dict[str, object]:
    return {**run.configuration, "judge": run.judge}


def _fallen(pairs: experiments.Pairs, metric: str) -> frozenset[str]:
    column = pairs.metrics.index(metric)
    lower = pairs.new[:, column] < pairs.old[:, column]
    return frozenset(question for question, fell in zip(pairs.questions, lower, strict=True) if fell)


def _remark(
    dataset: str, metric: str, pairs: experiments.Pairs, p_adjusted: float, cause: str, causes: tuple[str, ...]
) -> Remark:
    old, new = pairs.values(pairs.metrics.index(metric))
    sure = bootstrap.compare(list(old), list(new), seed=experiments.SEED)
    worse = (sure.difference < 0) == METRICS[metric].higher_is_better if metric in METRICS else sure.difference < 0
    sentence = (
        f"{metric} of {dataset} is {'worse' if worse else 'better'} than on the nights before: {old.mean():.3f} →"
        f" {new.mean():.3f} (95 % interval of the difference {sure.low:+.3f} to {sure.high:+.3f},"
        f" p = {p_adjusted:.4f}, {len(old)} questions).{cause}"
    )
    figures = {"before": float(old.mean()), "now": float(new.mean()), "low": sure.low, "high": sure.high}
    return Remark(Severity.ALARM if worse else Severity.NOTE, metric, sentence, causes, figures)


def _cause_in_words(causes: tuple[str, ...], moved: Sequence[Change]) -> str:
    named = [f"{c.what} ({c.before} → {c.after})" for cause in causes for c in moved if c.factor == cause]
    if not named:
        return "Nothing in the configuration had changed."
    return f"What had changed: {', '.join(named)}."


def _score(night: Night, metric: str) -> dict[str, float]:
    return {s.question: s.value for s in night.scores if s.metric == metric and s.value is not None}
