"""Answers, models and vectors in OpenAI's shape."""

import base64 as b64
import re
import struct
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from assay_core.answers import Answer, Citation, TokenUsage
from assay_core.documents import Collection
from assay_wire import openai, to_public
from assay_wire.internal import EmbedResult

_MARK = re.compile(r"\[(\d{1,3})\]")


class ChatShape:
    """The shape of one completion. `base_url` is where the reader's browser finds the gateway."""

    def __init__(self, model: str, *, base_url: str, now: float | None = None) -> None:
        self._model = model
        self._base_url = base_url
        self._created = int(time.time() if now is None else now)

    def completion(self, answer: Answer) -> dict[str, object]:
        """A whole completion, with what only Assay knows under `assay`."""
        message = {
            "role": "assistant",
            "content": answer.text,
            "refusal": None,
            "annotations": self.annotations(answer),
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _known(answer.finish_reason)}
        return self._head(answer.id, "chat.completion") | {
            "choices": [choice],
            "usage": usage(answer.usage),
            "assay": facts(answer),
        }

    def chunk(self, chat_id: str, delta: dict[str, object], finish_reason: str | None = None) -> dict[str, object]:
        """A piece of a streamed completion."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": _known(finish_reason)}
        return self._head(chat_id, "chat.completion.chunk") | {"choices": [choice]}

    def usage_chunk(self, chat_id: str, tokens: TokenUsage | None) -> dict[str, object]:
        """The last piece, if the client asked for usage."""
        return self._head(chat_id, "chat.completion.chunk") | {"choices": [], "usage": usage(tokens)}

    def annotations(self, answer: Answer) -> list[dict[str, object]]:
        """One annotation for each mark in the text, and one at the end for a citation without a mark."""
        by_number = {c.n: c for c in answer.citations}
        found = [(m, by_number[int(m[1])]) for m in _MARK.finditer(answer.text) if int(m[1]) in by_number]
        marked = {citation.n for _, citation in found}
        placed = [(m.start(), m.end(), c) for m, c in found]
        end = len(answer.text)
        placed += [(end, end, c) for c in answer.citations if c.n not in marked]
        return [self._annotation(start, end, c).model_dump(mode="json") for start, end, c in placed]

    def _annotation(self, start: int, end: int, citation: Citation) -> openai.Annotation:
        query = urlencode({"version": citation.version, "start": citation.start, "end": citation.end})
        return openai.Annotation(
            url_citation=openai.UrlCitation(
                start_index=start,
                end_index=end,
                title=citation.document_name,
                url=f"{self._base_url}/ui/documents/{citation.document.id}?{query}",
            ),
            assay=to_public.citation(citation),
        )

    def _head(self, chat_id: str, kind: str) -> dict[str, object]:
        return {"id": f"chatcmpl-{chat_id}", "object": kind, "created": self._created, "model": self._model}


def _known(finish_reason: str | None) -> str | None:
    # OpenAI's clients check this against a closed set; a quoted answer ("extractive") has simply come to its end.
    return finish_reason if finish_reason in (None, "stop", "length") else "stop"


def facts(answer: Answer) -> dict[str, object]:
    """What an ordinary client passes over: how the answer stands up to its sources."""
    return {
        "id": answer.id,
        "outcome": answer.outcome,
        "degraded": [d.model_dump() for d in to_public.degraded(answer.degraded)],
        "timings_ms": dict(answer.timings_ms),
    }


def usage(tokens: TokenUsage | None) -> dict[str, int]:
    """Tokens of the chat model; none were used where it was not asked."""
    prompt, completion = (tokens.prompt, tokens.completion) if tokens else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def model_entry(collection: Collection) -> dict[str, object]:
    """A collection as a model."""
    created = int(collection.created_at.timestamp())
    return {"id": collection.name, "object": "model", "created": created, "owned_by": "assay"}


def embedding_list(result: EmbedResult, *, base64: bool) -> dict[str, object]:
    """Vectors as floats, or as base64 of little-endian float32."""
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in _vectors(result, base64=base64)],
        "model": result.model,
        "usage": {"prompt_tokens": result.tokens, "total_tokens": result.tokens},
    }


def _vectors(result: EmbedResult, *, base64: bool) -> Iterator[tuple[int, str | list[float]]]:
    for index, vector in enumerate(result.vectors):
        packed = b64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if base64 else list(vector)
        yield index, packed
