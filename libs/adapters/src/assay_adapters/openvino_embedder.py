"""The `Embedder` port on OpenVINO: the fastest way on a CPU that was measured, and small once the model is converted.

bf16 where the processor has it. Passages are sorted by length and padded to their batch only: padding and mixed
lengths cost a factor of two.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from assay_core.errors import Broken, Invalid

from assay_adapters.encodable import encodable
from assay_adapters.model_recipe import ModelRecipe, read_recipe
from assay_adapters.models import model_folder
from assay_adapters.openvino_export import SUPPORTED
from assay_adapters.token_filter import wordy_tokens
from assay_adapters.word_counts import token_counter

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_BATCH_TOKENS = 16 * 176
_LEAST_TOKENS = 512
_BATCH_ROWS = 32
_PAD_TO = 8
_EXPORT_S = 300.0
_FORMAT = "2"  # what openvino_export writes


class OpenVinoEmbedder:
    """Embeds with a BERT-like sentence-transformers model.

    Args:
        model: as `models.model_folder` takes it.
        cache_path: where the converted model is kept; made on first use, about ten seconds, once for all processes.
        threads: processor threads; None for all.
        max_tokens: cut inputs shorter than the model would.
    """

    def __init__(
        self, *, model: str, cache_path: Path | str, threads: int | None = None, max_tokens: int | None = None
    ) -> None:
        from tokenizers import Tokenizer

        self._recipe = read_recipe(Path(model_folder(model)))
        self._max_tokens = min(max_tokens or self._recipe.max_tokens, self._recipe.max_tokens)
        self._tokenizer = Tokenizer.from_file(str(self._recipe.folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._count = token_counter(self._tokenizer)
        added = self._tokenizer.get_added_tokens_decoder()
        self._wordy = wordy_tokens(self._tokenizer.get_vocab(), [i for i, token in added.items() if token.special])
        threads = threads or os.cpu_count() or 1
        graph = _converted(self._recipe, Path(cache_path))
        self._bulk = _compile(graph, threads=threads, streams=threads)
        self._single = _compile(graph, threads=threads, streams=1)
        self._single_lock = threading.Lock()
        self._single_request = self._single.create_infer_request()
        self._streams = threads

    @property
    def model_id(self) -> str:
        return self._recipe.model_id

    @property
    def dimension(self) -> int:
        return self._recipe.dimension

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def embed_query(self, text: str) -> Matrix:
        return self.embed_queries([text])[0]

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        rows = self._encode([self._recipe.query_prompt + text for text in texts])
        out = np.zeros((len(rows), self.dimension), dtype=np.float32)
        for places in _batches(sorted(range(len(rows)), key=lambda i: len(rows[i])), rows):
            batch = _padded([rows[i] for i in places], to=1)
            with self._single_lock:
                result = self._single_request.infer(list(batch), share_inputs=True)
                out[places] = result[0]
        return out

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        rows = self._encode([self._recipe.passage_prompt + text for text in texts])
        out = np.zeros((len(rows), self.dimension), dtype=np.float32)

        def keep(request: Any, places: list[int]) -> None:  # Any: openvino.InferRequest is untyped
            out[places] = request.get_output_tensor(0).data

        self._run(rows, keep)
        return out

    def embed_tokens(self, texts: Sequence[str], *, query: bool = False) -> list[Matrix]:
        prompt = self._recipe.query_prompt if query else self._recipe.passage_prompt
        rows = self._encode([prompt + text for text in texts])
        out = [np.zeros((0, self.dimension), dtype=np.float32)] * len(rows)

        def keep(request: Any, places: list[int]) -> None:  # Any: openvino.InferRequest is untyped
            states = request.get_output_tensor(1).data
            for at, place in enumerate(places):
                out[place] = states[at, : len(rows[place])][self._wordy[rows[place]]]

        self._run(rows, keep)
        return out

    def _run(self, rows: list[list[int]], keep: Callable[[Any, list[int]], None]) -> None:
        """One pass over rows of token ids; `keep` gets each finished request with the places of its rows.

        A few rows make small batches: with one batch for all, one stream would work and the others wait.
        """
        share = sum(map(len, rows)) // (2 * self._streams)
        limit = min(max(share, _LEAST_TOKENS), _BATCH_TOKENS)
        batches = list(_batches(sorted(range(len(rows)), key=lambda i: len(rows[i])), rows, limit))
        idle = SimpleQueue[Any]()  # Any: openvino.InferRequest is untyped
        for _ in range(min(self._streams, len(batches))):
            idle.put(self._bulk.create_infer_request())

        def run(places: list[int]) -> None:
            request = idle.get()
            try:
                request.infer(list(_padded([rows[i] for i in places])), share_inputs=True)
                keep(request, places)
            finally:
                idle.put(request)

        # Not OpenVINO's own queue with a callback: a thread of its may still hold that when the model goes, which
        # waits for the thread, and has Python's lock, which the thread waits for.
        with ThreadPoolExecutor(self._streams, thread_name_prefix="embed") as pool:
            for _ in pool.map(run, batches):
                pass

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._count(texts)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with special tokens, cut at the end to the limit."""
        encoded = self._tokenizer.encode_batch_fast([encodable(t) for t in texts], add_special_tokens=True)
        limit = self._max_tokens
        return [e.ids if len(e.ids) <= limit else [*e.ids[: limit - 1], e.ids[-1]] for e in encoded]


def _batches(order: list[int], rows: list[list[int]], limit: int = _BATCH_TOKENS) -> Iterator[list[int]]:
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


def _padded(
    rows: list[list[int]], *, to: int = _PAD_TO
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    width = -(-max(len(row) for row in rows) // to) * to
    ids = np.zeros((len(rows), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask


def _compile(graph: Path, *, threads: int, streams: int) -> Any:  # Any: openvino.CompiledModel is untyped
    import openvino

    core = openvino.Core()
    options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    return core.compile_model(graph, "CPU", options)


def _converted(recipe: ModelRecipe, cache_path: Path) -> Path:
    """The converted model, made once; other processes wait for the one that makes it."""
    from filelock import FileLock

    if recipe.model_type not in SUPPORTED:
        raise Invalid(
            f"A model of the type {recipe.model_type!r} cannot be converted; set ASSAY_EMBEDDER__BACKEND=torch.",
            code="bad_model",
        )
    target = cache_path / f"openvino-{_FORMAT}-{recipe.model_id}"
    if (target / "model.xml").exists():
        return target / "model.xml"
    cache_path.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_path / f"{target.name}.lock"):
        if not target.exists():
            fresh = cache_path / f"{target.name}.new-{os.getpid()}"
            fresh.mkdir()
            _export(recipe, fresh)
            fresh.rename(target)
    return target / "model.xml"


def _export(recipe: ModelRecipe, target: Path) -> None:
    command = [sys.executable, "-m", "assay_adapters.openvino_export", str(recipe.folder), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_EXPORT_S, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Broken(f"The model {str(recipe.folder)!r} could not be converted: {reason}", code="model_conversion")
