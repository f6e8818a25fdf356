"""How a sentence-transformers folder turns tokens into a vector, read from its own files."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay_core.errors import Invalid

_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """Pooling, limits and prompts of an embedding model. `max_tokens` includes the special tokens."""

    folder: Path
    model_type: str
    dimension: int
    max_tokens: int
    pooling: str
    query_prompt: str
    passage_prompt: str
    digest: str

    @property
    def model_id(self) -> str:
        return f"{self.model_type}-{self.dimension}-{self.pooling}-{self.max_tokens}-{self.digest}"


def read_recipe(folder: Path) -> ModelRecipe:
    """Read a model folder.

    Raises:
        Invalid: a file is missing, or the model needs something that is not supported; the message says what.
    """
    config = _json(folder / "config.json")
    pooling = _pooling(folder)
    prompts: dict[str, str] = _json(folder / "config_sentence_transformers.json", {}).get("prompts") or {}
    positions = int(config.get("max_position_embeddings", 512))
    limit = _json(folder / "sentence_bert_config.json", {}).get("max_seq_length") or (
        # sentence-transformers writes it there since version 6; tokenizers without a limit have a huge one.
        _json(folder / "tokenizer_config.json", {}).get("model_max_length") or positions
    )
    weights = folder / _WEIGHTS
    if not weights.is_file():
        raise Invalid(f"{str(folder)!r} has no {_WEIGHTS}; only safetensors weights are loaded.", code="bad_model")
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    return ModelRecipe(
        folder=folder,
        model_type=str(config.get("model_type", "")),
        dimension=int(config["hidden_size"]),
        max_tokens=min(int(limit), positions),
        pooling=pooling,
        query_prompt=prompts.get("query", ""),
        passage_prompt=prompts.get("passage", prompts.get("document", "")),
        digest=digest,
    )


def _pooling(folder: Path) -> str:
    modules = _json(folder / "modules.json", [])
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    unsupported = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if unsupported:
        raise Invalid(
            f"{str(folder)!r} needs the module {unsupported[0]!r}, which this runtime does not have; set"
            " ASSAY_EMBEDDER__BACKEND=torch.",
            code="bad_model",
        )
    path = next((str(m["path"]) for m in modules if str(m["type"]).endswith("Pooling")), "1_Pooling")
    pooling = _json(folder / path / "config.json", {"pooling_mode_mean_tokens": True})
    # A name since version 6 of sentence-transformers, a flag for each name before.
    named = pooling.get("pooling_mode")
    chosen = (
        [named] if named else [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True]
    )
    match chosen:
        case ["pooling_mode_mean_tokens"] | ["mean"]:
            return "mean"
        case ["pooling_mode_cls_token"] | ["cls"]:
            return "cls"
        case _:
            raise Invalid(
                f"{str(folder)!r} pools by {chosen}; this runtime has mean and cls. Set ASSAY_EMBEDDER__BACKEND=torch.",
                code="bad_model",
            )


def _json(path: Path, default: Any = None) -> Any:  # Any: the shape of foreign JSON is checked by its readers
    if path.is_file():
        return json.loads(path.read_text())
    if default is None:
        raise Invalid(f"{str(path)!r} is missing; the folder holds no usable model.", code="bad_model")
    return default
