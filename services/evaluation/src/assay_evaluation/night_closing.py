"""Close a night: compare its runs with those before, look at what no run sees, and write down what there is to say."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from assay_core.answers import Answer
from assay_core.collection_settings import Answering
from assay_core.documents import Collection, CollectionId
from assay_core.errors import AssayError
from assay_core.evaluation import EvaluationRun, NightReport, Remark, RunState, Severity
from assay_core.golden_sets import TRAFFIC
from assay_core.ports import Judge
from assay_core.principals import Principal
from assay_runtime.metrics import step
from assay_store import access, collections, evaluations, golden_sets, nights
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.evaluations import Window
from assay_store.nights import NightLease
from sqlalchemy import Connection

from assay_evaluation import metrics, night_runs
from assay_evaluation.ahead import Stopped, check_stop
from assay_evaluation.inspecting import Inspecting
from assay_evaluation.night_answers import Answers
from assay_evaluation.night_runs import CANARIES, Night
from assay_evaluation.probes import PROBES, Probe, Scope
from assay_evaluation.runs import Asked
from assay_evaluation.schedule import DAY, NIGHTLY_PRINCIPAL

BEFORE = timedelta(days=14)
NIGHTS_BACK = 14

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OpenedPlatform:
    """The platform of one night."""

    platform: Asked
    inspecting: Inspecting


@dataclass(frozen=True, slots=True)
class Seen:
    """What the probes of a night saw, and why some saw nothing."""

    remarks: list[Remark] = field(default_factory=list[Remark])
    figures: dict[str, float] = field(default_factory=dict[str, float])
    failures: dict[str, str] = field(default_factory=dict[str, str])


Open = Callable[[Principal, CollectionId, Answering, threading.Event], AbstractContextManager[OpenedPlatform]]


class NightCloser:
    """Closes nights whose runs have ended.

    Args:
        open_platform: opens the platform to one principal.
        choose_judge: opens the judge of this name.
        judge: the nightly judge.
        budget_s: how long the probes of one night may take together.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        open_platform: Open,
        choose_judge: Callable[[str], AbstractContextManager[Judge]],
        read_answer: Callable[[bytes], Answer],
        judge: str,
        budget_s: float,
        probes: Mapping[str, Probe] = PROBES,
    ) -> None:
        self._database = database
        self._vault = vault
        self._open_platform = open_platform
        self._choose_judge = choose_judge
        self._read_answer = read_answer
        self._judge = judge
        self._budget_s = budget_s
        self._probes = probes

    def close(self, held: NightLease, stopping: threading.Event) -> None:
        """Close a night, or give it back if `stopping` is set.

        Raises:
            Conflict: another worker has taken it over.
            Unavailable: the database went away; the lease will lapse.
        """
        bound = log.bind(night=held.night.isoformat(), collection=held.collection.id)
        try:
            report = self._report(held, stopping)
        except Stopped:
            with self._database.transaction() as connection:
                nights.give_back(connection, held)
            return
        except AssayError as error:
            if error.code in ("lease_lost", "database_unavailable"):
                raise
            report = _unclosed(held, f"{error.code}: {error.message}")
        except Exception as error:
            # A fault of ours would meet the next try as well: better a report that says so than one tried for ever.
            if not held.is_last_try:
                raise
            bound.exception("night.broken")
            report = _unclosed(held, f"internal: {type(error).__name__}; the worker's log holds the rest")
        with self._database.transaction() as connection:
            nights.close(connection, held, report)
        metrics.record(report)
        bound.info("night.closed", remarks=len(report.remarks), failures=len(report.failures))

    def _report(self, held: NightLease, stopping: threading.Event) -> NightReport:
        with self._database.transaction() as connection:
            principal = access.get_principal(connection, held.collection.tenant, NIGHTLY_PRINCIPAL)
            collection = collections.by_id(connection, principal, held.collection)
            runs = nights.runs_of(connection, held.collection, held.night)
            golden = [
                question.question
                for found in golden_sets.listing(connection, held.collection)
                for question in golden_sets.questions_of(connection, self._vault, principal, held.collection, found)
            ]
        remarks = [*_of_the_night(held, runs), *self._of_runs(held, runs)]
        seen = Seen() if held.caught_up else self._look(held, principal, collection, golden, stopping)
        return NightReport(
            held.collection.id,
            held.night,
            held.caught_up,
            tuple(run.id for run in runs),
            tuple(sorted([*remarks, *seen.remarks], key=lambda remark: _ORDER[remark.severity])),
            seen.figures,
            seen.failures,
        )

    def _of_runs(self, held: NightLease, runs: Sequence[EvaluationRun]) -> list[Remark]:
        remarks: list[Remark] = []
        for run in runs:
            if run.state is not RunState.DONE or run.dataset == TRAFFIC:
                continue
            with self._database.transaction() as connection:
                earlier = nights.runs_before(connection, held.collection, run.dataset, held.night, limit=NIGHTS_BACK)
                before = [self._night(connection, held, one) for one in earlier]
                changed = (
                    nights.resting_on_changed(connection, held.collection.tenant, earlier[0].id) if earlier else ()
                )
                tonight = self._night(connection, held, run, frozenset(changed))
            if before:
                told = night_runs.compare(before, tonight)
                known = {remark.about for remark in told}
                remarks += [*told, *night_runs.slow_drops(run.dataset, before, tonight, known=known)]
            if run.dataset == CANARIES:
                remarks += night_runs.canaries(tonight)
        return remarks

    @staticmethod
    def _night(
        connection: Connection, held: NightLease, run: EvaluationRun, changed: frozenset[str] = frozenset()
    ) -> Night:
        tenant = held.collection.tenant
        scores = evaluations.scores_of(connection, tenant, run.id)
        slices = {case.question: case.slices for case in evaluations.cases_of(connection, tenant, run.id)}
        return Night(run, scores, slices, changed)

    def _look(
        self,
        held: NightLease,
        principal: Principal,
        collection: Collection,
        golden: Sequence[str],
        stopping: threading.Event,
    ) -> Seen:
        window = Window(held.due_at - DAY, held.due_at)
        before = Window(window.since - BEFORE, window.since)
        answers = Answers(self._database, self._vault, principal, held.collection, self._read_answer)
        with (
            self._choose_judge(self._judge) as judge,
            self._open_platform(principal, held.collection, collection.settings.answering, stopping) as opened,
        ):
            ask = opened.platform.ask
            return self._probe(Scope(window, before, answers, opened.inspecting, ask, judge, golden), stopping)

    def _probe(self, scope: Scope, stopping: threading.Event) -> Seen:
        seen, end_s = Seen(), time.monotonic() + self._budget_s
        for name, probe in self._probes.items():
            check_stop(stopping)
            if time.monotonic() > end_s:
                seen.failures[name] = f"left out: the night's {self._budget_s:.0f} s were used up"
                continue
            try:
                with step(f"night.{name.replace(' ', '_')}"):
                    looked = probe(scope)
            except AssayError as error:
                seen.failures[name] = f"{error.code}: {error.message}"
            else:
                seen.figures.update(looked.figures)
                seen.remarks.extend(looked.remarks)
        return seen


_ORDER = {severity: place for place, severity in enumerate((Severity.ALARM, Severity.WARNING, Severity.NOTE))}


def _unclosed(held: NightLease, reason: str) -> NightReport:
    remark = Remark(Severity.ALARM, "night", f"This night could not be closed: {reason}")
    return NightReport(held.collection.id, held.night, held.caught_up, (), (remark,), {}, {"night": reason})


def _of_the_night(held: NightLease, runs: Sequence[EvaluationRun]) -> list[Remark]:
    remarks: list[Remark] = []
    if held.caught_up:
        sentence = (
            "Nothing ran on this night. What was answered on that day was scored later; golden sets were not asked,"
            " since the documents of that day are no longer there."
        )
        remarks.append(Remark(Severity.WARNING, "missed night", sentence))
    for run in runs:
        if run.state is RunState.FAILED:
            sentence = f"The run of {run.dataset} failed: {run.error}"
            remarks.append(Remark(Severity.ALARM, run.dataset, sentence))
        elif run.failures:
            sentence = f"{run.failures} of {run.questions} questions of {run.dataset} could not be scored."
            remarks.append(Remark(Severity.WARNING, run.dataset, sentence, (), {"failures": float(run.failures)}))
    return remarks
