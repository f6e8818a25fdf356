"""How long searches take, as a client sees it."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay_wire.clients import AssayClient

    from assay_cli.options import CacheChoice, Mode


@dataclass(frozen=True)
class Sample:
    """One search: milliseconds of the whole HTTP request, and what the server says of its stages."""

    total_ms: float
    stages_ms: dict[str, float]
    degraded: bool
    cache: str


def measure_searches(
    client: "AssayClient",
    collection: str,
    queries: Sequence[str],
    *,
    mode: "Mode",
    top_k: int,
    concurrency: int,
    rerank: bool = False,
    cache: "CacheChoice" = "bypass",
) -> tuple[list[Sample], float]:
    """Search for each query, `concurrency` at a time. Returns also the seconds in all."""

    def search(query: str) -> Sample:
        started = time.perf_counter()
        reply = client.search(collection, query, mode=mode, top_k=top_k, rerank=rerank, cache=cache)
        return Sample((time.perf_counter() - started) * 1000, reply.timings_ms, bool(reply.degraded), reply.cache)

    started = time.perf_counter()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="search") as pool:
        samples = list(pool.map(search, queries))
    return samples, time.perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def stage_medians(samples: Sequence[Sample]) -> dict[str, float]:
    """The median of each stage in milliseconds, in the order in which the server names them."""
    names = dict.fromkeys(name for sample in samples for name in sample.stages_ms)
    return {name: round(median(s.stages_ms[name] for s in samples if name in s.stages_ms), 2) for name in names}
