"""Scores of several runs of one configuration, from which pairs of runs and whole nights are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from assay_core.errors import Invalid
from assay_core.evaluation import QuestionScore

from assay_evals.datasets import json_lines
from assay_evals.experiments import SCORED, Pairs, pair
from assay_evals.statistics.arrays import Floats


@dataclass(frozen=True, slots=True)
class Pool:
    """`scores` has shape (runs, questions, metrics), NaN where there is none; `slices` as in `compare_slices`."""

    questions: tuple[str, ...]
    metrics: tuple[str, ...]
    scores: Floats
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    def draw_pair(self, draw: np.random.Generator) -> tuple[Pairs, list[str]]:
        """Two runs of as many questions, drawn with replacement; each question's two values are of different runs.

        The second value lists the questions of the pool that the pair's questions, which have names of their own, are.
        """
        runs, size, _ = self.scores.shape
        chosen = draw.integers(size, size=size)
        first = draw.integers(runs, size=size)
        second = (first + draw.integers(1, runs, size=size)) % runs
        names = tuple(f"{place:06}" for place in range(size))
        pairs = Pairs(names, self.metrics, self.scores[first, chosen], self.scores[second, chosen], ({}, {}))
        return pairs, [self.questions[place] for place in chosen]

    def draw_nights(self, draw: np.random.Generator, nights: int, column: int) -> Floats:
        """One metric over nights, shape (nights, questions): of each question any run's value each night."""
        runs, size, _ = self.scores.shape
        return self.scores[draw.integers(runs, size=(nights, size)), np.arange(size), column]


def pool_of(runs: Sequence[Sequence[QuestionScore]], slices: Mapping[str, Mapping[str, str]] | None = None) -> Pool:
    """A pool of runs; questions that one of them lacks are left out. Raises `Invalid` for fewer than two runs."""
    if len(runs) < 2:
        raise Invalid("A pool needs at least 2 runs of one configuration; more make it better.", code="pool_too_small")
    shared = set[str]().union(*({s.question for s in run} for run in runs))
    for run in runs:
        shared &= {s.question for s in run}
    if len(shared) < 2:
        raise Invalid("The runs have no two questions in common; use runs of one golden set.", code="nothing_in_common")
    # Each run against all of them together, so that every matrix has the same columns.
    everything = [score for run in runs for score in run]
    laid = [pair(everything, run) for run in runs]
    rows = [[one.questions.index(question) for question in sorted(shared)] for one in laid]
    scores = np.stack([one.new[chosen] for one, chosen in zip(laid, rows, strict=True)])
    return Pool(tuple(sorted(shared)), laid[0].metrics, scores, slices or {})


def read_pool(path: Path) -> Pool:
    """Read JSON lines {"run", "question", "metric", "value" or "failure", and perhaps "slices"}.

    Raises `Invalid`, naming the line, for what cannot be read.
    """
    runs: dict[str, list[QuestionScore]] = {}
    slices: dict[str, Mapping[str, str]] = {}
    for where, raw in json_lines(path):
        run, question, metric, value = (raw.get(key) for key in ("run", "question", "metric", "value"))
        if not all(isinstance(given, str) and given for given in (run, question, metric)) or metric == SCORED:
            raise Invalid(f"{where}: run, question and metric must be strings.", code="bad_dataset")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Invalid(f"{where}: the value is {value!r}; use a number, or null with a failure.", code="bad_dataset")
        failure = None if value is not None else str(raw.get("failure") or "no reason given")
        score = QuestionScore(str(question), str(metric), None if value is None else float(value), failure)
        runs.setdefault(str(run), []).append(score)
        if isinstance(raw.get("slices"), dict):
            slices[str(question)] = {str(by): str(what) for by, what in raw["slices"].items()}
    return pool_of(list(runs.values()), slices)
