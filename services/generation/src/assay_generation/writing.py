"""Lets the chat model write, within the room, the time and the errors that the pipeline knows."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from assay_core.answers import ChatDelta
from assay_core.errors import AssayError, Broken, Exhausted, Unavailable
from assay_core.ports import ChatModel

from assay_generation.evidence import Evidence
from assay_generation.hygiene import as_text
from assay_generation.memory import CHARACTERS_PER_TOKEN, recent
from assay_generation.metrics import FIRST_TOKEN_SECONDS
from assay_generation.prompting import Clean, NewMark, Prompt, PromptFile, build_prompt
from assay_generation.work import Work

_CHAT_OVERHEAD_TOKENS = 48
_COUNT_S = 1.0


@dataclass(frozen=True, slots=True)
class Writer:
    """A chat model with its prompt.

    Args:
        context_tokens: what the model can read and write together.
        stall_s: silence after which the model server counts as down.
    """

    chat: ChatModel
    prompt: PromptFile
    context_tokens: int
    stall_s: float
    new_mark: NewMark
    clean: Clean = as_text

    @property
    def recipe(self) -> str:
        """What shapes an answer beside question and documents."""
        return f"{self.chat.model_id}|{self.prompt.version}|{self.prompt.digest}|{self.context_tokens}"

    async def prompt_for(self, work: Work, evidence: Sequence[Evidence]) -> Prompt:
        """The prompt, with as many passages as there is room for."""
        history = recent(work.request.history, budget_tokens=self.prompt.history_tokens)
        question = work.request.question if history else work.question
        fixed = sum(
            len(text) for text in (self.prompt.system, self.prompt.user, question, *(t.content for t in history))
        )
        room_tokens = self.context_tokens - self._most_tokens(work) - _CHAT_OVERHEAD_TOKENS
        return build_prompt(
            self.prompt,
            question=question,
            hits=work.read,
            evidence=evidence,
            history=history,
            room=await self._characters(work, room_tokens - fixed // CHARACTERS_PER_TOKEN),
            mark=self.new_mark(),
            clean=self.clean,
        )

    async def write(self, work: Work, prompt: Prompt) -> AsyncGenerator[ChatDelta]:
        """Stream the model's reply.

        Raises:
            Unavailable: the model server is down, silent, broke off, or does not finish in time.
        """
        begun = time.perf_counter()
        stream = self.chat.stream(
            prompt.messages,
            system=prompt.system,
            max_tokens=self._most_tokens(work),
            temperature=work.request.temperature,
            stop=(*prompt.stop, *work.request.stop),
            timeout_s=work.deadline.within(self.stall_s),
        )
        assert isinstance(stream, AsyncGenerator)  # the port promises that closing it cancels the request
        async with aclosing(stream) as deltas:
            first = True
            while True:
                try:
                    async with work.deadline.enforced():
                        delta = await anext(deltas)
                except StopAsyncIteration:
                    return
                except AssayError as error:
                    raise _of_the_model(error, work) from error
                if first:
                    FIRST_TOKEN_SECONDS.observe(time.perf_counter() - begun)
                    work.timings_ms["first_token"] = round((time.perf_counter() - begun) * 1000, 2)
                    first = False
                yield delta

    def _most_tokens(self, work: Work) -> int:
        return min(work.request.max_tokens, self.context_tokens // 2)

    async def _characters(self, work: Work, tokens: int) -> int:
        """How many characters of these passages are so many tokens: estimated, and counted where it matters."""
        tokens = max(tokens, self.context_tokens // 8)
        text = "\n".join(hit.text for hit in work.read[: self.prompt.most])
        if self.prompt.unit == "sentence" or len(text) <= tokens * CHARACTERS_PER_TOKEN:
            return tokens * CHARACTERS_PER_TOKEN
        try:
            async with asyncio.timeout(_COUNT_S):
                counted = await self.chat.count_tokens(text)
        except (TimeoutError, Unavailable):
            return tokens * CHARACTERS_PER_TOKEN
        return int(tokens * len(text) / max(counted, 1) * 0.95)


def _of_the_model(error: AssayError, work: Work) -> AssayError:
    """What went wrong with the model server, as something that may be over soon: the sources are there already."""
    match error:
        case Exhausted() if work.deadline.remaining_s <= 0:
            return Unavailable(
                "The language model did not finish in time; the sources that were found are shown.",
                code="generator_too_slow",
                retry_after_s=10,
            )
        case Unavailable():
            return error
        case Exhausted():
            return Unavailable(error.message, code="generator_unavailable", retry_after_s=10)
        case Broken():
            return Unavailable(error.message, code=error.code, retry_after_s=5)
        case _:
            return Unavailable(error.message, code="generator_refused", retry_after_s=60)
