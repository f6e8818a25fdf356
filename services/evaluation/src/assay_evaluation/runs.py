"""Do a run: pin its cases, ask, judge, store each case's scores, and close it with its figures.

Whatever happens to one question is that question's score or failure. Only what concerns the run as a whole (its
collection is gone, its judge cannot be had) fails the run.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Protocol

import structlog
from assay_core.answers import Answer, Citation, Turn
from assay_core.collection_settings import Answering
from assay_core.documents import Collection, CollectionId
from assay_core.errors import AssayError, Invalid, NotFound
from assay_core.evaluation import GoldenQuestion, QuestionScore
from assay_core.golden_sets import TRAFFIC, GoldenSet
from assay_core.ports import Judge
from assay_core.principals import Principal
from assay_core.search import Hit
from assay_evals import run as scoring
from assay_evals import slices
from assay_evals.correctness import Similarity
from assay_runtime.metrics import step
from assay_store import access, answers, collections, evaluations, golden_sets, reading
from assay_store.database import Database, clock
from assay_store.encryption import Vault
from assay_store.evaluations import Case, Outcome, RunLease, Window
from sqlalchemy import Connection

from assay_evaluation.ahead import Stopped, check_stop, work_ahead
from assay_evaluation.configuration import with_answer
from assay_evaluation.schedule import DAY, NIGHTLY_PRINCIPAL

BOOTSTRAP_SEED = 1
GONE = "no question: erased: the question went with a document that it quoted, or may not be seen any more"

log = structlog.get_logger()


class Asked(Protocol):
    """What can be asked about a collection; see `platform.Platform`."""

    def search(self, question: str) -> Sequence[Hit]: ...

    def ask(self, question: str, history: tuple[Turn, ...] = ()) -> Answer: ...


Connect = Callable[[Principal, CollectionId, Answering, threading.Event], AbstractContextManager[Asked]]
"""Opens the platform to one principal; the event says that the run is to stop."""


@dataclass(frozen=True, slots=True)
class Options:
    """`facts` is what the worker knows of the configuration: models, settings, versions."""

    parallel: int
    traffic_sample: int
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run with what it works on; there is no golden set if it scores yesterday's answers."""

    held: RunLease
    principal: Principal
    collection: Collection
    dataset: GoldenSet | None
    questions: Mapping[str, GoldenQuestion]

    @property
    def answering(self) -> Answering:
        return self.collection.settings.answering.changed(self.held.answering)


@dataclass(frozen=True, slots=True)
class Scored:
    """A case with its answer, if there was one."""

    case: Case
    answer: Answer | None
    scores: list[QuestionScore]


