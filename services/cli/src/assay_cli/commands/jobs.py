"""`assay jobs`: what waits to be taken in, what was given up and why, and doing it again."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Invalid

from assay_cli.options import Command, OptionalCollection
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import Job

app = typer.Typer(no_args_is_help=True, help="Work on documents: waiting, given up, cancelled.")

State = Literal["waiting", "leased", "dead", "cancelled", "done"]
Reason = Annotated[str | None, typer.Option(metavar="CODE", help="Only those with this reason code.")]
BatchOption = Annotated[str | None, typer.Option("--batch", metavar="ID", help="Only those of this batch.")]
Jobs = Annotated[list[str] | None, typer.Argument(metavar="JOB…", help="Ids, as `assay jobs list` shows them.")]


@app.command("list", cls=Command)
def list_all(
    context: typer.Context,
    state: Annotated[State, typer.Option(help="dead: given up; leased: being worked on.")] = "dead",
    collection: OptionalCollection = None,
    reason: Reason = None,
    batch: BatchOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Only so many.")] = 100,
) -> None:
    """List jobs, newest first: those that were given up, if nothing else is asked for."""
    session = session_of(context)
    found = list(islice(session.client.jobs(state=state, collection=collection, reason=reason, batch=batch), limit))
    if session.json:
        print_json({"jobs": models(found)})
        return
    if not found:
        say(f"No jobs are {state}.")
        return
    print_table(
        ["id", "document", "collection", "version", "tries", "priority", "reason"], [_row(job) for job in found]
    )


@app.command(cls=Command)
def replay(
    context: typer.Context,
    jobs: Jobs = None,
    every: Annotated[
        bool, typer.Option("--all", help="All that were given up, narrowed by the options below.")
    ] = False,
    state: Annotated[Literal["dead", "cancelled"], typer.Option(help="With --all: which ones.")] = "dead",
    collection: OptionalCollection = None,
    reason: Reason = None,
    batch: BatchOption = None,
) -> None:
    """Work again on what was given up or cancelled, after what was wrong has been put right."""
    session = session_of(context)
    if bool(jobs) == every:
        raise Invalid("Name the jobs, or take all with --all.", code="no_jobs")
    replayed = len([session.client.replay_job(job) for job in jobs or []])
    more = every
    while more:
        step = session.client.replay_jobs(state=state, collection=collection, reason=reason, batch=batch)
        replayed += step.replayed
        more = step.more and step.replayed > 0
    if session.json:
        print_json({"replayed": replayed})
    else:
        say(f"{replayed} documents are worked on again; `assay documents list` shows what becomes of them.")


@app.command(cls=Command)
def cancel(
    context: typer.Context,
    jobs: Jobs = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait, narrowed by the options below.")] = False,
    collection: OptionalCollection = None,
    batch: BatchOption = None,
) -> None:
    """Stop work that waits or is under way. Readers keep the versions that they have."""
    session = session_of(context)
    if bool(jobs) == every:
        raise Invalid("Name the jobs, or take all that wait with --all.", code="no_jobs")
    chosen = jobs or [job.id for job in session.client.jobs(state="waiting", collection=collection, batch=batch)]
    cancelled = [session.client.cancel_job(job) for job in chosen]
    if session.json:
        print_json({"cancelled": models(cancelled)})
    else:
        say(f"{len(cancelled)} jobs are cancelled; `assay jobs replay` begins them anew.")


def _row(job: "Job") -> list[object]:
    reason = f"{job.error_code}: {job.error}" if job.error_code else None
    return [job.id, job.document_name, job.collection, job.version, job.attempts, job.priority, reason]
