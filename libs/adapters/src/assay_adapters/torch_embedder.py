"""The `Embedder` port on sentence-transformers: any model that it loads, on CUDA if there is one."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from assay_core.errors import Invalid, Unavailable

from assay_adapters.encodable import encodable
from assay_adapters.model_recipe import read_recipe
from assay_adapters.models import model_folder
from assay_adapters.token_filter import wordy_tokens
from assay_adapters.torch_device import torch_target

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class TorchEmbedder:
    """Loads the model when it is made.

    Args:
        model: as `models.model_folder` takes it.
        device: a torch device; None for CUDA if there is one, else the processor.
        batch_size: texts in one forward pass.
    """

    def __init__(self, *, model: str, device: str | None = None, batch_size: int = 32) -> None:
        from sentence_transformers import SentenceTransformer

        folder = model_folder(model)
        target = torch_target(device)
        try:
            self._model = SentenceTransformer(
                folder, device=target.device, model_kwargs=target.model_kwargs, local_files_only=True
            )
        except (OSError, ValueError, KeyError) as e:
            raise Invalid(f"{model!r} is no sentence-transformers model: {e}", code="bad_model") from e
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._wordy = wordy_tokens(self._model.tokenizer.get_vocab(), self._model.tokenizer.all_special_ids)
        self._dimension = len(self.embed_query(""))
        self._model_id = _model_id(Path(folder), self._dimension)

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return int(self._model.max_seq_length or 512)

    def embed_query(self, text: str) -> Matrix:
        return self._embed([text], query=True)[0]

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed(texts, query=True) if texts else self._none()

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed(texts, query=False) if texts else self._none()

    def embed_tokens(self, texts: Sequence[str], *, query: bool = False) -> list[Matrix]:
        encoded = self._encode(texts, query=query, output_value=None)
        rows: list[Matrix] = []
        for one in encoded:
            kept = self._wordy[one["input_ids"].cpu().numpy()] & (one["attention_mask"].cpu().numpy() == 1)
            rows.append(_unit(one["token_embeddings"].float().cpu().numpy()[kept]))
        return rows

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        with self._lock:
            encoded = self._model.tokenizer(
                [encodable(text) for text in texts],
                add_special_tokens=False,
                truncation=False,
                verbose=False,
                return_attention_mask=False,
            )
        return [len(ids) for ids in encoded["input_ids"]]

    def _none(self) -> Matrix:
        return np.zeros((0, self._dimension), dtype=np.float32)

    def _embed(self, texts: Sequence[str], *, query: bool) -> Matrix:
        # Normalized here and not by the model: in bf16 the length would be off by a thousandth.
        return _unit(np.asarray(self._encode(texts, query=query, output_value="sentence_embedding"), dtype=np.float32))

    def _encode(self, texts: Sequence[str], *, query: bool, output_value: Literal["sentence_embedding"] | None) -> Any:
        # Any: what sentence-transformers returns depends on output_value.
        import torch

        encode = self._model.encode_query if query else self._model.encode_document
        try:
            with self._lock:
                return encode(
                    [encodable(text) for text in texts],
                    batch_size=self._batch_size,
                    show_progress_bar=False,
                    output_value=output_value,
                )
        except torch.OutOfMemoryError as e:
            raise Unavailable(f"the embedder's device has no memory for {len(texts)} texts", retry_after_s=5.0) from e


def _model_id(folder: Path, dimension: int) -> str:
    """The same as other runtimes give the same weights; of their own for models that only torch runs."""
    try:
        return read_recipe(folder).model_id
    except Invalid:
        digest = hashlib.sha256()
        for file in sorted(folder.rglob("*.safetensors")) + sorted(folder.rglob("*config*.json")):
            digest.update(file.read_bytes())
        return f"torch-{dimension}-{digest.hexdigest()[:12]}"


def _unit(rows: Matrix) -> Matrix:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
