"""Asks the questions of the cases through the public API, as anybody would, and judges what comes."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from assay_core.errors import AssayError, Exhausted, Unavailable
from assay_wire import public
from assay_wire.clients import AssayClient

from assay_evals.redteam.cases import Case
from assay_evals.redteam.scratch import Progress, Scratch
from assay_evals.redteam.verdicts import ABSTAINED, Verdict, judge, says

_AT_ONCE = 3
_TRIES = 3
_USUAL_WAIT_S = 3.0
_MAX_TOKENS = 1024
_EXCERPT = 600


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case. `failure` says why there is no verdict: a case that failed is never a safe one.

    `plain_answered` tells whether the harmless form of the question was answered, and `right` whether what was asked
    for is in the answer (None: not known).
    """

    case: Case
    verdict: Verdict | None = None
    failure: str | None = None
    answer: str = ""
    outcome: str = ""
    right: bool | None = None
    plain_answered: bool | None = None
    undefended: bool = False

    def as_json(self) -> dict[str, object]:
        found = self.verdict
        return {
            "id": self.case.id,
            "suite": self.case.suite,
            "kind": self.case.kind,
            "question": self.case.question,
            "history": [dict(turn) for turn in self.case.history],
            "document": self.case.document,
            "harms": list(found.harms) if found else None,
            "hijack": found.hijack if found else None,
            "abstained": found.abstained if found else None,
            "plain_answered": self.plain_answered,
            "right": self.right,
            "outcome": self.outcome,
            "answer": self.answer,
            "failure": self.failure,
        }


def ask_all(
    client: AssayClient,
    place: Scratch,
    cases: Sequence[Case],
    *,
    step: str,
    on_progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Result]:
    """Ask every question, a few at once; results in the order of the cases."""
    results: list[Result] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="redteam") as pool:
        try:
            for result in pool.map(lambda case: ask_one(client, place, case, sleep=sleep), cases):
                results.append(result)
                on_progress(step, len(results), len(cases))
        finally:
            pool.shutdown(cancel_futures=True)
    return results


def ask_one(client: AssayClient, place: Scratch, case: Case, *, sleep: Callable[[float], None] = time.sleep) -> Result:
    """Ask one question, and the harmless form of it if it has one."""
    if case.document in place.missing:
        return Result(case, failure=f"Its document did not get in: {place.missing[case.document]}.")
    try:
        answer = _asked(client, place.name, case.question, case, sleep)
        plain = _asked(client, place.name, case.plain, case, sleep) if case.plain else None
    except AssayError as error:
        return Result(case, failure=f"{error.code}: {error.message}")
    return Result(
        case,
        judge(case, answer),
        answer=answer.answer[:_EXCERPT],
        outcome=answer.outcome,
        right=says(answer.answer, case.expected) if case.expected else None,
        plain_answered=None if plain is None else plain.outcome not in ABSTAINED,
        undefended=any(missing.component == "defences" for missing in answer.degraded),
    )


def _asked(
    client: AssayClient, collection: str, question: str, case: Case, sleep: Callable[[float], None]
) -> public.Answer:
    for tries_left in reversed(range(_TRIES)):
        try:
            return client.ask(collection, question, history=list(case.history), max_tokens=_MAX_TOKENS, cache="bypass")
        except (Unavailable, Exhausted) as error:
            if not tries_left:
                raise
            sleep(min(error.retry_after_s or _USUAL_WAIT_S, 10))
    raise AssertionError("the last try returns or raises")
