"""The `Embedder` port on OpenVINO: the fastest way on a CPU that was measured, and small once the model is converted.

bf16 where the processor has it. Passages are sorted by length and padded to their batch only: padding and mixed
lengths cost a factor of two.
"""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from assay_core.errors import Invalid

from assay_adapters.encodable import encodable
from assay_adapters.model_recipe import ModelRecipe, read_recipe
from assay_adapters.models import model_folder
from assay_adapters.openvino_export import SUPPORTED
from assay_adapters.openvino_runs import Integers, batched, compiled, converted, mask_of, padded, run_batches
from assay_adapters.token_filter import wordy_tokens
from assay_adapters.word_counts import token_counter

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

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
        self._bulk = compiled(graph, threads=threads, streams=threads)
        self._single = compiled(graph, threads=threads, streams=1)
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
        for places in batched(sorted(range(len(rows)), key=lambda i: len(rows[i])), rows):
            batch = [rows[place] for place in places]
            with self._single_lock:
                result = self._single_request.infer([padded(batch, to=1), mask_of(batch, to=1)], share_inputs=True)
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
        def arrays(places: list[int]) -> tuple[Integers, Integers]:
            batch = [rows[place] for place in places]
            return padded(batch), mask_of(batch)

        run_batches(self._bulk, rows, streams=self._streams, arrays=arrays, keep=keep)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._count(texts)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with special tokens, cut at the end to the limit."""
        encoded = self._tokenizer.encode_batch_fast([encodable(t) for t in texts], add_special_tokens=True)
        limit = self._max_tokens
        return [e.ids if len(e.ids) <= limit else [*e.ids[: limit - 1], e.ids[-1]] for e in encoded]


def _converted(recipe: ModelRecipe, cache_path: Path) -> Path:
    if recipe.model_type not in SUPPORTED:
        raise Invalid(
            f"A model of the type {recipe.model_type!r} cannot be converted; set ASSAY_EMBEDDER__BACKEND=torch.",
            code="bad_model",
        )
    name = f"openvino-{_FORMAT}-{recipe.model_id}"
    return converted(recipe.folder, name, module="assay_adapters.openvino_export", cache_path=cache_path)
