"""The `Reranker` port on a BERT cross-encoder by OpenVINO: int8 weights, bf16 where the processor has it."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from assay_core.errors import Invalid

from assay_adapters.cross_encoder import about
from assay_adapters.encodable import encodable
from assay_adapters.models import model_folder
from assay_adapters.openvino_export import SUPPORTED
from assay_adapters.openvino_runs import Integers, compiled, converted, mask_of, padded, run_batches

_FORMAT = "1"  # what cross_encoder_export writes


class OpenVinoCrossEncoder:
    """Scores pairs in batches of one length, on all streams at once.

    Args:
        model: as `models.model_folder` takes it.
        cache_path: where the converted model is kept; made on first use, about ten seconds, once for all processes.
        threads: processor threads; None for all.
        max_tokens: longest query and passage together; the longer of both is cut.

    Raises:
        Invalid: the folder holds no BERT model that gives one number for a pair.
    """

    def __init__(
        self, *, model: str, cache_path: Path | str, threads: int | None = None, max_tokens: int = 256
    ) -> None:
        from tokenizers import Tokenizer

        folder = Path(model_folder(model))
        _check(folder)
        self._about = about(model)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens, strategy="longest_first")
        self._streams = threads or os.cpu_count() or 1
        with (folder / "model.safetensors").open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
        graph = converted(
            folder,
            f"cross-encoder-{_FORMAT}-{digest}",
            module="assay_adapters.cross_encoder_export",
            cache_path=Path(cache_path),
        )
        self._model = compiled(graph, threads=self._streams, streams=self._streams)

    @property
    def model_id(self) -> str:
        return self._about.model_id

    @property
    def weight(self) -> float | None:
        return self._about.weight

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        pairs = [(encodable(query), encodable(passage)) for passage in passages]
        encoded = self._tokenizer.encode_batch(pairs)
        rows, kinds = [one.ids for one in encoded], [one.type_ids for one in encoded]
        out = np.zeros(len(rows), dtype=np.float32)

        def arrays(places: list[int]) -> tuple[Integers, Integers, Integers]:
            batch = [rows[place] for place in places]
            return padded(batch), mask_of(batch), padded([kinds[place] for place in places])

        def keep(request: Any, places: list[int]) -> None:  # Any: openvino.InferRequest is untyped
            out[places] = request.get_output_tensor(0).data

        run_batches(self._model, rows, streams=self._streams, arrays=arrays, keep=keep)
        return out.tolist()


def _check(folder: Path) -> None:
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as e:
        raise Invalid(f"{str(folder)!r} holds no model: {e}", code="bad_model") from e
    kind, labels = config.get("model_type"), len(config.get("id2label") or "01")
    if kind not in SUPPORTED or labels != 1 or not (folder / "model.safetensors").is_file():
        raise Invalid(
            f"{str(folder)!r} is a model of the type {kind!r} that gives {labels} numbers; a BERT with one number and"
            " model.safetensors can be converted. Set ASSAY_RERANKER__BACKEND=local for others.",
            code="bad_model",
        )
