"""`assay bench reindex`: what people who search notice of another index being built, switched to and given back."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.errors import AssayError

from assay_cli import bench_queries, latency
from assay_cli.figures import show
from assay_cli.options import CollectionOption, Command
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.clients import AssayClient

_THREADS = 16
_LOOK_S = 0.5


def register(app: typer.Typer) -> None:
    app.command("reindex", cls=Command)(reindex)


class _Searches:
    """Searches at a steady rate, whether or not those before have ended; times count from when each was due."""

    def __init__(self, client: "AssayClient", collection: str, queries: list[str], rate: float) -> None:
        self._client = client
        self._collection = collection
        self._queries = cycle(queries)
        self._rate = rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._took_ms: list[float] = []
        self._failed = 0
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")
        self._clock = threading.Thread(target=self._run, name="searches", daemon=True)

    def __enter__(self) -> "_Searches":
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._clock.join()
        self._pool.shutdown()

    def figures_of(self, what: Callable[[], object]) -> dict[str, float]:
        """How searches went while something was done."""
        with self._lock:
            self._took_ms, self._failed = [], 0
        began_s = time.monotonic()
        what()
        seconds = time.monotonic() - began_s
        with self._lock:
            took_ms, failed = self._took_ms, self._failed
        return {
            "seconds": round(seconds, 2),
            "searches": len(took_ms) + failed,
            "failed": failed,
            "p50_ms": round(latency.percentile(took_ms, 0.5), 1) if took_ms else 0.0,
            "p95_ms": round(latency.percentile(took_ms, 0.95), 1) if took_ms else 0.0,
        }

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stop.wait(max(0.0, due_s - time.monotonic())):
            self._pool.submit(self._search, next(self._queries), due_s)
            due_s += 1 / self._rate

    def _search(self, query: str, due_s: float) -> None:
        try:
            reply = self._client.search(self._collection, query, mode="hybrid", rerank=False, cache="bypass")
            failed = bool(reply.degraded) or not reply.hits
        except AssayError:
            failed = True
        with self._lock:
            if failed:
                self._failed += 1
            else:
                self._took_ms.append((time.monotonic() - due_s) * 1000)


def reindex(
    context: typer.Context,
    collection: CollectionOption,
    kind: Annotated[str, typer.Option(metavar="KIND", help="The kind of index to build.")] = "ivf_sq8",
    rate: Annotated[float, typer.Option(min=0.1, help="Searches a second.")] = 20.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long searches are watched before and after.")] = 30.0,
    queries_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Queries, one a line.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed takes the same queries.")] = 0,
) -> None:
    """Build another index, switch to it, and go back, while searches come in at a steady rate.

    A search that is degraded or finds nothing counts as failed. The collection has its own index again at the end.
    """
    session = session_of(context)
    client = session.client
    queries = (
        bench_queries.read_queries(queries_file)
        if queries_file
        else bench_queries.sample_queries(client, collection, 200, seed=seed)
    )

    def build() -> None:
        number = client.build_index(collection, kind).number
        while next(one for one in client.index_generations(collection) if one.number == number).state == "building":
            time.sleep(_LOOK_S)

    def wait() -> None:
        time.sleep(seconds)

    def switch() -> None:
        client.switch_index(collection, override_reason="assay bench reindex")

    with _Searches(client, collection, queries, rate) as searches:
        wait()
        phases = {
            "before": searches.figures_of(wait),
            "build": searches.figures_of(build),
            "switch": searches.figures_of(switch),
            "after": searches.figures_of(wait),
            "rollback": searches.figures_of(lambda: client.roll_back_index(collection)),
            "again": searches.figures_of(wait),
        }
        client.drop_index(collection)
    show(
        session,
        {
            "collection": collection,
            "chunks": client.collection(collection).chunks,
            "kind": kind,
            "rate_per_s": rate,
            "failed": sum(int(phase["failed"]) for phase in phases.values()),
            "build_p95_to_before": round(phases["build"]["p95_ms"] / phases["before"]["p95_ms"], 2),
            "cores": os.cpu_count() or 1,
            **phases,
        },
    )
