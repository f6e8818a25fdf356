"""Which embedder: the same choice for every process, since their vectors must meet in one space."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from assay_core.errors import Invalid
from assay_core.ports import Embedder, TokenEmbedder

if TYPE_CHECKING:
    from assay_adapters.remote_embedder import RemoteModel

_REMOTE = ("openai", "tei")


class EmbedderChoice(Protocol):
    """What chooses an embedder; `ASSAY_EMBEDDER__*` has these names."""

    backend: str
    model: str
    threads: int
    url: str
    dimension: int
    max_tokens: int
    tokenizer: Path | None
    query_prompt: str
    passage_prompt: str

    def api_key(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """What is known of an embedder without loading it."""

    model_id: str
    dimension: int


def open_embedder(choice: EmbedderChoice, *, cache_path: Path) -> Embedder:
    """The chosen embedder, loaded, for many threads.

    Raises:
        Invalid: a setting is missing or wrong; the message names it.
    """
    match choice.backend:
        case "openvino":
            from assay_adapters.batching import SharedEmbedder
            from assay_adapters.openvino_embedder import OpenVinoEmbedder

            return SharedEmbedder(
                OpenVinoEmbedder(model=choice.model, cache_path=cache_path, threads=choice.threads or None)
            )
        case "torch":
            from assay_adapters.batching import SharedEmbedder
            from assay_adapters.torch_embedder import TorchEmbedder

            return SharedEmbedder(TorchEmbedder(model=choice.model))
        case "openai" | "tei" as protocol:
            from assay_adapters.remote_embedder import RemoteEmbedder

            return RemoteEmbedder(
                model=_remote_model(choice), base_url=choice.url, protocol=protocol, api_key=choice.api_key()
            )
        case other:
            raise Invalid(
                f"ASSAY_EMBEDDER__BACKEND is {other!r}; use openvino, torch, openai or tei.", code="bad_setting"
            )


def with_tokens(embedder: Embedder) -> TokenEmbedder:
    """The same embedder, if it can show a vector of each token.

    Raises:
        Invalid: it runs on a server, which gives only one vector for each text.
    """
    from assay_adapters.batching import SharedEmbedder

    if isinstance(embedder, SharedEmbedder):
        return embedder
    raise Invalid(
        "Reranking by late interaction needs the embedder in the process. With ASSAY_EMBEDDER__BACKEND openai or tei,"
        " set ASSAY_RERANKER__MODEL to a cross-encoder, or leave it empty for none.",
        code="bad_setting",
    )


def describe_embedder(choice: EmbedderChoice) -> VectorSpace:
    """The vector space of the chosen embedder, without loading it."""
    if choice.backend in _REMOTE:
        model = _remote_model(choice)
        return VectorSpace(model.model_id, model.dimension)
    from assay_adapters.model_recipe import read_recipe
    from assay_adapters.models import model_folder

    recipe = read_recipe(Path(model_folder(choice.model)))
    return VectorSpace(recipe.model_id, recipe.dimension)


def _remote_model(choice: EmbedderChoice) -> "RemoteModel":
    from assay_adapters.remote_embedder import RemoteModel

    given = {
        "URL": choice.url,
        "DIMENSION": choice.dimension,
        "MAX_TOKENS": choice.max_tokens,
        "TOKENIZER": choice.tokenizer,
    }
    missing = [f"ASSAY_EMBEDDER__{name}" for name, value in given.items() if not value]
    if missing or choice.tokenizer is None:
        raise Invalid(f"An embedder on a server also needs {', '.join(missing)}.", code="bad_setting")
    return RemoteModel(
        name=choice.model,
        dimension=choice.dimension,
        max_tokens=choice.max_tokens,
        tokenizer=choice.tokenizer,
        query_prompt=choice.query_prompt,
        passage_prompt=choice.passage_prompt,
    )
