"""The `Embedder` port on a server: OpenAI's `/v1/embeddings` (vLLM, Infinity, Ollama …) or TEI's `/embed`.

Texts are cut and counted here, with the model's own tokenizer, since servers differ in what they do with long ones.
Nothing is retried: the caller owns retries.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from assay_core.errors import Broken, Invalid

from assay_adapters.encodable import encodable
from assay_adapters.model_server import ModelServer, Transport

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Protocol = Literal["openai", "tei"]

_BATCH = 32
_IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model on a server, as far as it must be known without asking: the index is made before the first vector.

    `tokenizer` is a folder or file with the model's `tokenizer.json`; `max_tokens` includes special tokens.
    """

    name: str
    dimension: int
    max_tokens: int
    tokenizer: Path
    query_prompt: str = ""
    passage_prompt: str = ""

    @property
    def model_id(self) -> str:
        """Changes with everything that moves vectors, as far as it is known here."""
        parts = (self.name, str(self.max_tokens), self.query_prompt, self.passage_prompt)
        digest = hashlib.sha256("\x1e".join(parts).encode()).hexdigest()[:12]
        return f"remote-{self.dimension}-{digest}"


class RemoteEmbedder:
    """Safe for many threads.

    Args:
        base_url: up to and including `/v1` for OpenAI's protocol, the root for TEI's.
        timeout_s: for one request of up to 32 texts.
    """

    def __init__(
        self,
        *,
        model: RemoteModel,
        base_url: str,
        protocol: Protocol = "openai",
        api_key: str | None = None,
        timeout_s: float = 60.0,
        transport: Transport | None = None,
    ) -> None:
        self._model = model
        self._protocol = protocol
        self._tokenizer = _tokenizer(model.tokenizer)
        self._threads = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="embed")
        self._server = ModelServer(
            kind="embedder",
            model=model.name,
            base_url=base_url,
            api_key=api_key,
            timeout_s=timeout_s,
            connections=2 * _IN_FLIGHT,
            transport=transport,
        )

    @property
    def model_id(self) -> str:
        return self._model.model_id

    @property
    def dimension(self) -> int:
        return self._model.dimension

    @property
    def max_tokens(self) -> int:
        return self._model.max_tokens

    def embed_query(self, text: str) -> Matrix:
        return self._ask([self._cut(self._model.query_prompt + text)])[0]

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed(texts, self._model.query_prompt)

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed(texts, self._model.passage_prompt)

    def _embed(self, texts: Sequence[str], prompt: str) -> Matrix:
        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        blocks = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        cut = [[self._cut(prompt + texts[i]) for i in block] for block in blocks]
        for block, rows in zip(blocks, self._threads.map(self._ask, cut), strict=True):
            out[block] = rows
        return out

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer.encode_batch_fast([encodable(text) for text in texts], add_special_tokens=False)
        return [len(one.ids) for one in encoded]

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._server.close()

    def _cut(self, text: str) -> str:
        """The beginning of a text that fits with the special tokens."""
        whole = encodable(text)
        encoded = self._tokenizer.encode(whole, add_special_tokens=True)
        special = sum(encoded.special_tokens_mask)
        own = [end for (_, end), mark in zip(encoded.offsets, encoded.special_tokens_mask, strict=True) if not mark]
        room = self._model.max_tokens - special
        return whole if len(own) <= room else whole[: own[room - 1]]

    def _ask(self, texts: Sequence[str]) -> Matrix:
        if self._protocol == "tei":
            rows = self._server.post("/embed", {"inputs": list(texts), "normalize": True, "truncate": True})
        else:
            body = {"model": self._model.name, "input": list(texts), "encoding_format": "float"}
            rows = self._in_order(self._server.post("/embeddings", body))
        try:
            matrix = np.asarray(rows, dtype=np.float32)
        except (TypeError, ValueError):
            raise self._server.not_its_protocol() from None
        if matrix.shape != (len(texts), self.dimension):
            raise Broken(
                f"The embedding server returned {matrix.shape} numbers for {len(texts)} texts, but"
                f" ASSAY_EMBEDDER__DIMENSION says {self.dimension} for each.",
                code="embedder_failed",
            )
        if not np.isfinite(matrix).all():
            raise Broken(f"{self._model.name!r} returned vectors that are not numbers.", code="embedder_failed")
        return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)

    def _in_order(self, answer: Any) -> list[Any]:  # Any: JSON
        try:
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            return [row["embedding"] for row in rows]
        except (KeyError, TypeError, ValueError):
            raise self._server.not_its_protocol() from None


def _tokenizer(path: Path) -> Any:  # Any: tokenizers is untyped
    from tokenizers import Tokenizer

    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise Invalid(
            f"There is no tokenizer at {str(file)!r}. ASSAY_EMBEDDER__TOKENIZER needs the tokenizer.json of the model"
            " that the server runs: passages are counted and cut with it.",
            code="bad_setting",
        )
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
