"""The model server is dead, frozen, silent, slow, full, talks nonsense or breaks off; the client goes away.

The generation service runs on a socket, against a model server on another one.
"""

import asyncio
import random
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
import uvicorn
from assay_adapters.openai_chat import OpenAIChat
from assay_core.answers import AnswerEvent, AnswerRequest, Done, Failed, Outcome, Retrieved, Token
from assay_core.documents import TenantId
from assay_core.errors import Exhausted, Invalid, NotFound
from assay_core.principals import Principal
from assay_core.search import CacheUse
from assay_generation.breaker import ChatBreaker
from assay_generation.generator import DocumentGenerator
from assay_generation.routes import build_routes
from assay_generation.testing import ASKER, COLLECTION, House
from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.tokens import TokenMinter, TokenVerifier
from assay_testing.fake_retriever import FakeRetriever
from assay_testing.fake_vllm import FakeVllm, Mode
from assay_wire import internal
from assay_wire.peers import GenerationClient, Peer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

pytestmark = pytest.mark.integration

KEY = Ed25519PrivateKey.generate()
MINT = TokenMinter(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), issuer="gateway")
VERIFY = TokenVerifier(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
SLACK_S = 3.0  # a busy machine is late; the server behind these tests would be silent for longer
QUESTION = "How much do bicycles cost?"
LONG = " ".join(["Bicycles cost 3 pounds."] * 200)


@contextmanager
def serving(generator: DocumentGenerator, chat: OpenAIChat) -> Generator[str]:
    """The generation service's routes on a free port."""

    async def state() -> internal.GeneratorState:
        return internal.GeneratorState(await chat.ready())

    app = build_app(title="generation", checks={})
    caller = caller_dependency(VERIFY, default_deadline_s=30.0)
    app.include_router(build_routes(generator=generator, chat_state=state, caller=caller, heartbeat_s=0.2))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@pytest.fixture
def vllm() -> Generator[FakeVllm]:
    with FakeVllm("Bicycles cost 3 pounds. [2]") as fake:
        yield fake


class Service:
    """The service and its client."""

    def __init__(self, url: str, house: House) -> None:
        self.url = url
        self.house = house
        self.client = GenerationClient(Peer(name="generation", base_url=url, token=MINT))

    def ask(
        self, *, deadline_s: float = 20.0, question: str = "How much do bicycles cost?"
    ) -> AsyncIterator[AnswerEvent]:
        request = AnswerRequest(COLLECTION, question, cache=CacheUse.BYPASS, max_tokens=1_000, deadline_s=deadline_s)
        return self.client.answer(ASKER, request)

    async def events(
        self, *, deadline_s: float = 20.0, question: str = "How much do bicycles cost?"
    ) -> list[AnswerEvent]:
        return [event async for event in self.ask(deadline_s=deadline_s, question=question)]


@asynccontextmanager
async def service(vllm: FakeVllm, *, places: int = 64, stall_s: float = 0.5) -> AsyncGenerator[Service]:
    # The adapter's connections belong to the loop of the server's thread, where all requests are made.
    chat = OpenAIChat(base_url=vllm.url, model=vllm.model, api_key="k", connect_timeout_s=0.5)
    house = House(model=chat, places=places, stall_s=stall_s)
    with serving(house.generator(), chat) as url:
        yield Service(url, house)


def assert_sources_and_failure(events: list[AnswerEvent], *codes: str) -> Failed:
    assert isinstance(events[0], Retrieved)
    assert len(events[0].hits) == 2
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.code in codes
    assert failed.status == 503
    assert failed.retry_after_s
    return failed


async def test_a_good_server_gives_a_cited_answer(vllm: FakeVllm) -> None:
    async with service(vllm) as it:
        events = await it.events()
    assert isinstance(events[-1], Done)
    assert events[-1].answer.text == "Bicycles cost 3 pounds. [1]"
    assert events[-1].answer.usage is not None
    assert vllm.requests[0]["model"] == "fake-model"
    assert vllm.closed_at == []


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
async def test_bytes_may_be_cut_anywhere(vllm: FakeVllm, size: int) -> None:
    vllm.reply, vllm.chunk_bytes = "Bicycles cost 3 pounds【2】. Staff receive 28 days [1].", size
    async with service(vllm) as it:
        events = await it.events()
    assert isinstance(events[-1], Done)
    assert events[-1].answer.text == "Bicycles cost 3 pounds. [1] Staff receive 28 days. [2]"


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        ("loading", ["generator_unavailable"]),
        ("full", ["generator_unavailable"]),
        ("frozen", ["generator_unavailable"]),
        ("silent", ["generator_unavailable"]),
        ("garbage", ["generator_failed", "generator_broke_off"]),
        ("error", ["generator_failed"]),
        ("cut", ["generator_broke_off", "generator_unavailable"]),
    ],
)
async def test_bad_server_leaves_the_sources_and_a_typed_end(vllm: FakeVllm, mode: Mode, codes: list[str]) -> None:
    vllm.mode = mode
    async with service(vllm) as it:
        begun = time.monotonic()
        assert_sources_and_failure(await it.events(), *codes)
    assert time.monotonic() - begun < 3


