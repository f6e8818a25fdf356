"""Measure judges of groundedness on labelled answers.

A line of a file is {"context", "question", "response", "label"}: `context` is a text or a list of texts, `question` may
be empty, label 1 says that something in the response is not supported by the context. A response is taken apart into
claims; its score is that of its worst claim. A line that cannot be read, or that a judge could not judge, is counted
and named, and is in no figure.
"""

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from assay_core.answers import Verdict
from assay_core.claims import claims_of
from assay_core.errors import AssayError, Invalid
from assay_core.ports import Judge

from assay_evals.agreement import Agreement, agreement
from assay_evals.lexical_overlap import share_found

# Set beforehand and fitted to nothing, as a baseline should be.
LEXICAL_THRESHOLD = 0.25


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled response; `line` is its place in the file, from 1."""

    line: int
    contexts: tuple[str, ...]
    question: str
    response: str
    label: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is in no figure, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CaseSet:
    """What a file holds."""

    name: str
    cases: tuple[Case, ...]
    malformed: tuple[Fault, ...]


Score = Callable[[Case], float]
"""The probability that something in the response is not supported. Raises `AssayError` if it cannot be said."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """A way to judge; `threshold` is where its score turns into a decision."""

    name: str
    score: Score
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """One scorer's agreement with the labels; None if it could judge no case."""

    name: str
    agreement: Agreement | None
    failures: tuple[Fault, ...]
    seconds: float
    claims: int

    @property
    def seconds_per_1000(self) -> float | None:
        judged = self.agreement.cases if self.agreement else 0
        return 1000 * self.seconds / judged if judged else None


@dataclass(frozen=True, slots=True)
class Report:
    """Every scorer on one set."""

    set: str
    cases: int
    positives: int
    malformed: tuple[Fault, ...]
    judges: tuple[Judged, ...]

    def as_json(self) -> dict[str, object]:
        """For machines: figures of each judge by name."""
        found = cast(dict[str, object], asdict(self))
        found["judges"] = {
            judged.name: {
                **(dict(judged.agreement.metrics) if judged.agreement else {}),
                "intervals": {k: list(v) for k, v in judged.agreement.intervals.items()} if judged.agreement else {},
                "judged": judged.agreement.cases if judged.agreement else 0,
                "failures": [asdict(fault) for fault in judged.failures],
                "seconds": round(judged.seconds, 3),
                "seconds_per_1000": judged.seconds_per_1000,
                "claims": judged.claims,
            }
            for judged in self.judges
        }
        return found


def read_cases(path: Path) -> CaseSet:
    """Read a file of labelled responses, plain or .gz.

    Raises:
        Invalid: it cannot be opened, or no line of it can be used.
    """
    cases: list[Case] = []
    malformed: list[Fault] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            cases.append(read_case(number, line))
        except ValueError as error:
            malformed.append(Fault(number, str(error)))
    if not cases:
        reason = f"; line {malformed[0].line}: {malformed[0].reason}" if malformed else ""
        raise Invalid(f"{path.name!r} holds no usable line{reason}.", code="bad_dataset")
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return CaseSet(name, tuple(cases), tuple(malformed))


def read_case(number: int, line: str) -> Case:
    """A case from its line. Raises `ValueError` with the reason."""
    try:
        raw: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(raw, dict):
        raise ValueError("a line must be a JSON object")
    fields = cast(dict[str, Any], raw)
    response, question = fields.get("response"), fields.get("question") or ""
    if not isinstance(response, str) or not response.strip():
        raise ValueError('"response" must be a text that is not empty')
    if not isinstance(question, str):
        raise ValueError('"question" must be a text')
    label = fields.get("label")
    if isinstance(label, str) or label not in (0, 1):
        raise ValueError(f'"label" must be 0 or 1, not {label!r}')
    return Case(number, _contexts(fields.get("context")), question, response, int(label))


def judge_scorer(name: str, judge: Judge) -> Scorer:
    """A judge as a scorer: the worst claim of the response decides."""

    def score(case: Case) -> float:
        judged = judge.judge_claims(claims_of(case.question, case.response), case.contexts)
        failed = next((j for j in judged if j.verdict is Verdict.UNVERIFIED), None)
        if failed is not None:
            raise Invalid(failed.failure or "the judge could not judge a claim", code="unverified")
        return max(1 - j.probability for j in judged)

    return Scorer(name, score)


def lexical_scorer() -> Scorer:
    """Share of words that are missing from the context, of the sentence that misses most."""

    def score(case: Case) -> float:
        return max(1 - share_found(claim, case.contexts) for claim in claims_of("", case.response))

    return Scorer("lexical", score, LEXICAL_THRESHOLD)


def evaluate(
    given: CaseSet,
    scorers: Sequence[Scorer],
    *,
    seed: int = 0,
    on_progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Report:
    """Every scorer on every case. Failures are named and kept out of the figures."""
    judged: list[Judged] = []
    for scorer in scorers:
        scores: list[float] = []
        labels: list[int] = []
        failures: list[Fault] = []
        claims = 0
        started = time.perf_counter()
        for number, case in enumerate(given.cases, 1):
            try:
                scores.append(_finite(scorer.score(case)))
                labels.append(case.label)
                claims += len(claims_of(case.question, case.response))
            except AssayError as error:
                failures.append(Fault(case.line, f"{error.code}: {error.message}"))
            on_progress(scorer.name, number, len(given.cases))
        seconds = time.perf_counter() - started
        found = agreement(labels, scores, threshold=scorer.threshold, seed=seed) if labels else None
        judged.append(Judged(scorer.name, found, tuple(failures), seconds, claims))
    positives = sum(case.label for case in given.cases)
    return Report(given.name, len(given.cases), positives, given.malformed, tuple(judged))


def mean_balanced_accuracy(reports: Sequence[Report]) -> Mapping[str, float]:
    """Of each scorer over sets, each set counting once; a set without both classes is left out."""
    values: dict[str, list[float]] = {}
    for report in reports:
        for judged in report.judges:
            if judged.agreement and "balanced_accuracy" in judged.agreement.metrics:
                values.setdefault(judged.name, []).append(judged.agreement.metrics["balanced_accuracy"])
    return {name: sum(found) / len(found) for name, found in values.items()}


def _contexts(raw: object) -> tuple[str, ...]:
    texts = [raw] if isinstance(raw, str) else raw
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in cast(list[object], texts)):
        raise ValueError('"context" must be a text or a list of texts')
    found = tuple(text for text in cast(list[str], texts) if text.strip())
    if not found:
        raise ValueError('"context" is empty')
    return found


def _finite(score: float) -> float:
    if not 0 <= score <= 1:
        raise Invalid(f"the judge gave {score!r}; a score is between 0 and 1", code="bad_score")
    return score


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
            yield from stream
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error}", code="bad_dataset") from error
