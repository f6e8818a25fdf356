# pyright: basic, reportMissingImports=false
# This file runs in an environment of its own, which the type checker does not see.
"""Scores with ragas: JSON lines in, JSON lines out. Started by `assay_adapters.ragas_judge`, never imported.

The first line tells the server: {"base_url", "model", "api_key", "timeout_s", "parallel"}. Then, in any order:
    {"score": n, "question", "contexts", "answer"}  →  {"score": n, "values": {…}, "failures": {…}}
    {"claims": n, "claims_to_judge", "context"}     →  {"claims": n, "verdicts": [0 or 1, …]} or {…, "failure": "…"}
    {"vectors": n, "rows": […]}                     answers our own {"embed": n, "texts": […]}
"""

import asyncio
import itertools
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

_embeddings: dict[int, "asyncio.Future[list[list[float]]]"] = {}
_numbers = itertools.count()


def main() -> None:
    # Libraries print to standard output; only our lines may go there.
    out, sys.stdout = sys.stdout, sys.stderr
    asyncio.run(_serve(out))


async def _serve(out: Any) -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, _read, loop, lines)
    settings = json.loads(await lines.get())
    write = _writer(out)
    scorer = Scorer(settings, write)
    write({"ready": True})
    gate = asyncio.Semaphore(settings["parallel"])
    tasks: set[asyncio.Task[None]] = set()
    while True:
        message = json.loads(await lines.get())
        if "vectors" in message:
            _embeddings.pop(message["vectors"]).set_result(message["rows"])
            continue
        task = asyncio.create_task(_answer(scorer, message, gate, write))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _read(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str]") -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    # The parent is gone, however it ended: so is the need for scores.
    os._exit(0)


def _writer(out: Any) -> Callable[[dict[str, Any]], None]:
    def write(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    return write


async def _answer(
    scorer: "Scorer", message: dict[str, Any], gate: asyncio.Semaphore, write: Callable[[dict[str, Any]], None]
) -> None:
    async with gate:
        write(await (scorer.score(message) if "score" in message else scorer.judge(message)))


class Scorer:
    def __init__(self, settings: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
        from openai import AsyncOpenAI
        from ragas.embeddings.base import BaseRagasEmbedding
        from ragas.llms import llm_factory
        from ragas.metrics.collections import AnswerRelevancy, ContextRelevance, ResponseGroundedness

        class ParentEmbedding(BaseRagasEmbedding):
            """The platform's own embedder, at the other end of the pipe."""

            def embed_text(self, text: str, **_: Any) -> list[float]:
                raise NotImplementedError

            async def aembed_text(self, text: str, **_: Any) -> list[float]:
                return (await self.aembed_texts([text]))[0]

            async def aembed_texts(self, texts: list[str], **_: Any) -> list[list[float]]:
                number = next(_numbers)
                _embeddings[number] = asyncio.get_running_loop().create_future()
                future = _embeddings[number]
                write({"embed": number, "texts": texts})
                return await future

        client = AsyncOpenAI(
            base_url=settings["base_url"],
            api_key=settings["api_key"] or "none",
            timeout=settings["timeout_s"],
            max_retries=0,
        )
        self._llm = llm_factory(settings["model"], client=client)
        self._timeout_s = settings["timeout_s"]
        self._context = ContextRelevance(llm=self._llm, max_retries=2)
        self._grounded = ResponseGroundedness(llm=self._llm, max_retries=2)
        self._relevance = AnswerRelevancy(llm=self._llm, embeddings=ParentEmbedding(), strictness=2)

    async def score(self, message: dict[str, Any]) -> dict[str, Any]:
        question, contexts, answer = message["question"], message["contexts"], message["answer"]
        metrics = {
            "context_relevance": lambda: self._context.ascore(user_input=question, retrieved_contexts=contexts),
            "groundedness": lambda: self._grounded.ascore(response=answer, retrieved_contexts=contexts),
        }
        if message["embeds"]:
            metrics["answer_relevance"] = lambda: self._relevance.ascore(user_input=question, response=answer)
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for name, metric in metrics.items():
            value = await self._guarded(lambda metric=metric: _number(metric()))
            if isinstance(value, str):
                failures[name] = value
            else:
                values[name] = value
        return {"score": message["score"], "values": values, "failures": failures}

    async def judge(self, message: dict[str, Any]) -> dict[str, Any]:
        from ragas.metrics.collections.faithfulness.util import (
            NLIStatementInput,
            NLIStatementOutput,
            NLIStatementPrompt,
        )

        claims = message["claims_to_judge"]
        prompt = NLIStatementPrompt().to_string(NLIStatementInput(context=message["context"], statements=claims))
        output = await self._guarded(lambda: self._llm.agenerate(prompt, NLIStatementOutput))
        if isinstance(output, str):
            return {"claims": message["claims"], "failure": output}
        verdicts = [statement.verdict for statement in output.statements]
        if len(verdicts) != len(claims) or not set(verdicts) <= {0, 1}:
            return {"claims": message["claims"], "failure": f"{len(verdicts)} verdicts for {len(claims)} claims"}
        return {"claims": message["claims"], "verdicts": verdicts}

    async def _guarded(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """The result, or in words why there is none."""
        try:
            return await asyncio.wait_for(work(), self._timeout_s)
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except Exception as e:  # noqa: BLE001 (the edge of a process: any failure is a reason, never a number)
            return f"{type(e).__name__}: {e}"[:300]


async def _number(result: Awaitable[Any]) -> float:
    value = float((await result).value)
    if math.isnan(value):
        raise ValueError("the model's replies could not be read")
    return min(1.0, max(0.0, value))


if __name__ == "__main__":
    main()