async def test_dead_server_leaves_the_sources(vllm: FakeVllm) -> None:
    async with service(vllm) as it:
        vllm.stop()
        assert_sources_and_failure(await it.events(), "generator_unavailable")
        state = await it.client.generator(ASKER)
    assert state.ready is False


async def test_server_that_dies_in_the_middle_leaves_a_typed_end(vllm: FakeVllm) -> None:
    vllm.reply, vllm.words_per_s = LONG, 50.0
    async with service(vllm) as it:
        events: list[AnswerEvent] = []
        async for event in it.ask():
            events.append(event)
            if isinstance(event, Token):
                vllm.stop()
    assert_sources_and_failure(events, "generator_broke_off", "generator_unavailable")


async def test_one_token_in_ten_seconds_ends_at_the_deadline_with_the_sources(vllm: FakeVllm) -> None:
    vllm.mode = "slow"
    async with service(vllm, stall_s=30.0) as it:
        begun = time.monotonic()
        events = await it.events(deadline_s=1.0)
    assert time.monotonic() - begun < 1.0 + SLACK_S
    assert_sources_and_failure(events, "generator_too_slow")


@pytest.mark.parametrize("deadline_s", [0.5, 2.0])
async def test_deadline_is_kept_when_the_server_is_frozen(vllm: FakeVllm, deadline_s: float) -> None:
    vllm.mode = "frozen"
    async with service(vllm, stall_s=30.0) as it:
        begun = time.monotonic()
        await it.events(deadline_s=deadline_s)
    assert time.monotonic() - begun < deadline_s + SLACK_S


async def test_nonsense_is_not_shown(vllm: FakeVllm) -> None:
    vllm.reply = "lorem ![x](https://evil.example/?q=1) ipsum [99] \u202e dolor \x00 sit."
    async with service(vllm) as it:
        events = await it.events()
    assert isinstance(events[-1], Done)
    assert events[-1].answer.text == "“Bicycles cost 3 pounds.” [1]"
    assert events[-1].answer.finish_reason == "extractive"


async def test_server_that_keeps_failing_is_left_alone_for_a_while(vllm: FakeVllm) -> None:
    now = [0.0]
    chat = OpenAIChat(base_url=vllm.url, model=vllm.model)
    house = House(model=ChatBreaker(chat, now=lambda: now[0]))
    vllm.mode = "loading"
    for _ in range(6):
        await house.failure(cache=CacheUse.BYPASS)
    assert len(vllm.requests) == 3
    now[0] = 6.0
    vllm.mode = "ok"
    assert (await house.answer(cache=CacheUse.BYPASS)).outcome is Outcome.ANSWERED
    assert len(vllm.requests) == 4
    await chat.aclose()


