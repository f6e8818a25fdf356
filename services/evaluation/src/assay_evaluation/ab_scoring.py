"""Score the live answers of A/B tests, say how each test stands, and end those that are decided."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog
from assay_core.ab_tests import METRICS
from assay_core.answers import Answer
from assay_core.errors import AssayError, Broken
from assay_core.evaluation import QuestionScore
from assay_core.ports import Judge
from assay_evals import ab
from assay_evals import run as scoring
from assay_runtime.metrics import step
from assay_store import ab_tests, answers
from assay_store.ab_tests import ABLease
from assay_store.database import Database
from assay_store.encryption import Vault

AT_ONCE = 50
"""Runs and nights wait no longer than so many answers take."""
log = structlog.get_logger()


class ABScorer:
    """Looks at one A/B test at a time.

    Args:
        choose_judge: opens the judge of this name; what it loads is dropped when the block ends.
        read_answer: an answer from its stored record.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        choose_judge: Callable[[str], AbstractContextManager[Judge]],
        read_answer: Callable[[bytes], Answer],
    ) -> None:
        self._database = database
        self._vault = vault
        self._choose_judge = choose_judge
        self._read_answer = read_answer

    def compare(self, held: ABLease, stopping: threading.Event) -> None:
        """Score what has come, and look. Answers are left to the next look if `stopping` is set.

        Raises:
            Conflict: another worker took the test over, or somebody ended it.
            AssayError: the judge cannot be had; the test was looked at all the same, so that it ends in its time.
        """
        try:
            self._score_waiting(held, stopping)
        except AssayError as error:
            if error.code not in ("lease_lost", "database_unavailable"):
                self._look(held)
            raise
        self._look(held)

    def _score_waiting(self, held: ABLease, stopping: threading.Event) -> None:
        with self._database.transaction() as connection:
            waiting = ab_tests.unscored(connection, held, limit=AT_ONCE)
        if not waiting:
            return
        with self._choose_judge(held.plan.judge) as judge:
            for answer in waiting:
                if stopping.is_set():
                    break
                self._score(held, answer, judge)

    def _score(self, held: ABLease, identity: str, judge: Judge) -> None:
        scores, failed = dict[str, float](), True
        if (answer := self._answer(held, identity)) is not None:
            with step("evaluation.score"):
                judged = scoring.score_answer(identity, answer, judge=judge, stored_text=None)
            scores, failed = ab.scores_of(
                [one for one in judged if _counts(one)], abstained=scoring.has_abstained(answer)
            )
        with self._database.transaction() as connection:
            ab_tests.score(connection, held, identity, scores, failed=failed)

    def _answer(self, held: ABLease, identity: str) -> Answer | None:
        """The answer; None if it was erased, or cannot be read."""
        with self._database.transaction() as connection:
            found = answers.by_id(connection, self._vault, held.collection, identity)
        try:
            return None if found is None else self._read_answer(found.record)
        except Broken as error:
            log.warning("ab_test.unreadable", answer_id=identity, code=error.code)
            return None

    def _look(self, held: ABLease) -> None:
        with self._database.transaction() as connection:
            collected = ab.Collected(
                given=ab_tests.given(connection, held),
                arrivals=[
                    ab.Arrival(one.arm, dict(one.scores), one.failed) for one in ab_tests.scored(connection, held)
                ],
                thumbs=ab_tests.thumbs(connection, held),
            )
        found = ab.report(held.plan, collected)
        end = ab.decide(held.plan, found, time_is_up=held.time_is_up)
        with self._database.transaction() as connection:
            ab_tests.look(connection, held, found)
            if end is not None:
                ab_tests.end(connection, held.collection.tenant, held.test, end.state, reason=end.reason)
        if end is not None:
            log.info("ab_test.ended", ab_test=held.test, state=end.state, reason=end.reason)


def _counts(score: QuestionScore) -> bool:
    """Whether a score is told: what a test compares also where it failed, anything else where there is a value."""
    return score.metric in METRICS or score.value is not None
