"""The generation service as it is put together: real tables, embedder and judge, and a scripted model server."""

import base64
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from assay_core.answers import AnswerRequest, Cited, Done, Outcome, Retrieved, Token
from assay_core.search import EvidenceVersion, Hit, SearchResult
from assay_generation.bootstrap import build_service
from assay_generation.settings import Settings
from assay_runtime.tokens import TokenMinter, TokenVerifier
from assay_store import answers
from assay_testing.answers import hit
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_retriever import FakeRetriever
from assay_testing.fake_services import retrieval_service
from assay_testing.fake_vllm import FakeVllm
from assay_testing.library import MASTER_KEY, Library
from assay_wire import internal
from assay_wire.peers import GenerationClient, Peer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import text
from starlette.types import ASGIApp

pytestmark = pytest.mark.integration

FARES = "Fares of the ferry\n\nA single crossing costs 9.40 pounds for adults. Bicycles cost 3 pounds each way.\n"
RULES = "Visitors report at the gate house. The speed limit in the yard is 12 km/h. Photography is forbidden.\n"


@contextmanager
def serving(app: ASGIApp) -> Generator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


class Scene:
    """The service with two live documents behind it."""

    def __init__(self, library: Library, vllm: FakeVllm, url: str, mint: TokenMinter, hits: list[Hit]) -> None:
        self.library = library
        self.vllm = vllm
        self.client = GenerationClient(Peer(name="generation", base_url=url, token=mint))
        self.url = url
        self.hits = hits

    async def ask(self, question: str) -> tuple[str, Done]:
        request = AnswerRequest(self.library.collection, question, deadline_s=60.0)
        events = [event async for event in self.client.answer(self.library.librarian, request)]
        assert isinstance(events[0], Retrieved)
        done = events[-1]
        assert isinstance(done, Done), done
        assert [e.citation for e in events if isinstance(e, Cited)] == list(done.answer.citations)
        return "".join(e.text for e in events if isinstance(e, Token)), done


@pytest.fixture
def scene(database_url: str, tmp_path: Path, models_path: Path) -> Generator[Scene]:
    from assay_store.database import Database

    library = Library(Database(database_url), FakeBlobStore())
    hits: list[Hit] = []
    for rank, (name, content) in enumerate({"fares.md": FARES, "rules.md": RULES}.items(), start=1):
        uploaded = library.upload(name, content)
        with library.database.transaction() as connection:
            connection.execute(text("UPDATE documents SET live_version = 1 WHERE id = :d"), {"d": uploaded.document.id})
        hits.append(hit(uploaded.document.id, content, rank=rank))
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    mint = TokenMinter(private.decode(), issuer="gateway")
    (tmp_path / "public").write_bytes(public)
    (tmp_path / "master").write_bytes(base64.b64encode(MASTER_KEY))
    found = FakeRetriever(SearchResult(tuple(hits), {"dense": 1.0}))
    with (
        FakeVllm() as vllm,
        serving(retrieval_service(found, TokenVerifier(public.decode()))) as retrieval,
    ):
        settings = Settings.model_validate(
            {
                "database": {"url": database_url},
                "models": {"path": models_path},
                "chat": {"base_url": vllm.url, "model": vllm.model},
                "peers": {"retrieval_url": retrieval},
                "secrets": {"master_key_file": tmp_path / "master", "token_public_key_file": tmp_path / "public"},
            }
        )
        with serving(build_service(settings)) as url:
            until_ready(url)
            yield Scene(library, vllm, url, mint, hits)
    library.database.dispose()


def until_ready(url: str) -> None:
    until = time.monotonic() + 300
    while httpx.get(f"{url}/readyz").status_code != 200:
        assert time.monotonic() < until, httpx.get(f"{url}/readyz").text
        time.sleep(0.2)


async def test_answer_is_cited_checked_and_kept(scene: Scene) -> None:
    scene.vllm.reply = "- Bicycles cost 3 pounds each way."
    shown, done = await scene.ask("How much does it cost to take a bicycle?")
    answer = done.answer
    assert shown == answer.text == "Bicycles cost 3 pounds each way. [1]"
    assert (answer.outcome, answer.cache, answer.prompt_version) == (Outcome.ANSWERED, "off", "answer.v1")
    (citation,) = answer.citations
    assert FARES[citation.start : citation.end] == citation.quote == "Bicycles cost 3 pounds each way."
    with scene.library.database.transaction() as connection:
        kept = answers.owned(connection, scene.library.vault, scene.library.librarian, answer.id)
    assert kept is not None
    assert internal.answer.validate_json(kept.record) == answer
    assert (await scene.client.generator(scene.library.librarian)).ready


async def test_untrue_answer_gives_way_to_the_sources(scene: Scene) -> None:
    scene.vllm.reply = "The speed limit in the yard is 50 km/h."
    _, done = await scene.ask("What is the speed limit in the yard?")
    assert done.answer.text == "“The speed limit in the yard is 12 km/h.” [1]"
    assert (done.answer.outcome, done.answer.finish_reason) == (Outcome.PARTLY_SUPPORTED, "extractive")


async def test_question_beside_the_documents_gets_no_answer(scene: Scene) -> None:
    _, done = await scene.ask("Who composed the opera Fidelio?")
    assert (done.answer.text, done.answer.outcome) == ("The documents do not say.", Outcome.NOTHING_FOUND)
    assert scene.vllm.requests == []


async def test_deleted_document_is_not_cited(scene: Scene) -> None:
    scene.vllm.reply = "Bicycles cost 3 pounds each way."
    scene.library.delete(scene.hits[0].document)
    _, done = await scene.ask("How much does it cost to take a bicycle?")
    assert EvidenceVersion(scene.hits[0].document, 1) not in {
        EvidenceVersion(c.document, c.version) for c in done.answer.citations
    }
    assert "3 pounds" not in done.answer.text
    assert [s.document for s in done.answer.sources] == [scene.hits[1].document]
