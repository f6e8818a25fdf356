"""What models have in common that run by OpenVINO: conversion in a process of its own, and batches over streams."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from assay_core.errors import Broken

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
BATCH_TOKENS = 16 * 176
_LEAST_TOKENS = 512
_BATCH_ROWS = 32
_PAD_TO = 8
_EXPORT_S = 300.0


def converted(source: Path, name: str, *, module: str, cache_path: Path) -> Path:
    """The OpenVINO graph that `module` makes of `source`, made once; other processes wait for the one that makes it.

    Raises:
        Broken: the module could not make it.
    """
    from filelock import FileLock

    target = cache_path / name
    if (target / "model.xml").exists():
        return target / "model.xml"
    cache_path.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_path / f"{name}.lock"):
        if not target.exists():
            fresh = cache_path / f"{name}.new-{os.getpid()}"
            fresh.mkdir()
            _export(module, source, fresh)
            fresh.rename(target)
    return target / "model.xml"


def compiled(graph: Path, *, threads: int, streams: int) -> Any:  # Any: openvino.CompiledModel is untyped
    """The model for so many threads, in bf16 where the processor has it."""
    import openvino

    core = openvino.Core()
    options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    return core.compile_model(graph, "CPU", options)


def run_batches(
    model: Any,  # Any: openvino.CompiledModel is untyped
    rows: Sequence[Sequence[int]],
    *,
    streams: int,
    arrays: Callable[[list[int]], Sequence[Integers]],
    keep: Callable[[Any, list[int]], None],
) -> None:
    """One pass over rows of token ids, those of one length together.

    A few rows make small batches: with one batch for all, one stream would work and the others wait.

    Args:
        arrays: the inputs of a batch, given the places of its rows.
        keep: gets each finished request with these places.
    """
    share = sum(map(len, rows)) // (2 * streams)
    limit = min(max(share, _LEAST_TOKENS), BATCH_TOKENS)
    batches = list(batched(sorted(range(len(rows)), key=lambda i: len(rows[i])), rows, limit))
    idle = SimpleQueue[Any]()  # Any: openvino.InferRequest is untyped
    for _ in range(min(streams, len(batches))):
        idle.put(model.create_infer_request())

    def run(places: list[int]) -> None:
        request = idle.get()
        try:
            request.infer(list(arrays(places)), share_inputs=True)
            keep(request, places)
        finally:
            idle.put(request)

    # Not OpenVINO's own queue with a callback: a thread of its may still hold that when the model goes, which
    # waits for the thread, and has Python's lock, which the thread waits for.
    with ThreadPoolExecutor(streams, thread_name_prefix="openvino") as pool:
        for _ in pool.map(run, batches):
            pass


def batched(order: Sequence[int], rows: Sequence[Sequence[int]], limit: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Places in order of length, in batches of about equal work, `limit` tokens at most, the longest first."""
    batch: list[int] = []
    for place in reversed(order):
        width = len(rows[batch[0]]) if batch else len(rows[place])
        if batch and (len(batch) == _BATCH_ROWS or (len(batch) + 1) * width > limit):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], *, to: int = _PAD_TO, filler: int = 0) -> Integers:
    """Rows as one array, filled up to a multiple of `to`."""
    width = -(-max(len(row) for row in rows) // to) * to
    out = np.full((len(rows), width), filler, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def mask_of(rows: Sequence[Sequence[int]], *, to: int = _PAD_TO) -> Integers:
    """1 where `padded` has a row's own tokens, else 0."""
    return padded([[1] * len(row) for row in rows], to=to)


def _export(module: str, source: Path, target: Path) -> None:
    command = [sys.executable, "-m", module, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_EXPORT_S, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Broken(f"The model {str(source)!r} could not be converted: {reason}", code="model_conversion")
