"""`assay bench`: how fast the platform is, measured from outside."""

import os
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from assay_core.errors import Unavailable

from assay_cli import baseline as plain
from assay_cli import bench_queries, latency, plugins, worker_memory
from assay_cli.commands import bench_cache, bench_judge, bench_reindex, bench_rerank, bench_reupload
from assay_cli.commands.bench_against import bench_against
from assay_cli.commands.bench_erasure import bench_erasure
from assay_cli.commands.bulk_ingest import load_passages
from assay_cli.commands.ingest import ingest_files, summary
from assay_cli.figures import show
from assay_cli.files import find_files
from assay_cli.options import CollectionOption, Command, ModeOption, OptionalCollection
from assay_cli.output import say
from assay_cli.parts import running_parts
from assay_cli.session import Session, session_of


class Bench(plugins.Plugged):
    """`engines` is there where the engines are."""

    entry_points_group = "assay.bench"


app = typer.Typer(cls=Bench, no_args_is_help=True, help="Measure speed.")
bench_reupload.register(app)
bench_judge.register(app)
bench_rerank.register(app)
bench_reindex.register(app)
bench_cache.register(app)

_WARM_UP = 20


@app.command(cls=Command)
def search(
    context: typer.Context,
    collection: CollectionOption,
    queries: Annotated[int, typer.Option(min=1, help="How many searches are measured.")] = 500,
    queries_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Queries, one a line.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Searches at a time.")] = 1,
    mode: ModeOption = "hybrid",
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=200)] = 10,
    seed: Annotated[int, typer.Option(help="The same seed takes the same queries.")] = 0,
) -> None:
    """Measure searches end to end over HTTP, warm, without cache and rerank.

    The queries are sentences of the collection's own passages, unless a file is given.
    """
    session = session_of(context)
    client = session.client
    chunks = client.collection(collection).chunks
    texts = (
        bench_queries.read_queries(queries_file)
        if queries_file
        else bench_queries.sample_queries(client, collection, queries, seed=seed)
    )
    texts = [texts[i % len(texts)] for i in range(queries)]
    say(f"Warming up, then {queries} searches of {collection!r} ({chunks} chunks), {concurrency} at a time.")
    # Backwards: the first measured queries are not those that the caches of the stores saw last.
    latency.measure_searches(
        client, collection, texts[::-1][:_WARM_UP], mode=mode, top_k=top_k, concurrency=concurrency
    )
    samples, seconds = latency.measure_searches(
        client, collection, texts, mode=mode, top_k=top_k, concurrency=concurrency
    )
    totals = [sample.total_ms for sample in samples]
    result: dict[str, object] = {
        "collection": collection,
        "chunks": chunks,
        "mode": mode,
        "queries": queries,
        "concurrency": concurrency,
        "p50_ms": round(latency.percentile(totals, 0.5), 2),
        "p95_ms": round(latency.percentile(totals, 0.95), 2),
        "p99_ms": round(latency.percentile(totals, 0.99), 2),
        "max_ms": round(max(totals), 2),
        "searches_per_s": round(queries / seconds, 2),
        "stages_median_ms": latency.stage_medians(samples),
        "degraded": sum(sample.degraded for sample in samples),
    }
    show(session, result)
    if result["degraded"]:
        raise Unavailable(
            f"{result['degraded']} of {queries} searches went without one of their parts; the figures are not those "
            "of the whole system. `assay status` shows what is missing.",
            code="degraded",
        )