class Runner:
    """Does runs, one at a time.

    Args:
        choose_judge: opens the judge of this name; what it loads is dropped when the block ends.
        choose_similarity: opens what compares answers with golden ones.
        read_answer: an answer from its stored record.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        choose_judge: Callable[[str], AbstractContextManager[Judge]],
        choose_similarity: Callable[[], Similarity],
        connect: Connect,
        read_answer: Callable[[bytes], Answer],
        options: Options,
    ) -> None:
        self._database = database
        self._vault = vault
        self._choose_judge = choose_judge
        self._choose_similarity = choose_similarity
        self._connect = connect
        self._read_answer = read_answer
        self._options = options

    def execute(self, held: RunLease, stopping: threading.Event) -> None:
        """Do a run to its end, or give it back if `stopping` is set.

        Raises:
            Conflict: another worker has taken the run over.
            Unavailable: the database went away; the lease will lapse.
        """
        bound = log.bind(run=held.run, dataset=held.dataset, judge=held.judge, attempt=held.attempt)
        bound.info("run.started")
        try:
            outcome = self._score(held, stopping)
            bound.info("run.done", failures=outcome.failures)
        except Stopped:
            with self._database.transaction() as connection:
                evaluations.give_back(connection, held)
            bound.info("run.given_back")
        except AssayError as error:
            if error.code in ("lease_lost", "database_unavailable"):
                raise
            with self._database.transaction() as connection:
                evaluations.fail(connection, held, f"{error.code}: {error.message}")
            bound.warning("run.failed", code=error.code)

    def _score(self, held: RunLease, stopping: threading.Event) -> Outcome:
        run = self._open(held)
        with self._choose_judge(held.judge) as judge:
            configuration = self._pin(run, judge)
            with self._connect(run.principal, run.collection.id, run.answering, stopping) as platform:
                for scored in self._cases(run, judge, platform, stopping):
                    configuration = self._record(run, scored, configuration)
        return self._close(held)

    def _open(self, held: RunLease) -> OpenRun:
        with self._database.transaction() as connection:
            principal = access.get_principal(connection, held.collection.tenant, held.requested_by)
            collection = collections.by_id(connection, principal, held.collection)
            if held.dataset == TRAFFIC:
                return OpenRun(held, principal, collection, None, {})
            found = golden_sets.find(connection, collection.id, held.dataset, held.dataset_version)
            questions = golden_sets.questions_of(connection, self._vault, principal, collection.id, found)
        if not questions:
            raise NotFound(
                f"Version {found.version} of the golden set {held.dataset!r} has no question left that"
                f" {principal.name!r} may see.",
                code="dataset_not_found",
            )
        return OpenRun(held, principal, collection, found, {question.id: question for question in questions})

    def _pin(self, run: OpenRun, judge: Judge) -> Mapping[str, object]:
        facts: dict[str, object] = {
            **self._options.facts,
            **asdict(run.answering),
            "chunking": run.collection.settings.chunking.recipe,
            "bootstrap_seed": BOOTSTRAP_SEED,
            "judge_model": judge.model_id,
            "index_kind": run.collection.index_kind,
            "epoch": run.collection.epoch,
            "requested_by": run.principal.id,
        }
        if run.dataset is not None:
            facts |= {"dataset_version": run.dataset.version, "dataset_sha256": run.dataset.sha256}
        with self._database.transaction() as connection:
            first_time = "planned" not in run.held.configuration
            cases = self._choose_cases(connection, run) if first_time else []
            return evaluations.pin(connection, run.held, cases, facts)

    def _choose_cases(self, connection: Connection, run: OpenRun) -> list[Case]:
        limit = run.held.limit
        if run.held.dataset != TRAFFIC:
            return [
                Case(question, slices=slices.of_question(run.questions[question]))
                for question in evenly(list(run.questions), limit)
            ]
        sampled = evaluations.sample_answers(
            connection,
            run.principal,
            run.collection.id,
            run.held.window or _last_day(connection),
            limit=limit or self._options.traffic_sample,
            without=[NIGHTLY_PRINCIPAL],
        )
        if not sampled:
            raise Invalid("Nobody was answered in these 24 hours: there is nothing to score.", code="empty_sample")
        return [Case(answer, answer) for answer in sampled]

    def _cases(self, run: OpenRun, judge: Judge, platform: Asked, stopping: threading.Event) -> Iterator[Scored]:
        with self._database.transaction() as connection:
            cases = evaluations.open_cases(connection, run.held)
        if run.held.dataset == TRAFFIC:
            for case in cases:
                check_stop(stopping)
                yield self._score_recorded(run, case, judge)
            return

        similarity = self._choose_similarity()

        def observe(case: Case) -> scoring.Observation:
            return scoring.observe(run.questions[case.question], search=platform.search, ask=platform.ask)

        left = [case for case in cases if case.question in run.questions]
        for case in cases:
            if case.question not in run.questions:
                yield Scored(case, None, [QuestionScore(case.question, m, None, GONE) for m in scoring.TRIAD])
        for case, observed in work_ahead(observe, left, threads=self._options.parallel, stopping=stopping):
            answer = observed.answer if isinstance(observed.answer, Answer) else None
            with step("evaluation.score"):
                scores = scoring.score_observation(
                    observed, judge=judge, stored_text=self._stored_text(run), similarity=similarity
                )
            yield Scored(case, answer, scores)

    def _score_recorded(self, run: OpenRun, case: Case, judge: Judge) -> Scored:
        with self._database.transaction() as connection:
            found = answers.by_id(connection, self._vault, run.collection.id, case.question)
        if found is None:
            erased = "no answer: erased: the answer went with a document that it rested on"
            return Scored(case, None, [QuestionScore(case.question, metric, None, erased) for metric in scoring.TRIAD])
        answer = self._read_answer(found.record)
        with step("evaluation.score"):
            scores = scoring.score_answer(case.question, answer, judge=judge, stored_text=self._stored_text(run))
        return Scored(replace(case, slices=slices.of_answer(answer)), replace(answer, id=case.question), scores)

    def _stored_text(self, run: OpenRun) -> scoring.StoredText:
        def stored_text(citation: Citation) -> str:
            with self._database.transaction() as connection:
                _, whole = reading.version_text(
                    connection, self._vault, run.principal, citation.document, citation.version
                )
            return whole[citation.start : citation.end]

        return stored_text

    def _record(self, run: OpenRun, scored: Scored, configuration: Mapping[str, object]) -> Mapping[str, object]:
        grown = configuration if scored.answer is None else with_answer(configuration, scored.answer)
        answer = scored.case.answer if scored.answer is None else scored.answer.id
        with self._database.transaction() as connection:
            evaluations.record_case(connection, run.held, replace(scored.case, answer=answer), scored.scores)
            if grown != configuration:
                evaluations.set_configuration(connection, run.held, grown)
        return grown

    def _close(self, held: RunLease) -> Outcome:
        with self._database.transaction() as connection:
            scores = evaluations.scores_of(connection, held.collection.tenant, held.run)
        summary = scoring.summarize(scores, seed=BOOTSTRAP_SEED)
        reason = next((score.failure for score in scores if score.failure is not None), None)
        if reason is not None and not summary.metrics:
            raise Invalid(f"No question could be scored; the first one: {reason}", code="nothing_scored")
        outcome = Outcome(summary.metrics, summary.intervals, summary.failures)
        with self._database.transaction() as connection:
            evaluations.finish(connection, held, outcome)
        return outcome


def evenly(items: Sequence[str], limit: int | None) -> list[str]:
    """At most `limit` items, spread over the whole, so that a part of a set is like the set."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[place * len(items) // limit] for place in range(limit)]


def _last_day(connection: Connection) -> Window:
    now = clock(connection)
    return Window(now - DAY, now)
