"""A streamed answer as OpenAI's chunks: text first, annotations in the last delta, then the reason of the end."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import uuid4

from assay_core.answers import Answer, AnswerEvent, Done, Failed, Retrieved, Token
from assay_core.errors import AssayError, Unavailable

from assay_gateway.answering import as_error, broken, failed
from assay_gateway.openai_errors import error_member
from assay_gateway.openai_shapes import ChatShape, facts
from assay_gateway.streaming import close

_DONE = b"data: [DONE]\n\n"


async def until_text(stream: AsyncIterator[AnswerEvent]) -> list[AnswerEvent]:
    """The events up to the first text or the end; as long as there is no text, an error can still be a status.

    Raises:
        AssayError: the stream failed before any text.
    """
    seen = list[AnswerEvent]()
    retrieved: Retrieved | None = None
    try:
        async for event in stream:
            seen.append(event)
            match event:
                case Retrieved():
                    retrieved = event
                case Failed():
                    raise as_error(event, retrieved)
                case Token() | Done():
                    return seen
                case _:
                    pass
    except BaseException:
        await close(stream)
        raise
    raise Unavailable("The answer broke off before it began; ask again.", code="generation_broke_off")


async def events_of_chat(
    started: Sequence[AnswerEvent], rest: AsyncIterator[AnswerEvent], shape: ChatShape, *, include_usage: bool
) -> AsyncIterator[bytes]:
    """Chunks of the answer; `started` are the events that have come already."""
    chat = _Chat(shape, include_usage=include_usage)
    yield chat.opening()
    for event in started:
        for piece in chat.pieces(event):
            yield piece
    try:
        async for event in rest:
            for piece in chat.pieces(event):
                yield piece
    except AssayError as error:
        yield chat.failure(failed(error))
    except Exception as error:  # noqa: BLE001 - the end of a stream is a process edge: it must be a typed event
        yield chat.failure(broken(error, what="chat"))
    finally:
        await close(rest)


class _Chat:
    def __init__(self, shape: ChatShape, *, include_usage: bool) -> None:
        self._shape = shape
        self._include_usage = include_usage
        # The answer's own id comes with its end only, and all chunks must have the same.
        self._id = uuid4().hex
        self._had_text = False

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def pieces(self, event: AnswerEvent) -> Iterator[bytes]:
        match event:
            case Token(text):
                self._had_text = True
                yield self._chunk({"content": text})
            case Done(answer):
                yield from self._end(answer)
            case Failed():
                yield self.failure(event)
            case _:
                pass

    def failure(self, event: Failed) -> bytes:
        return _data({"error": error_member(as_error(event, None))})

    def _end(self, answer: Answer) -> Iterator[bytes]:
        last: dict[str, object] = {"annotations": self._shape.annotations(answer), "assay": facts(answer)}
        if not self._had_text:
            last["content"] = answer.text
        yield self._chunk(last)
        yield self._chunk({}, answer.finish_reason)
        if self._include_usage:
            yield _data(self._shape.usage_chunk(self._id, answer.usage))
        yield _DONE

    def _chunk(self, delta: dict[str, object], finish_reason: str | None = None) -> bytes:
        chunk = self._shape.chunk(self._id, delta, finish_reason)
        return _data(chunk | {"usage": None} if self._include_usage else chunk)


def _data(body: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
