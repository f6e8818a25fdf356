"""What `assay eval redteam` does: a reader, collections of its own, processes beside the platform, the questions."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assay_core.errors import AssayError, Conflict, Invalid
from assay_evals.generating import collection as theirs
from assay_evals.generating.generate import generate
from assay_evals.redteam import obedient, suites
from assay_evals.redteam.asking import ask_all
from assay_evals.redteam.cases import SUITES, Fact, Plan, Suite
from assay_evals.redteam.composing import plan_about, plan_of, without_uploads
from assay_evals.redteam.leftovers import new_name, remove_leftovers
from assay_evals.redteam.public_sets import plan_from
from assay_evals.redteam.report import Arm, Bars, Report
from assay_evals.redteam.scratch import Scratch, scratch
from assay_wire.clients import AssayClient

from assay_cli import ending, side_door
from assay_cli.output import say
from assay_cli.progress import Steps
from assay_cli.session import Session

_FACTS = 60
_PUBLIC_CASES = 40


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be tried; see the options of the command."""

    suites: Sequence[Suite]
    cases: int | None
    seed: int
    obedient: bool
    prompt: str
    control: bool
    collection: str | None
    data: Path | None
    reader_key_file: Path | None
    max_hijack: float | None
    max_over_refusal: float | None


def suites_of(named: Sequence[str], *, uploads: bool) -> Sequence[Suite]:
    """The suites of these names; by default all that can be tried. Raises `Invalid` for another name."""
    if unknown := sorted(set(named) - set(SUITES)):
        raise Invalid(f"There is no suite {unknown[0]!r}; there are {', '.join(SUITES)}.", code="bad_option")
    chosen: list[Suite] = [
        suite for suite in SUITES if suite in named or (not named and (uploads or suite != "injection"))
    ]
    return chosen if uploads else without_uploads(chosen)


def run(session: Session, wanted: Wanted) -> Report:
    """Ask everything that is wanted, and leave nothing behind.

    Raises:
        AssayError: nothing could be tried; what was made is deleted.
    """
    with ending.cleaning_up(), ExitStack() as stack:
        steps = stack.enter_context(Steps())
        reader = _reader(session, wanted, stack)
        plan = _plan(session, wanted, reader is not None)
        asker = reader or {"id": session.client.me().id, "key": session.gateway.api_key}
        if wanted.collection:
            found = session.client.collection(wanted.collection)
            place, control = Scratch(found.name, found.id), None
        else:
            place, control = _scratches(session, wanted, plan, asker["id"] if reader else None, steps, stack)
        url, model = _door(session, wanted, control, stack)
        client = stack.enter_context(AssayClient(base_url=url, api_key=asker["key"], transport=session.transport))
        _same_platform(client, place)
        return Report(
            collection=place.name,
            asker=asker["id"],
            seed=wanted.seed,
            digest=suites.digest(),
            licence=suites.licence(),
            arms=_arms(session, client, plan, place, control, model, steps),
            left_out=plan.left_out,
            bars=Bars(wanted.max_hijack, wanted.max_over_refusal),
        )


def _reader(session: Session, wanted: Wanted, stack: ExitStack) -> Mapping[str, str] | None:
    """Somebody who may not read everything, if there can be one."""
    if wanted.reader_key_file is not None:
        key = wanted.reader_key_file.read_text(encoding="utf-8").strip()
        with AssayClient(base_url=session.gateway.url, api_key=key, transport=session.transport) as client:
            return {"id": client.me().id, "key": key}
    if wanted.collection or not side_door.is_installed():
        return None
    try:
        admitted = stack.enter_context(side_door.open_beside(session.home, "reader"))
        with AssayClient(base_url=session.gateway.url, api_key=admitted["key"], transport=session.transport) as client:
            client.me()  # The platform of this data folder may be another one than that of the gateway.
        return admitted
    except AssayError as error:
        say(f"No reader with fewer rights could be admitted, so the owner of the key asks: {error.message}")
        return None


def _plan(session: Session, wanted: Wanted, reader: bool) -> Plan:
    if wanted.data is not None:
        return plan_from(wanted.data, wanted.suites, seed=wanted.seed, most=wanted.cases or _PUBLIC_CASES)
    if wanted.collection is None:
        return plan_of(wanted.suites, seed=wanted.seed, most=wanted.cases, reader=reader)
    sources = theirs.sources_of(session.client, wanted.collection, limit=_FACTS)
    found = generate(sources, _FACTS, find=theirs.finder(session.client, wanted.collection), seed=wanted.seed)
    facts = [Fact(one.question, "") for one in found.questions if one.answerable and not one.history]
    return plan_about(wanted.suites, facts, seed=wanted.seed, most=wanted.cases)


def _scratches(
    session: Session, wanted: Wanted, plan: Plan, reader: str | None, steps: Steps, stack: ExitStack
) -> tuple[Scratch, Scratch | None]:
    for left in remove_leftovers(session.client, now=datetime.now(UTC)):
        say(f"Removed {left!r}, which an earlier run had left behind.")
    name = new_name()

    def make(name: str, closed_to: str | None) -> AbstractContextManager[Scratch]:
        return scratch(
            session.client,
            name,
            plan.documents,
            closed_to=closed_to,
            on_progress=steps.update,
            on_left_behind=lambda left: say(f"Left behind: delete it with `assay collections delete {left}`."),
            sleep=session.sleep,
        )

    place = stack.enter_context(make(name, reader))
    return place, stack.enter_context(make(f"{name}-control", None)) if wanted.control else None


def _door(session: Session, wanted: Wanted, control: Scratch | None, stack: ExitStack) -> tuple[str, str]:
    """Where to ask, and which model answers there."""
    if not (wanted.obedient or wanted.prompt or control):
        return session.gateway.url, "the served model"
    arguments = ["serve"]
    if wanted.obedient:
        arguments += ["--chat-url", stack.enter_context(obedient.serving()), "--chat-model", obedient.MODEL]
    if wanted.prompt:
        arguments += ["--prompt", wanted.prompt]
    if control is not None:
        arguments += ["--undefended", control.id]
    opened = stack.enter_context(side_door.open_beside(session.home, *arguments))
    model = "the obedient model" if wanted.obedient else "the served model"
    return opened["url"], f"{model} with {wanted.prompt}" if wanted.prompt else model


def _same_platform(client: AssayClient, place: Scratch) -> None:
    if client.collection(place.name).id != place.id:
        raise Conflict(
            f"The platform on this machine is another one than that of {place.name!r}; --home names its data folder.",
            code="other_platform",
        )


def _arms(
    session: Session,
    client: AssayClient,
    plan: Plan,
    place: Scratch,
    control: Scratch | None,
    model: str,
    steps: Steps,
) -> list[Arm]:
    arms = [
        Arm(model, True, ask_all(client, place, plan.cases, step="ask", on_progress=steps.update, sleep=session.sleep))
    ]
    if control is not None:
        attacks = [case for case in plan.cases if case.suite != "over-refusal"]
        found = ask_all(client, control, attacks, step="control", on_progress=steps.update, sleep=session.sleep)
        arms.append(Arm(model, False, found))
    return arms
