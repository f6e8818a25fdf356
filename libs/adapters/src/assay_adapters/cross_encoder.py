"""The `Reranker` port on a sentence-transformers cross-encoder."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from assay_core.errors import Invalid, Unavailable

from assay_adapters.encodable import encodable
from assay_adapters.models import model_folder
from assay_adapters.torch_device import torch_target

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SETTINGS = "assay_reranker.json"
"""Beside weights that `assay train reranker` wrote: `weight`, and the `digest` that tells trainings apart."""


class About(NamedTuple):
    """Who a cross-encoder is, and how much its score counts beside the fused one; None: it decides alone."""

    model_id: str
    weight: float | None


class CrossEncoderReranker:
    """Loads the model with the first score: a process that never reranks never pays for it.

    Args:
        model: as `models.model_folder` takes it.
        max_tokens: longest query and passage together; the passage is cut.
        device: a torch device; None for CUDA if there is one, else the processor.
    """

    def __init__(self, *, model: str, batch_size: int = 32, max_tokens: int = 256, device: str | None = None) -> None:
        self._name = model
        self._batch_size = batch_size
        self._max_tokens = max_tokens
        self._device = device
        self._lock = threading.Lock()
        self._model: CrossEncoder | None = None
        self._about = about(model)

    @property
    def model_id(self) -> str:
        return self._about.model_id

    @property
    def weight(self) -> float | None:
        return self._about.weight

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        import torch

        if not passages:
            return []
        order = sorted(range(len(passages)), key=lambda i: len(passages[i]))
        with self._lock:
            try:
                scores = self._loaded().predict(
                    [(encodable(query), encodable(passages[i])) for i in order],
                    batch_size=self._batch_size,
                    show_progress_bar=False,
                    # Logits: a sigmoid in bf16 maps all good passages to the same number.
                    activation_fn=torch.nn.Identity(),
                )
            except torch.OutOfMemoryError as e:
                raise Unavailable(
                    f"the reranker's device has no memory for {len(passages)} passages", retry_after_s=5.0
                ) from e
        by_place = dict(zip(order, (float(score) for score in scores), strict=True))
        return [by_place[i] for i in range(len(passages))]

    def _loaded(self) -> "CrossEncoder":
        if self._model is None:
            from sentence_transformers import CrossEncoder

            target = torch_target(self._device)
            try:
                model = CrossEncoder(
                    model_folder(self._name),
                    device=target.device,
                    max_length=self._max_tokens,
                    model_kwargs=target.model_kwargs,
                    local_files_only=True,
                )
            except (OSError, ValueError, KeyError) as e:
                raise Invalid(f"{self._name!r} is no cross-encoder: {e}", code="bad_model") from e
            if model.num_labels != 1:
                raise Invalid(
                    f"{self._name!r} gives {model.num_labels} numbers for a pair; a reranker gives one",
                    code="bad_model",
                )
            self._model = model
        return self._model


def about(model: str) -> About:
    """What a model's name and folder say of it. Raises `Invalid` if its settings cannot be read."""
    name, path = Path(model).name if "/" in model else model, Path(model).expanduser() / SETTINGS
    try:
        found = json.loads(path.read_text())
        weight, digest = found.get("weight"), str(found["digest"])
        return About(f"cross-encoder:{name}@{digest[:12]}", None if weight is None else float(weight))
    except FileNotFoundError:
        return About(f"cross-encoder:{name}", None)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise Invalid(f"{str(path)!r} cannot be read: {e}", code="bad_model") from e
