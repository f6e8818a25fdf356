"""Compare a run with a baseline, question by question.

A metric is called worse or better if the sign-flip permutation test, adjusted by Holm over all metrics, has p < 0.05;
the interval beside it is the paired bootstrap's. Slices are adjusted by Holm over all slices and metrics together.
What an answer costs (latency, tokens) hangs on the machine's load as well: it is told, adjusted by itself, and decides
nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from assay_core.evaluation import QuestionScore
from assay_core.experiments import Experiment, Finding, MetricComparison, SliceComparison

from assay_evals.metrics import METRICS
from assay_evals.statistics.arrays import Floats
from assay_evals.statistics.bootstrap import compare
from assay_evals.statistics.effect import cohens_d, discordant
from assay_evals.statistics.multiple import holm
from assay_evals.statistics.permutation import FLIPS, sign_flips
from assay_evals.statistics.power import smallest_drop

ALPHA = 0.05
SEED = 1
MIN_QUESTIONS = 20
_COST = frozenset(name for name, metric in METRICS.items() if metric.group == "cost")
_LOWER = frozenset(name for name, metric in METRICS.items() if not metric.higher_is_better)
_NO_DIRECTION = frozenset({"confidence"})
SCORED = "scored"
"""A metric of every comparison: 1 for a question of which all could be scored. More failures are a regression too."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores of two runs: rows are questions, columns metrics; NaN where there is no score. `failed` has counts."""

    questions: tuple[str, ...]
    metrics: tuple[str, ...]
    old: Floats
    new: Floats
    failed: tuple[Mapping[str, int], Mapping[str, int]]

    @property
    def testable(self) -> list[int]:
        """The columns with at least two pairs."""
        both = ~np.isnan(self.old) & ~np.isnan(self.new)
        return [column for column, count in enumerate(both.sum(axis=0)) if count >= 2]

    @property
    def deciding(self) -> list[int]:
        """Those of them that are not only a cost."""
        return [column for column in self.testable if self.metrics[column] not in _COST]

    def values(self, column: int) -> tuple[Floats, Floats]:
        """The values of a metric where both runs have one."""
        both = ~np.isnan(self.old[:, column]) & ~np.isnan(self.new[:, column])
        return self.old[both, column], self.new[both, column]

    def part(self, questions: Collection[str]) -> "Pairs":
        """Only these questions; failures are not counted in parts."""
        rows = [row for row, question in enumerate(self.questions) if question in questions]
        chosen = tuple(self.questions[row] for row in rows)
        return Pairs(chosen, self.metrics, self.old[rows], self.new[rows], ({}, {}))


def pair(old: Sequence[QuestionScore], new: Sequence[QuestionScore]) -> Pairs:
    """Lay the scores of two runs side by side, for the questions that both have."""
    both = sorted({s.question for s in old} & {s.question for s in new})
    metrics = sorted(({s.metric for s in old} | {s.metric for s in new}) - _NO_DIRECTION)
    return Pairs(
        tuple(both),
        (*metrics, SCORED),
        _matrix(old, both, metrics),
        _matrix(new, both, metrics),
        (_failures(old), _failures(new)),
    )


def compare_pairs(pairs: Pairs, *, seed: int = SEED) -> list[MetricComparison]:
    """Every metric, each p-value adjusted for the others of its family: what decides, and what it costs."""
    p_values = sign_flips(pairs.new - pairs.old, seed=seed)
    adjusted = _adjusted(pairs, p_values)
    return [
        _compared(pairs, column, float(p_values[column]), adjusted.get(column), seed)
        for column in range(len(pairs.metrics))
    ]


def compare_slices(
    pairs: Pairs,
    slices: Mapping[str, Mapping[str, str]],
    *,
    seed: int = SEED,
    min_questions: int = MIN_QUESTIONS,
) -> list[SliceComparison]:
    """Every part of the golden set; one of fewer than `min_questions` is named and not tested.

    Args:
        slices: of each question its value, by name of the division. A division with one value tells nothing.
    """
    parts = {key: pairs.part(ids) for key, ids in divided(slices).items()}
    large = {key: part for key, part in parts.items() if len(part.questions) >= min_questions}
    tests = [(key, c) for key, part in large.items() for c in part.deciding]
    # So many tests need p-values that can be small enough for their number.
    flips = max(FLIPS, round(4 * len(tests) / ALPHA))
    p_values = {key: sign_flips(part.new - part.old, seed=seed, flips=flips) for key, part in large.items()}
    adjusted = dict(zip(tests, holm([p_values[key][c] for key, c in tests]), strict=True))

    def compared(key: tuple[str, str]) -> tuple[MetricComparison, ...]:
        return tuple(
            _compared(large[key], c, float(p_values[key][c]), (float(adjusted[key, c]), len(tests)), seed)
            for other, c in tests
            if other == key
        )

    return [
        SliceComparison(by, value, len(part.questions), (by, value) not in large, compared((by, value)))
        for (by, value), part in parts.items()
    ]


