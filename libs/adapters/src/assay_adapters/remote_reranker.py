"""The `Reranker` port on a server: the `/rerank` of Cohere, Jina, vLLM and Infinity, or that of TEI."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from assay_adapters.encodable import encodable
from assay_adapters.model_server import ModelServer, Transport

Protocol = Literal["cohere", "tei"]

_IN_FLIGHT = 8
# Servers cut what is too long for their model at the end, if they do not refuse it: about 512 tokens of any language.
_MAX_CHARACTERS = 2_000


class RemoteReranker:
    """Safe for many threads. Nothing is retried: a search goes on with the fused order.

    Args:
        base_url: up to and including `/v1` or `/v2` for Cohere's protocol, the root for TEI's.
        timeout_s: for one request, which holds all passages.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str,
        protocol: Protocol = "cohere",
        api_key: str | None = None,
        timeout_s: float = 5.0,
        transport: Transport | None = None,
    ) -> None:
        self._model = model
        self._protocol = protocol
        self._server = ModelServer(
            kind="reranker",
            model=model,
            base_url=base_url,
            api_key=api_key,
            timeout_s=timeout_s,
            connections=_IN_FLIGHT,
            transport=transport,
        )

    @property
    def model_id(self) -> str:
        return f"remote:{self._model}"

    @property
    def weight(self) -> None:
        return None

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        # Some servers refuse an empty text.
        texts = [encodable(passage[:_MAX_CHARACTERS]).strip() or "-" for passage in passages]
        if self._protocol == "tei":
            body = {"query": encodable(query), "texts": texts, "raw_scores": True, "truncate": True}
            rows = self._server.post("/rerank", body)
            name = "score"
        else:
            body = {"model": self._model, "query": encodable(query), "documents": texts, "top_n": len(texts)}
            answer = self._server.post("/rerank", body)
            rows = answer.get("results") if isinstance(answer, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  JSON: checked below
            name = "relevance_score"
        return self._in_order(rows, name, len(texts))

    def close(self) -> None:
        self._server.close()

    def _in_order(self, rows: Any, name: str, count: int) -> list[float]:  # Any: JSON
        """One finite score for each passage, or not at all: a passage without one could not be placed."""
        try:
            scores = {int(row["index"]): float(row[name]) for row in rows}
        except (KeyError, TypeError, ValueError):
            raise self._server.not_its_protocol() from None
        if scores.keys() != set(range(count)) or not all(map(math.isfinite, scores.values())):
            raise self._server.not_its_protocol()
        return [scores[i] for i in range(count)]
