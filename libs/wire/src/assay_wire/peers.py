"""Clients of our own services. They implement the ports that the services serve."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from urllib.parse import quote, urlencode

import httpx
from assay_core.ab_tests import ABPlan, ABTest
from assay_core.answers import AnswerEvent, AnswerRequest
from assay_core.errors import Exhausted, Unavailable
from assay_core.evaluation import EvaluationRun, NightReport
from assay_core.experiments import Baseline, Experiment, GateDecision, Promotion
from assay_core.index_generations import GenerationComparison
from assay_core.principals import Principal
from assay_core.search import CacheExplanation, SearchRequest, SearchResult

from assay_wire import internal, problems, sse

MintToken = Callable[[Principal], str]
"""Makes the short-lived signed token by which a peer knows who asks."""


class Peer:
    """HTTP to one service of ours, with the principal's token and the remaining time on every request.

    Args:
        name: the service, for messages.
        base_url: where it listens.
        token: makes the principal token; the gateway mints, others pass on what they got.
    """

    def __init__(self, *, name: str, base_url: str, token: MintToken, client: httpx.AsyncClient | None = None) -> None:
        self._name = name
        self._token = token
        self._client = client or httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(30, connect=2),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
            trust_env=False,
        )

    async def post(self, principal: Principal, path: str, body: bytes, *, deadline_s: float) -> bytes:
        """POST JSON and return the answer's bytes. Raises the peer's own error, `Unavailable` or `Exhausted`."""
        return await self._send("POST", principal, path, body, deadline_s)

    async def get(self, principal: Principal, path: str, *, deadline_s: float = 10.0) -> bytes:
        """GET and return the answer's bytes; errors as in `post`."""
        return await self._send("GET", principal, path, b"", deadline_s)

    async def put(self, principal: Principal, path: str, body: bytes, *, deadline_s: float = 10.0) -> bytes:
        """PUT JSON and return the answer's bytes; errors as in `post`."""
        return await self._send("PUT", principal, path, body, deadline_s)

    async def _send(self, method: str, principal: Principal, path: str, body: bytes, deadline_s: float) -> bytes:
        async with self._open(method, principal, path, body, deadline_s) as response:
            return await response.aread()

    async def stream(
        self, principal: Principal, path: str, body: bytes, *, deadline_s: float
    ) -> AsyncIterator[sse.ServerEvent]:
        """POST JSON and read server-sent events; closing the iterator closes the connection."""
        async with self._open("POST", principal, path, body, deadline_s) as response:
            try:
                async for event in sse.decode(response.aiter_bytes()):
                    yield event
            except httpx.TransportError as error:
                raise Unavailable(
                    f"The {self._name} service broke off in the middle.", code=f"{self._name}_broke_off"
                ) from error

    async def is_ready(self) -> bool:
        """Whether the service says that it is ready."""
        return (await self.readiness())[0]

    async def readiness(self) -> tuple[bool, str]:
        """Whether the service says that it is ready, and what it misses if not."""
        try:
            answer = await self._client.get("/readyz", timeout=2)
        except httpx.HTTPError:
            return False, f"The {self._name} service cannot be reached."
        if answer.status_code == 200:
            return True, ""
        checks = _json(answer.content).get("checks")
        bad = [c for c in checks.items() if not _is_ok(c[1])] if isinstance(checks, dict) else []
        return False, "; ".join(f"{name}: {_detail(check)}" for name, check in bad) or "It is not ready."

    async def aclose(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def _open(
        self, method: str, principal: Principal, path: str, body: bytes, deadline_s: float
    ) -> AsyncGenerator[httpx.Response]:
        request = self._client.build_request(
            method,
            path,
            content=body,
            headers={
                "Authorization": f"Bearer {self._token(principal)}",
                "Content-Type": "application/json",
                internal.DEADLINE_HEADER: str(int(deadline_s * 1000)),
            },
            timeout=httpx.Timeout(max(deadline_s, 0.001) + 0.5, connect=2),
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TimeoutException as error:
            raise Exhausted(
                f"The {self._name} service did not answer within {deadline_s:.1f} s.", code="deadline"
            ) from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"The {self._name} service cannot be reached.", code=f"{self._name}_unavailable", retry_after_s=5
            ) from error
        try:
            if response.status_code == 401:
                # The caller has shown who they are; it is our token that is refused.
                raise Unavailable(
                    f"The {self._name} service refuses our token; check that both use the keys of one pair and that"
                    " their clocks agree.",
                    code=f"{self._name}_refused",
                )
            if response.status_code >= 400:
                raise problems.to_error(response.status_code, _json(await response.aread()))
            yield response
        finally:
            await response.aclose()


class RetrievalClient:
    """The `Retriever` port over HTTP, with the embedding and cache calls beside it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        raw = await self.peer.post(
            principal,
            internal.SEARCH,
            internal.search_request.dump_json(request),
            deadline_s=request.deadline_s,
        )
        return internal.search_result.validate_json(raw)

    async def embed(self, principal: Principal, texts: Sequence[str], *, kind: str) -> internal.EmbedResult:
        request = internal.EmbedRequest(tuple(texts), kind)
        raw = await self.peer.post(
            principal, internal.EMBED, internal.embed_request.dump_json(request), deadline_s=30.0
        )
        return internal.embed_result.validate_json(raw)

    async def check_index(
        self, principal: Principal, check: internal.IndexCheck, *, deadline_s: float
    ) -> internal.IndexReport:
        """Compare the dense index with a search through every vector. Raises `Exhausted` if that takes longer."""
        raw = await self.peer.post(
            principal, internal.INDEX_CHECK, internal.index_check.dump_json(check), deadline_s=deadline_s
        )
        return internal.index_report.validate_json(raw)

    async def sample_vectors(self, principal: Principal, sample: internal.VectorSample) -> internal.Vectors:
        raw = await self.peer.post(
            principal, internal.VECTOR_SAMPLE, internal.vector_sample.dump_json(sample), deadline_s=30.0
        )
        return internal.vectors.validate_json(raw)

    async def cached_answer(self, principal: Principal, lookup: internal.CacheLookup) -> internal.CacheReply:
        raw = await self.peer.post(
            principal, internal.CACHE_LOOKUP, internal.cache_lookup.dump_json(lookup), deadline_s=2.0
        )
        return internal.cache_reply.validate_json(raw)

    async def cache_answer(self, principal: Principal, entry: internal.CacheStore) -> None:
        await self.peer.post(principal, internal.CACHE_STORE, internal.cache_store.dump_json(entry), deadline_s=2.0)

    async def compare_generations(
        self, principal: Principal, check: internal.GenerationCheck, *, deadline_s: float
    ) -> GenerationComparison:
        """How the generation beside the active index compares with it."""
        body = internal.generation_check.dump_json(check)
        raw = await self.peer.post(principal, internal.GENERATION_CHECK, body, deadline_s=deadline_s)
        return internal.generation_comparison.validate_json(raw)

    async def explain_cache(self, principal: Principal, request: SearchRequest) -> CacheExplanation:
        """Why this search would be answered from the cache, or not."""
        raw = await self.peer.post(
            principal,
            internal.CACHE_EXPLAIN,
            internal.search_request.dump_json(request),
            deadline_s=request.deadline_s,
        )
        return internal.cache_explanation.validate_json(raw)


class GenerationClient:
    """The `Generator` port over HTTP."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def answer(self, principal: Principal, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        body = internal.answer_request.dump_json(request)
        async for event in self.peer.stream(principal, internal.ANSWER, body, deadline_s=request.deadline_s):
            yield internal.event_from_wire(event)

    async def generator(self, principal: Principal) -> internal.GeneratorState:
        """Whether the chat model behind the service answers."""
        raw = await self.peer.get(principal, internal.GENERATOR, deadline_s=3.0)
        return internal.generator_state.validate_json(raw)


class EvaluationClient:
    """Evaluation runs over HTTP. Collections are named by id."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def start(self, principal: Principal, request: internal.RunRequest) -> EvaluationRun:
        body = internal.run_request.dump_json(request)
        return internal.evaluation_run.validate_json(
            await self.peer.post(principal, internal.RUNS, body, deadline_s=10.0)
        )

    async def runs(self, principal: Principal, *, collection_id: str | None, limit: int) -> internal.RunList:
        """Newest first; of one collection, or of all that the principal may read."""
        query = {"limit": str(limit)} | ({"collection": collection_id} if collection_id else {})
        raw = await self.peer.get(principal, f"{internal.RUNS}?{urlencode(query)}")
        return internal.run_list.validate_json(raw)

    async def run(self, principal: Principal, run: str) -> internal.RunDetail:
        raw = await self.peer.get(principal, f"{internal.RUNS}/{quote(run, safe='')}")
        return internal.run_detail.validate_json(raw)

    async def nights(self, principal: Principal, *, collection_id: str | None, limit: int) -> internal.NightList:
        """Closed nights, newest first; of one collection, or of all that the principal may read."""
        query = {"limit": str(limit)} | ({"collection": collection_id} if collection_id else {})
        raw = await self.peer.get(principal, f"{internal.NIGHTS}?{urlencode(query)}")
        return internal.night_list.validate_json(raw)

    async def night(self, principal: Principal, collection_id: str, night: date) -> NightReport:
        path = f"{internal.NIGHTS}/{quote(collection_id, safe='')}/{night.isoformat()}"
        return internal.night.validate_json(await self.peer.get(principal, path))

    async def begin_night(self, principal: Principal, collection_id: str) -> internal.RunList:
        """Have this day's night begin now. Raises `Conflict` if it has been."""
        path = f"{internal.NIGHTS}/{quote(collection_id, safe='')}"
        return internal.run_list.validate_json(await self.peer.post(principal, path, b"", deadline_s=10.0))

    async def compare(self, principal: Principal, *, baseline: str, run: str) -> Experiment:
        """A run against another one of the same collection and golden set."""
        raw = await self.peer.get(
            principal, f"{internal.COMPARE}?{urlencode({'baseline': baseline, 'run': run})}", deadline_s=30.0
        )
        return internal.experiment.validate_json(raw)

    async def gate(self, principal: Principal, *, baseline: str, run: str) -> GateDecision:
        """A run against the baseline of this name in its collection."""
        raw = await self.peer.get(
            principal, f"{internal.GATE}?{urlencode({'baseline': baseline, 'run': run})}", deadline_s=30.0
        )
        return internal.gate_decision.validate_json(raw)

    async def baselines(self, principal: Principal) -> list[Baseline]:
        """Every baseline that the principal may see."""
        return internal.baselines.validate_json(await self.peer.get(principal, internal.BASELINES))

    async def name_baseline(self, principal: Principal, *, name: str, run: str) -> Baseline:
        """Give a run a name, in place of the one that had it in its collection."""
        path = f"{internal.BASELINES}/{quote(name, safe='')}?{urlencode({'run': run})}"
        return internal.baseline.validate_json(await self.peer.put(principal, path, b""))

    async def promote(self, principal: Principal, request: internal.PromotionRequest) -> Promotion:
        """Let a run's collection answer as the run did."""
        body = internal.promotion_request.dump_json(request)
        raw = await self.peer.post(principal, internal.PROMOTIONS, body, deadline_s=30.0)
        return internal.promotion.validate_json(raw)

    async def start_ab_test(self, principal: Principal, plan: ABPlan) -> ABTest:
        """Try a run's way to answer on a share of the live questions."""
        body = internal.ab_plan.dump_json(plan)
        return internal.ab_test.validate_json(await self.peer.post(principal, internal.AB_TESTS, body, deadline_s=30.0))

    async def ab_tests(self, principal: Principal, *, collection_id: str | None, limit: int) -> internal.ABTestList:
        """Newest first; of one collection, or of all that the principal may read."""
        query = {"limit": str(limit)} | ({"collection": collection_id} if collection_id else {})
        raw = await self.peer.get(principal, f"{internal.AB_TESTS}?{urlencode(query)}")
        return internal.ab_test_list.validate_json(raw)

    async def ab_test(self, principal: Principal, test: str) -> ABTest:
        raw = await self.peer.get(principal, f"{internal.AB_TESTS}/{quote(test, safe='')}")
        return internal.ab_test.validate_json(raw)

    async def stop_ab_test(self, principal: Principal, test: str, *, reason: str) -> ABTest:
        """Answer all questions as before. Raises `Conflict` if the test has ended."""
        body = internal.stop_ab_test.dump_json(internal.StopABTest(reason))
        path = f"{internal.AB_TESTS}/{quote(test, safe='')}/stop"
        return internal.ab_test.validate_json(await self.peer.post(principal, path, body, deadline_s=10.0))


def _json(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_ok(check: object) -> bool:
    return isinstance(check, dict) and bool(check.get("ok"))


def _detail(check: object) -> str:
    return str(check.get("detail", "")) if isinstance(check, dict) else ""