def in_words(experiment: Experiment) -> tuple[str, ...]:
    """The comparison in sentences: what got worse, what got better, what it could not have seen, what was changed."""
    lines = [
        *_findings(experiment.metrics, ""),
        *(line for s in experiment.slices for line in _findings(s.metrics, f" where {s.by} is {s.value}")),
    ]
    lines = [line for line in lines if line] or ["No metric differs by more than chance would do."]
    blind = [m for m in experiment.metrics if m.finding is Finding.UNDECIDED and m.decides]
    lines += [_could_see(m) for m in blind]
    small = [f"{s.by} {s.value} ({s.questions})" for s in experiment.slices if s.too_small]
    if small:
        lines.append(f"Too small to test by themselves: {', '.join(small)}.")
    missing = [m.metric for m in experiment.metrics if m.finding is Finding.NOT_COMPARABLE]
    if missing:
        lines.append(f"Not comparable, since fewer than 2 questions have a score in both: {', '.join(missing)}.")
    for name, only in (("baseline", experiment.only_in_baseline), ("run", experiment.only_in_run)):
        if only:
            named = ", ".join(only[:5]) + (" …" if len(only) > 5 else "")
            lines.append(f"Only in the {name} and left out: {len(only)} questions ({named}).")
    moved = [f"{c.what} ({c.before} → {c.after})" for c in experiment.changes]
    lines.append(f"What was changed: {', '.join(moved)}." if moved else "Nothing in the configuration was changed.")
    return tuple(lines)


def _findings(metrics: Iterable[MetricComparison], where: str) -> list[str]:
    return [
        f"{m.metric}{where} is {m.finding}: {m.baseline:.3f} → {m.run:.3f}, a difference of {m.difference:+.3f}"
        f" (95 % interval {m.low:+.3f} to {m.high:+.3f}, p = {m.p_adjusted:.4f}, {m.questions} questions)."
        for m in sorted(metrics, key=lambda m: (m.finding is not Finding.WORSE, m.p_adjusted or 0))
        if m.finding in (Finding.WORSE, Finding.BETTER)
    ]


def _could_see(metric: MetricComparison) -> str:
    if metric.smallest_drop is None:
        return f"{metric.metric}: {metric.questions} questions are too few to show even the loss of all."
    return (
        f"{metric.metric}: no difference seen ({metric.difference:+.3f}); {metric.questions} questions would have shown"
        f" a drop of {metric.smallest_drop:.3f} in 80 % of cases."
    )


def _compared(
    pairs: Pairs, column: int, p_value: float, adjusted: tuple[float, int] | None, seed: int
) -> MetricComparison:
    metric = pairs.metrics[column]
    failed = [counts.get(metric, 0) for counts in pairs.failed]
    decides = metric not in _COST
    old, new = pairs.values(column)
    if adjusted is None:
        return MetricComparison(metric, Finding.NOT_COMPARABLE, len(old), *failed, decides=decides)
    p_adjusted, tests = adjusted
    sure = compare(list(old), list(new), seed=seed)
    effect, changed = cohens_d(new - old), discordant(old, new)
    return MetricComparison(
        metric,
        _finding(metric, sure.difference, p_adjusted),
        len(old),
        *failed,
        decides=decides,
        baseline=float(old.mean()),
        run=float(new.mean()),
        difference=sure.difference,
        low=sure.low,
        high=sure.high,
        p_value=p_value,
        p_adjusted=p_adjusted,
        effect=effect and effect.size,
        effect_low=effect and effect.low,
        effect_high=effect and effect.high,
        worse_questions=changed and changed.worse,
        better_questions=changed and changed.better,
        mcnemar_p=changed and changed.p_value,
        smallest_drop=smallest_drop(old, new, alpha=ALPHA / tests) if decides else None,
    )


def _finding(metric: str, difference: float, p_adjusted: float) -> Finding:
    if p_adjusted >= ALPHA or difference == 0:
        return Finding.UNDECIDED
    return Finding.WORSE if (difference > 0) == (metric in _LOWER) else Finding.BETTER


def _adjusted(pairs: Pairs, p_values: Floats) -> dict[int, tuple[float, int]]:
    """Of each column that is tested its adjusted p-value, and the number of tests that it was adjusted for."""
    families = pairs.deciding, [c for c in pairs.testable if c not in pairs.deciding]
    return {
        column: (float(p), len(family))
        for family in families
        for column, p in zip(family, holm(p_values[family]), strict=True)
    }


def divided(slices: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], set[str]]:
    """The questions of each slice; `slices` as in `compare_slices`."""
    found: dict[tuple[str, str], set[str]] = {}
    for question, values in slices.items():
        for division in values.items():
            found.setdefault(division, set()).add(question)
    sizes = Counter(by for by, _ in found)
    return {key: ids for key, ids in sorted(found.items()) if sizes[key[0]] > 1}


def _matrix(scores: Sequence[QuestionScore], questions: Sequence[str], metrics: Sequence[str]) -> Floats:
    rows = {question: row for row, question in enumerate(questions)}
    columns = {metric: column for column, metric in enumerate(metrics)}
    found = np.full((len(questions), len(metrics) + 1), np.nan)
    found[:, -1] = 1.0
    for score in scores:
        if (row := rows.get(score.question)) is None:
            continue
        if score.value is None:
            found[row, -1] = 0.0
        elif score.metric in columns:
            found[row, columns[score.metric]] = score.value
    return found


def _failures(scores: Sequence[QuestionScore]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for score in scores:
        if score.value is None:
            counts[score.metric] = counts.get(score.metric, 0) + 1
    counts[SCORED] = len({score.question for score in scores if score.value is None})
    return counts