async def test_errors_before_the_stream_are_statuses(vllm: FakeVllm) -> None:
    async with service(vllm) as it:
        with pytest.raises(Invalid):
            await it.events(question=" ")
        with pytest.raises(Invalid) as caught:
            await it.events(question="x" * 100_000)
        assert caught.value.code == "question_too_long"
        async with httpx.AsyncClient(base_url=it.url) as client:
            assert (await client.post(internal.ANSWER, content=b"{}")).status_code == 401
            headers = {"Authorization": f"Bearer {MINT(ASKER)}"}
            assert (await client.post(internal.ANSWER, content=b"{]", headers=headers)).status_code == 422
            assert (await client.post(internal.ANSWER, content=b"x" * 2_000_000, headers=headers)).status_code == 413
    assert vllm.requests == []
    house = House(retriever=FakeRetriever(NotFound("There is no collection.", code="collection_not_found")))
    with serving(house.generator(), OpenAIChat(base_url=vllm.url, model="m")) as url, pytest.raises(NotFound):
        await Service(url, house).events()


async def test_tenant_is_said_by_the_token_alone(vllm: FakeVllm) -> None:
    async with service(vllm) as it:
        stranger = Principal(TenantId("other"), "u1", "User", frozenset({"reader"}))
        stream = it.client.answer(stranger, AnswerRequest(COLLECTION, QUESTION, cache=CacheUse.BYPASS))
        await anext(stream)
        assert isinstance(stream, AsyncGenerator)
        await stream.aclose()
        _, search = it.house.retriever.requests[0]
    assert search.collection.tenant == "other"


async def test_more_than_there_is_room_for_is_refused_at_once(vllm: FakeVllm) -> None:
    vllm.mode = "silent"
    async with service(vllm, places=2, stall_s=30.0) as it:
        streams = [it.ask(), it.ask()]
        for stream in streams:
            await anext(stream)
        begun = time.monotonic()
        with pytest.raises(Exhausted) as caught:
            await it.events()
        assert time.monotonic() - begun < SLACK_S
        assert (caught.value.code, caught.value.retry_after_s) == ("busy", 3.0)
        for stream in streams:
            assert isinstance(stream, AsyncGenerator)
            await stream.aclose()
        await asyncio.sleep(0.3)
        vllm.mode = "ok"
        assert isinstance((await it.events())[-1], Done)


async def leave(it: Service, vllm: FakeVllm, *, after_s: float) -> float:
    """Ask, wait until the model is at work and a little longer, and cut the connection. Returns the moment."""
    asked = len(vllm.requests)
    asking = AnswerRequest(COLLECTION, QUESTION, cache=CacheUse.BYPASS, max_tokens=1_000)
    request = internal.answer_request.dump_json(asking)
    async with httpx.AsyncClient(base_url=it.url, timeout=10) as client:
        headers = {"Authorization": f"Bearer {MINT(ASKER)}"}
        async with client.stream("POST", internal.ANSWER, content=request, headers=headers):
            while len(vllm.requests) == asked:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.005)
            await asyncio.sleep(after_s)
    return time.monotonic()


@pytest.mark.parametrize(
    ("mode", "times"),
    [("ok", 8), ("silent", 4), ("frozen", 4), pytest.param("ok", 200, marks=pytest.mark.nightly)],
)
async def test_model_server_sees_the_client_leave_within_a_second(vllm: FakeVllm, mode: Mode, times: int) -> None:
    vllm.mode, vllm.reply, vllm.words_per_s = mode, LONG, 40.0
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    async with service(vllm, stall_s=30.0) as it:
        delays: list[float] = []
        for number in range(times):
            left = await leave(it, vllm, after_s=dice.uniform(0.0, 0.4))
            while len(vllm.closed_at) <= number and time.monotonic() - left < 3:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.01)
            assert len(vllm.closed_at) == number + 1
            delays.append(vllm.closed_at[-1] - left)
        assert vllm.running == 0
    print("upstream closed after s:", [round(delay, 3) for delay in delays])
    assert max(delays) <= 1.0
