"""The client that the gateway uses against the routes that generation serves."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx
import pytest
from assay_core.answers import (
    Answer,
    AnswerEvent,
    AnswerRequest,
    Citation,
    Cited,
    Claim,
    Done,
    Failed,
    Judged,
    Outcome,
    Retrieved,
    Token,
    TokenUsage,
    Turn,
    Verdict,
)
from assay_core.documents import ChunkId, CollectionId, DocumentId, TenantId
from assay_core.errors import AssayError, Exhausted, Invalid, NotFound, Unavailable
from assay_core.principals import Principal
from assay_core.search import CacheUse, Degradation, Hit, Scorer
from assay_generation.routes import build_routes
from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.tokens import TokenMinter, TokenVerifier
from assay_testing.fake_generator import FakeGenerator
from assay_wire import internal
from assay_wire.peers import GenerationClient, Peer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

TENANT = TenantId("acme")
WHO = Principal(TENANT, "ada", "Ada", frozenset({"reader"}))
CHUNK, DOCUMENT = ChunkId(TENANT, "c" * 32), DocumentId(TENANT, "d" * 32)
QUOTE = "Zwölf days.\u2028\x85\n\U0001f334"
HIT = Hit(1, CHUNK, DOCUMENT, "leave.md", 2, "Leave", QUOTE, 3, 3 + len(QUOTE), 4, ("A",), 0.5, Scorer.RRF, 0.7)
CITATION = Citation(1, CHUNK, DOCUMENT, "leave.md", 2, 4, ("A",), 3, 3 + len(QUOTE), QUOTE, "attributed")
CLAIM = Claim(0, 5, Verdict.UNVERIFIED, None, (1,))
ANSWER = Answer(
    "a" * 32,
    "how many?",
    "Zwölf\u2028 [1]",
    Outcome.PARTLY_SUPPORTED,
    (CITATION,),
    (CLAIM,),
    (HIT,),
    "smol",
    "answer/1",
    TokenUsage(5, 2),
    {"search": 1.25},
    (Degradation("reranker", "skipped", "off"),),
    "miss",
    "length",
)
EVENTS: tuple[AnswerEvent, ...] = (
    Retrieved((HIT,), {"search": 1.0}, (Degradation("a", "b", "c"),)),
    Token("Zwölf\u2028"),
    Token(""),
    Cited(CITATION),
    Judged(CLAIM),
    Done(ANSWER),
)
ASKED = AnswerRequest(
    CollectionId(TENANT, "e" * 32),
    "how many?",
    (Turn("user", "hi"),),
    3,
    9,
    0.5,
    ("\n",),
    CacheUse.BYPASS,
    deadline_s=4.0,
)


class Door:
    """The gateway's client of a generation service that plays the given events."""

    def __init__(self) -> None:
        self.generator = FakeGenerator(EVENTS)
        self.state = internal.GeneratorState(False, "the model is loading")
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        app = build_app(title="generation", checks={})
        app.include_router(
            build_routes(
                generator=cast(Any, self),
                chat_state=self.chat_state,
                caller=caller_dependency(TokenVerifier(public), default_deadline_s=10),
            )
        )
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://generation")
        peer = Peer(name="generation", base_url="", token=TokenMinter(pem, issuer="gateway"), client=http)
        self.client = GenerationClient(peer)

    def answer(self, who: Principal, asked: AnswerRequest) -> Any:
        return self.generator.answer(who, asked)

    async def chat_state(self) -> internal.GeneratorState:
        return self.state

    async def events(self) -> list[AnswerEvent]:
        return [event async for event in self.client.answer(WHO, ASKED)]


@pytest.fixture
async def door() -> AsyncGenerator[Door]:
    made = Door()
    yield made
    await made.client.peer.aclose()


async def test_every_event_comes_as_it_was_made(door: Door) -> None:
    assert await door.events() == list(EVENTS)
    assert door.generator.requests == [(WHO, ASKED)]


async def test_a_failed_event_comes_whole(door: Door) -> None:
    events = (EVENTS[0], Failed("generator_unavailable", "It is loading.", 503, 7.5))
    door.generator = FakeGenerator(events)
    assert await door.events() == list(events)


@pytest.mark.parametrize(
    "error",
    [
        NotFound("There is no collection.", code="collection_not_found"),
        Invalid("Empty.", code="empty_question"),
        Unavailable("No index.", code="retrieval_unavailable", retry_after_s=2),
        Exhausted("Full.", code="busy", retry_after_s=1),
    ],
)
async def test_errors_before_the_first_event_come_as_they_were_raised(door: Door, error: AssayError) -> None:
    door.generator = FakeGenerator([error])
    with pytest.raises(type(error)) as raised:
        await door.events()
    assert (raised.value.code, raised.value.message, raised.value.retry_after_s) == (
        error.code,
        error.message,
        error.retry_after_s,
    )


async def test_an_error_in_the_middle_is_a_failed_event(door: Door) -> None:
    door.generator = FakeGenerator([EVENTS[0], Unavailable("Gone.", code="generator_broke_off")])
    *_, last = await door.events()
    assert isinstance(last, Failed)


async def test_the_state_of_the_chat_model_is_told(door: Door) -> None:
    assert await door.client.generator(WHO) == door.state


async def test_requests_do_not_wait_for_each_other(door: Door) -> None:
    door.generator = FakeGenerator(EVENTS, delay_s=0.02)
    answers = await asyncio.gather(*(door.events() for _ in range(5)))
    assert all(answer == list(EVENTS) for answer in answers)
