# pyright: basic, reportMissingImports=false
# This file runs in an environment of its own, which the type checker does not see.
"""Scores with ragas: JSON lines in, JSON lines out. Started by `assay_adapters.ragas_judge`, never imported.

The first line tells the server: {"base_url", "model", "api_key", "timeout_s", "parallel", "repeats"}. Then, in any
order:
    {"score": n, "question", "contexts", "answer", "reference"}  →  {"score": n, "values": {…}, "failures": {…}}
    {"claims": n, "claims_to_judge", "context"}     →  {"claims": n, "verdicts": [0 to 1, …]} or {…, "failure": "…"}
    {"vectors": n, "rows": […]}                     answers our own {"embed": n, "texts": […]}

ragas itself turns some failures into numbers: of two judges it takes the one that answered, and no question at all is a
relevance of 0. Here a metric has a value only if every reply that it asked for could be used.
"""

import asyncio
import contextvars
import itertools
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

_embeddings: dict[int, "asyncio.Future[list[list[float]]]"] = {}
_numbers = itertools.count()
_TRIES = 2
_REASON_CHARACTERS = 300
# The server does not know the way of asking for JSON that was tried.
_NOT_KNOWN = (400, 404, 415, 422, 501)
_unusable: contextvars.ContextVar[list[str]] = contextvars.ContextVar("unusable")


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
        from ragas.metrics.collections import (
            AnswerAccuracy,
            AnswerRelevancy,
            ContextPrecisionWithReference,
            ContextRecall,
            ContextRelevance,
            Faithfulness,
            ResponseGroundedness,
        )

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
        self._repeats = max(1, settings.get("repeats", 1))
        self._llm = _strict_llm(client, settings["model"], varied=self._repeats > 1)
        self._timeout_s = settings["timeout_s"]
        self._context = ContextRelevance(llm=self._llm, max_retries=1)
        self._grounded = ResponseGroundedness(llm=self._llm, max_retries=1)
        self._relevance = AnswerRelevancy(llm=self._llm, embeddings=ParentEmbedding(), strictness=2)
        self._faithful = Faithfulness(llm=self._llm)
        self._precision = ContextPrecisionWithReference(llm=self._llm)
        self._recall = ContextRecall(llm=self._llm)
        self._accuracy = AnswerAccuracy(llm=self._llm, max_retries=1)

    async def score(self, message: dict[str, Any]) -> dict[str, Any]:
        question, contexts, answer = message["question"], message["contexts"], message["answer"]
        reference = message["reference"]
        metrics = {
            "context_relevance": lambda: self._context.ascore(user_input=question, retrieved_contexts=contexts),
            "groundedness": lambda: self._grounded.ascore(response=answer, retrieved_contexts=contexts),
            "faithfulness": lambda: self._faithful.ascore(
                user_input=question, response=answer, retrieved_contexts=contexts
            ),
        }
        if reference:
            known = {"user_input": question, "reference": reference}
            metrics |= {
                "context_precision": lambda: self._precision.ascore(retrieved_contexts=contexts, **known),
                "context_recall": lambda: self._recall.ascore(retrieved_contexts=contexts, **known),
                "answer_accuracy": lambda: self._accuracy.ascore(response=answer, **known),
            }
        if message["embeds"]:
            metrics["answer_relevance"] = lambda: self._relevance.ascore(user_input=question, response=answer)
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for name, metric in metrics.items():
            found: list[float] = []
            for _ in range(self._repeats):
                value = await self._guarded(lambda metric=metric: _number(metric()))
                if isinstance(value, str):
                    failures[name] = value
                    break
                found.append(value)
            else:
                values[name] = sum(found) / len(found)
        return {"score": message["score"], "values": values, "failures": failures}

    async def judge(self, message: dict[str, Any]) -> dict[str, Any]:
        from ragas.metrics.collections.faithfulness.util import (
            NLIStatementInput,
            NLIStatementOutput,
            NLIStatementPrompt,
        )

        claims = message["claims_to_judge"]
        prompt = NLIStatementPrompt().to_string(NLIStatementInput(context=message["context"], statements=claims))
        bounded = _bounded(NLIStatementOutput, claims)
        votes: list[list[int]] = []
        for _ in range(self._repeats):
            output = await self._guarded(lambda: self._llm.agenerate(prompt, NLIStatementOutput, bounded))
            if isinstance(output, str):
                return {"claims": message["claims"], "failure": output}
            verdicts = [statement.verdict for statement in output.statements]
            if len(verdicts) != len(claims) or not set(verdicts) <= {0, 1}:
                return {"claims": message["claims"], "failure": f"{len(verdicts)} verdicts for {len(claims)} claims"}
            votes.append(verdicts)
        return {"claims": message["claims"], "verdicts": [sum(each) / len(votes) for each in zip(*votes, strict=True)]}

    async def _guarded(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """The result, or in words why there is none; a result made without one of its replies is none."""
        faults: list[str] = []
        _unusable.set(faults)
        try:
            result = await asyncio.wait_for(work(), self._timeout_s)
            return faults[0] if faults else result
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except Exception as e:  # noqa: BLE001 (the edge of a process: any failure is a reason, never a number)
            return faults[0] if faults else f"{type(e).__name__}: {e}"[:300]


def _bounded(output: Any, claims: list[str]) -> Any:
    """ragas' form of verdicts with an end: as many as there are claims, and no text longer than it need be.

    A small model that is held to a schema without an end writes on and on.
    """
    from typing import Literal

    from pydantic import Field, create_model

    longest = max(map(len, claims))
    verdict = create_model(
        "Verdict",
        statement=(str, Field(max_length=longest + 20, description="the original statement, word-by-word")),
        reason=(str, Field(max_length=_REASON_CHARACTERS, description="the reason of the verdict")),
        verdict=(Literal[0, 1], Field(description="the verdict(0/1) of the faithfulness")),
    )
    statements = (list[verdict], Field(min_length=len(claims), max_length=len(claims)))
    return create_model(output.__name__, statements=statements)


def _strict_llm(client: Any, model: str, *, varied: bool) -> Any:
    """ragas' language model, with the tightest output constraint that the server takes, and no failure forgotten."""
    import instructor
    from openai import APIStatusError
    from ragas.llms.base import InstructorBaseRagasLLM, InstructorLLM, InstructorModelArgs

    # Repeats of a model that always says the same would show no spread.
    arguments = InstructorModelArgs(temperature=0.7, top_p=0.95) if varied else InstructorModelArgs(temperature=0.0)
    modes = [instructor.Mode.JSON_SCHEMA, instructor.Mode.JSON, instructor.Mode.MD_JSON]

    class StrictLLM(InstructorBaseRagasLLM):
        def __init__(self) -> None:
            self._inner = self._with(modes.pop(0))
            self._bounds = True
            self.is_async = True

        def generate(self, prompt: str, response_model: Any) -> Any:
            raise NotImplementedError

        async def agenerate(self, prompt: str, response_model: Any, bounded: Any = None) -> Any:
            """`bounded` is `response_model` with limits, for servers whose constraint knows them."""
            faults: list[str] = []
            while len(faults) < _TRIES:
                limits = bounded is not None and self._bounds
                try:
                    output = await self._inner.agenerate(prompt, bounded if limits else response_model)
                except Exception as e:  # noqa: BLE001 (whatever the server or the parser says is a reason)
                    if (limits or modes) and _not_known(e, APIStatusError):
                        if limits:
                            self._bounds = False
                        else:
                            self._inner = self._with(modes.pop(0))
                        continue
                    faults.append(f"{type(e).__name__}: {e}"[:300])
                else:
                    if not (wrong := _wrong(output)):
                        return output
                    faults.append(wrong)
            fault = faults[-1]
            _unusable.get().append(fault)
            raise ValueError(fault)

        def _with(self, mode: Any) -> Any:
            patched = instructor.from_openai(client, mode=mode)
            return InstructorLLM(patched, model, "openai", arguments, max_retries=1)

    return StrictLLM()


def _not_known(error: BaseException, kind: Any) -> bool:
    """Whether the server refused the way of asking; a text that is too long for the model, it would refuse anyhow."""
    refusal = _behind(error, kind)
    return getattr(refusal, "status_code", None) in _NOT_KNOWN and "context length" not in str(refusal)


def _behind(error: BaseException | None, kind: Any) -> BaseException | None:
    """The error of this kind behind an error, however deep."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, kind):
            return current
        attempts = getattr(current, "failed_attempts", None) or []
        todo += [current.__cause__, current.__context__, *(getattr(a, "exception", None) for a in attempts)]
    return None


def _wrong(output: Any) -> str:
    """What of a well-formed reply cannot be used; empty if nothing."""
    ratings = (0, 2, 4) if type(output).__name__ == "AnswerAccuracyOutput" else (0, 1, 2)
    rating, question = getattr(output, "rating", 0), getattr(output, "question", "asked")
    if rating not in ratings:
        return f"the rating {rating!r} is none of {', '.join(map(str, ratings))}"
    if not question.strip():
        return "the model gave no question"
    parts = [output, *(part for name in ("statements", "classifications") for part in getattr(output, name, ()))]
    for part, name in itertools.product(parts, ("verdict", "attributed")):
        if getattr(part, name, 0) not in (0, 1):
            return f"the {name} {getattr(part, name)!r} is none of 0, 1"
    return ""


async def _number(result: Awaitable[Any]) -> float:
    value = float((await result).value)
    if math.isnan(value):
        raise ValueError("the model's replies could not be read")
    return min(1.0, max(0.0, value))


if __name__ == "__main__":
    main()
