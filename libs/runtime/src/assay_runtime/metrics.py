"""Prometheus metrics that every process has. Labels come from closed sets, never from users."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

STEP_SECONDS = Histogram(
    "assay_step_seconds",
    "Time of a pipeline step.",
    ["step"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
DEGRADED = Counter("assay_degraded_total", "Answers made while a part was missing.", ["component"])
FAILURES = Counter("assay_failures_total", "Errors by code.", ["code"])


@contextmanager
def step(name: str, timings_ms: dict[str, float] | None = None) -> Generator[None]:
    """Time a step into the histogram and, if given, into `timings_ms` under its name."""
    start = time.perf_counter()
    try:
        yield
    finally:
        elapsed_s = time.perf_counter() - start
        STEP_SECONDS.labels(name).observe(elapsed_s)
        if timings_ms is not None:
            timings_ms[name] = round(elapsed_s * 1000, 2)
