"""`assay bench cache`: how long a search takes that the semantic cache answers."""

import os
from pathlib import Path
from typing import Annotated

import typer
from assay_core.errors import Unavailable

from assay_cli import bench_queries, latency
from assay_cli.figures import show
from assay_cli.options import CacheChoice, CollectionOption, Command
from assay_cli.session import session_of


def register(app: typer.Typer) -> None:
    app.command("cache", cls=Command)(cache)


def cache(
    context: typer.Context,
    collection: CollectionOption,
    queries: Annotated[int, typer.Option(min=1, help="How many questions are asked.")] = 200,
    queries_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Questions, one a line.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=200)] = 10,
    seed: Annotated[int, typer.Option(help="The same seed takes the same queries.")] = 0,
) -> None:
    """Ask each question three times, one at a time: to fill the cache, from the cache, and past it.

    The hits include embedding the question, the look at its evidence and the way over HTTP. Exit code 1 if the cache
    served none.
    """
    session = session_of(context)
    client = session.client
    texts = (
        bench_queries.read_queries(queries_file)
        if queries_file
        else bench_queries.sample_queries(client, collection, queries, seed=seed)
    )[:queries]

    def ask(cache: CacheChoice) -> list[latency.Sample]:
        samples, _ = latency.measure_searches(
            client, collection, texts, mode="hybrid", top_k=top_k, concurrency=1, rerank=True, cache=cache
        )
        return samples

    ask("use")
    again, past = ask("use"), ask("bypass")
    hits = [sample for sample in again if sample.cache == "hit"]
    if not hits:
        raise Unavailable(
            f"None of {len(texts)} questions was answered from the cache;"
            f" `assay cache explain QUESTION -c {collection}` says why.",
            code="no_hit",
        )
    hit_ms, past_ms = [one.total_ms for one in hits], [one.total_ms for one in past]
    result: dict[str, object] = {
        "collection": collection,
        "questions": len(texts),
        "hits": len(hits),
        "hit_p50_ms": round(latency.percentile(hit_ms, 0.5), 2),
        "hit_p95_ms": round(latency.percentile(hit_ms, 0.95), 2),
        "past_the_cache_p50_ms": round(latency.percentile(past_ms, 0.5), 2),
        "hit_stages_median_ms": latency.stage_medians(hits),
        "cores": os.cpu_count() or 1,
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }
    show(session, result)
