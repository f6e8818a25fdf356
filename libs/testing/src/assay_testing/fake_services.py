"""Services of ours with fakes inside, as ASGI applications: peers for tests of whoever calls them."""

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from assay_core.answers import AnswerEvent
from assay_core.errors import AssayError, NotFound
from assay_core.evaluation import NightReport
from assay_core.index_generations import GenerationComparison
from assay_core.ports import Generator, Retriever
from assay_core.principals import Principal
from assay_runtime.tokens import TokenVerifier
from assay_wire import internal, problems, sse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def retrieval_service(retriever: Retriever, verify: TokenVerifier, *, embedding_model: str = "fake") -> Starlette:
    """Search by `retriever`; embeddings that hold each text's length."""

    async def search(request: Request) -> Response:
        asked = internal.search_request.validate_json(await request.body())
        result = await retriever.search(_who(request, verify), asked)
        return _json(internal.search_result.dump_json(result))

    async def embed(request: Request) -> Response:
        _who(request, verify)
        asked = internal.embed_request.validate_json(await request.body())
        vectors = tuple((float(len(text)), 0.5) for text in asked.texts)
        return _json(internal.embed_result.dump_json(internal.EmbedResult(embedding_model, vectors, len(vectors))))

    async def compare(request: Request) -> Response:
        """An index that loses a little, on each golden set."""
        _who(request, verify)
        asked = internal.generation_check.validate_json(await request.body())
        at = datetime(2026, 11, 24, tzinfo=UTC)
        found = GenerationComparison(asked.dataset or "first", min(40, asked.most), 0.81, 0.8, -0.018, 0.004, at)
        return _json(internal.generation_comparison.dump_json(found))

    return _service(
        Route(internal.SEARCH, search, methods=["POST"]),
        Route(internal.EMBED, embed, methods=["POST"]),
        Route(internal.GENERATION_CHECK, compare, methods=["POST"]),
    )


def generation_service(generator: Generator, verify: TokenVerifier, *, generator_ready: bool = True) -> Starlette:
    """Answers by `generator`."""

    async def answer(request: Request) -> Response:
        asked = internal.answer_request.validate_json(await request.body())
        stream = generator.answer(_who(request, verify), asked)
        first = await anext(stream)
        return StreamingResponse(_encoded(first, stream), media_type=sse.MEDIA_TYPE)

    async def state(request: Request) -> Response:
        _who(request, verify)
        detail = "" if generator_ready else "the model is loading"
        return _json(internal.generator_state.dump_json(internal.GeneratorState(generator_ready, detail)))

    return _service(Route(internal.ANSWER, answer, methods=["POST"]), Route(internal.GENERATOR, state))


class FakeEvaluation:
    """Runs in a dictionary."""

    def __init__(self) -> None:
        self.details: dict[str, internal.RunDetail] = {}
        self.requests: list[tuple[Principal, internal.RunRequest]] = []
        self.nights: list[NightReport] = []
        self.begun: list[str] = []
        self.starts: Callable[[internal.RunRequest], internal.RunDetail] | None = None


def evaluation_service(evaluation: FakeEvaluation, verify: TokenVerifier) -> Starlette:
    """Evaluation by `evaluation`; `starts` makes the run for a request."""

    async def start(request: Request) -> Response:
        asked = internal.run_request.validate_json(await request.body())
        evaluation.requests.append((_who(request, verify), asked))
        assert evaluation.starts is not None
        made = evaluation.starts(asked)
        evaluation.details[made.run.id] = made
        return _json(internal.evaluation_run.dump_json(made.run), 202)

    async def listing(request: Request) -> Response:
        _who(request, verify)
        wanted = request.query_params.get("collection")
        runs = [d.run for d in evaluation.details.values() if wanted in (None, d.run.collection)]
        limit = int(request.query_params["limit"])
        return _json(internal.run_list.dump_json(internal.RunList(tuple(runs[:limit]))))

    async def one(request: Request) -> Response:
        _who(request, verify)
        found = evaluation.details.get(request.path_params["run"])
        if found is None:
            raise NotFound("There is no such run.", code="run_not_found")
        return _json(internal.run_detail.dump_json(found))

    async def nights(request: Request) -> Response:
        _who(request, verify)
        wanted = request.query_params.get("collection")
        found = tuple(n for n in evaluation.nights if wanted in (None, n.collection))
        return _json(internal.night_list.dump_json(internal.NightList(found)))

    async def night(request: Request) -> Response:
        _who(request, verify)
        place = request.path_params["collection"], request.path_params["night"]
        found = next((n for n in evaluation.nights if (n.collection, n.night.isoformat()) == place), None)
        if found is None:
            raise NotFound("There is no such night.", code="night_not_found")
        return _json(internal.night.dump_json(found))

    async def begin_night(request: Request) -> Response:
        _who(request, verify)
        evaluation.begun.append(request.path_params["collection"])
        return _json(internal.run_list.dump_json(internal.RunList(())), 202)

    return _service(
        Route(internal.RUNS, start, methods=["POST"]),
        Route(internal.RUNS, listing, methods=["GET"]),
        Route(internal.RUNS + "/{run}", one),
        Route(internal.NIGHTS, nights, methods=["GET"]),
        Route(internal.NIGHTS + "/{collection}", begin_night, methods=["POST"]),
        Route(internal.NIGHTS + "/{collection}/{night}", night),
    )


def _service(*routes: Route) -> Starlette:
    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": True, "checks": {}})

    return Starlette(routes=[*routes, Route("/readyz", ready)], exception_handlers={AssayError: _problem})


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, AssayError)
    body = problems.from_error(error)
    return JSONResponse(body.model_dump(exclude_none=True), status_code=body.status, media_type=problems.MEDIA_TYPE)


async def _encoded(first: AnswerEvent, rest: AsyncIterator[AnswerEvent]) -> AsyncIterator[bytes]:
    number = 1
    yield sse.encode(internal.event_to_wire(first, number))
    async for event in rest:
        number += 1
        yield sse.encode(internal.event_to_wire(event, number))


def _who(request: Request, verify: TokenVerifier) -> Principal:
    return verify(request.headers["authorization"].removeprefix("Bearer "))


def _json(raw: bytes, status: int = 200) -> Response:
    return Response(raw, status_code=status, media_type="application/json")