@app.command(cls=Command)
def ingest(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with documents; with --bulk a file.")],
    collection: OptionalCollection = None,
    baseline: Annotated[
        Literal["sentence-transformers"] | None,
        typer.Option(help="Embed a sample of the same passages plainly, and print how much faster the platform is."),
    ] = None,
    baseline_model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Folder or hub name; default: the packaged MiniLM.")
    ] = None,
    sample: Annotated[int, typer.Option(min=1, help="Passages for the baseline.")] = 256,
    keep: Annotated[bool, typer.Option(help="Keep the collection afterwards.")] = True,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="Measure the bulk path with the ready passages of JSONL, Parquet or BEIR.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many passages.")] = None,
    against: Annotated[
        Literal["llamaindex", "haystack", "txtai", "langchain"] | None,
        typer.Option(help="Feed the same ready passages to other software too, block by block in turns."),
    ] = None,
    blocks: Annotated[int, typer.Option(min=1, help="With --against: in so many blocks.")] = 5,
) -> None:
    """Ingest a folder into a fresh collection and measure it."""
    session = session_of(context)
    if against:
        show(session, bench_against(session, folder, against, collection, limit=limit, blocks=blocks, keep=keep))
        return
    if bulk:
        _bench_bulk(session, folder, collection, limit=limit, keep=keep)
        return
    sources = find_files([folder])
    name = collection or time.strftime("bench-%Y%m%d-%H%M%S")
    session.client.create_collection(name)
    # The processes here do not tell of a platform elsewhere.
    here = session.gateway.url_source not in ("--url", "ASSAY_URL")
    with worker_memory.PeakMemory(worker_memory.part_pids(session.home) if here else {}) as memory:
        done, seconds = ingest_files(session, name, sources, wait=True)
    result = {
        **summary(name, done, seconds),
        "documents": len(sources),
        "peak_memory_bytes": memory.peaks,
    }
    if baseline and done.chunks:
        texts = [chunk.text for chunk in bench_queries.sample_chunks(session.client, name, sample, seed=0)]
        say(f"Embedding {len(texts)} of the passages with plain {baseline}.")
        rate = plain.embed_plainly(texts, model=baseline_model)
        result["baseline"] = {
            "name": baseline,
            "chunks": len(texts),
            "chunks_per_s": round(rate, 2),
            "ratio": round(done.chunks / seconds / rate, 2),
        }
    if not keep:
        session.client.delete_collection(name)
    show(session, result)
    if done.failures:
        raise typer.Exit(1)


def _bench_bulk(session: Session, path: Path, collection: str | None, *, limit: int | None, keep: bool) -> None:
    name = collection or time.strftime("bench-%Y%m%d-%H%M%S")
    session.client.create_collection(name)
    here = session.gateway.url_source not in ("--url", "ASSAY_URL")
    pids = worker_memory.part_pids(session.home, every=True) if here else {}
    before = {part: cpu_s for part, cpu_s, _ in running_parts(session.home)} if here else {}
    with worker_memory.PeakMemory(pids) as memory:
        done = load_passages(session, name, [path], limit=limit, wait=True)
    seconds = float(str(done["seconds"]))
    spent = {part: cpu_s - before.get(part, 0.0) for part, cpu_s, _ in running_parts(session.home)} if here else {}
    result = {
        **done,
        "cores_used": {part: round(cpu_s / seconds, 2) for part, cpu_s in spent.items() if cpu_s / seconds >= 0.005},
        "cores_used_in_all": round(sum(spent.values()) / seconds, 2),
        "peak_memory_bytes": memory.peaks,
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }
    if not keep:
        session.client.delete_collection(name)
    show(session, result)
    if done["failed"]:
        raise typer.Exit(1)


@app.command(cls=Command)
def erasure(
    context: typer.Context,
    documents: Annotated[int, typer.Option(min=2, help="How many; every second one is deleted.")] = 1000,
    keep: Annotated[bool, typer.Option(help="Keep the collection afterwards.")] = False,
) -> None:
    """Delete half of some documents with unique words in them, and look for these in every file of every store.

    The platform must run on this machine. Exit code 1 if a word is found 15 minutes after the deletion, or if the
    scan does not find its own controls.
    """
    session = session_of(context)
    result = bench_erasure(session, documents=documents, keep=keep)
    show(session, result)
    if not result["passed"]:
        raise typer.Exit(1)


@app.command(cls=Command)
def idle(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="How long to watch.")] = 60.0,
) -> None:
    """Measure what a platform on this machine takes at rest: processor and memory of each part."""
    session = session_of(context)
    before = running_parts(session.home)
    started_s = time.monotonic()
    time.sleep(seconds)
    after = running_parts(session.home)
    watched_s = time.monotonic() - started_s
    was = {name: cpu_s for name, cpu_s, _ in before}
    parts = [(name, 100 * (cpu_s - was.get(name, 0.0)) / watched_s, mib) for name, cpu_s, mib in after]
    without_model = [part for part in parts if part[0] != "vllm"]
    result: dict[str, object] = {
        "seconds": round(watched_s, 1),
        "core_percent": {name: round(percent, 2) for name, percent, _ in parts},
        "core_percent_of_all": round(sum(percent for _, percent, _ in parts), 2),
        "memory_mib": {name: mib for name, _, mib in parts},
        "memory_mib_without_vllm": sum(mib for _, _, mib in without_model),
    }
    show(session, result)
