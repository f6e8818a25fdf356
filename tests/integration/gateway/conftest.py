"""The gateway on a real PostgreSQL and a real folder, with fake peers behind real HTTP messages."""

import socket
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from assay_adapters.blobs import FolderBlobStore
from assay_core.documents import TenantId
from assay_core.jobs import JobKind
from assay_core.principals import Principal
from assay_core.search import SearchResult
from assay_gateway import first_run
from assay_gateway.app import Parts, build_gateway, hardened
from assay_gateway.settings import LimitSettings, UploadSettings
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.pipeline import Ingestion
from assay_ingestion.prepare import Preparer
from assay_runtime.http_protocol import DeadlineProtocol
from assay_runtime.receipts import ReceiptSigner
from assay_runtime.tokens import TokenMinter, TokenVerifier
from assay_store import access, jobs
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_generator import FakeGenerator
from assay_testing.fake_language import FakeLanguageDetector
from assay_testing.fake_parser import FakeParser
from assay_testing.fake_retriever import FakeRetriever
from assay_testing.fake_services import FakeEvaluation, evaluation_service, generation_service, retrieval_service
from assay_wire.clients import AssayClient
from assay_wire.peers import EvaluationClient, GenerationClient, Peer, RetrievalClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fastapi import FastAPI
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from assay_testing.browser import Visit
    from playwright.sync_api import Browser

ADMIN_KEY = access.API_KEY_PREFIX + "a" * 43
MAX_UPLOAD = 3 << 20


@dataclass
class Door:
    """A gateway under test, and what stands behind it."""

    app: FastAPI
    served: ASGIApp
    database: Database
    vault: Vault
    blobs: FolderBlobStore
    retriever: FakeRetriever
    generator: FakeGenerator
    evaluation: FakeEvaluation
    generation_peer: Peer
    admin_key: str = ADMIN_KEY
    keys: dict[str, str] = field(default_factory=dict[str, str])

    def enrol(self, name: str, *roles: str, tenant: str = "default") -> str:
        """Make a principal. Returns its API key."""
        principal = Principal(TenantId(tenant), name, name.title(), frozenset(roles))
        key = access.new_api_key()
        with self.database.transaction() as connection:
            access.ensure_tenant(connection, principal.tenant, tenant)
            access.ensure_principal(connection, principal)
            access.ensure_api_key(connection, principal, key, name="test")
        return key

    def client(self, key: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.served, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://assay.test", headers=headers)


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    """Ed25519 in PEM: private, public."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public.decode()


@pytest.fixture
def door(database: Database, tmp_path: Path, key_pair: tuple[str, str]) -> Door:
    """A gateway whose administrator signs in with `ADMIN_KEY`."""
    first_run.run(database, ADMIN_KEY)
    mint, verify = TokenMinter(key_pair[0], issuer="gateway"), TokenVerifier(key_pair[1])
    retriever = FakeRetriever(SearchResult((), {}))
    generator, evaluation = FakeGenerator([]), FakeEvaluation()
    services: dict[str, ASGIApp] = {
        "retrieval": retrieval_service(retriever, verify),
        "generation": generation_service(generator, verify),
        "evaluation": evaluation_service(evaluation, verify),
    }

    def peer(name: str) -> Peer:
        transport = httpx.ASGITransport(services[name])
        client = httpx.AsyncClient(transport=transport, base_url=f"http://{name}.test")
        return Peer(name=name, base_url="", token=mint, client=client)

    generation = peer("generation")
    vault, blobs = Vault(bytes(32)), FolderBlobStore(tmp_path / "blobs")
    app = build_gateway(
        Parts(
            database=database,
            pool_size=5,
            vault=vault,
            blobs=blobs,
            retrieval=RetrievalClient(peer("retrieval")),
            generation=GenerationClient(generation),
            evaluation=EvaluationClient(peer("evaluation")),
            receipts=ReceiptSigner(key_pair[0]),
            languages=FakeLanguageDetector(),
        ),
        checks={"database": database.check},
        uploads_limits=UploadSettings(max_bytes=MAX_UPLOAD, idle_s=2.0),
        limits=LimitSettings(max_watchers=3),
        max_body_bytes=1 << 20,
    )
    return Door(app, hardened(app), database, vault, blobs, retriever, generator, evaluation, generation)


@pytest.fixture
async def admin(door: Door) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the administrator, with the collection `handbook` made."""
    async with door.client(door.admin_key) as client:
        assert (await client.post("/v1/collections", json={"name": "handbook"})).status_code == 201
        yield client


@dataclass
class Live:
    """A gateway behind a real port."""

    url: str
    port: int
    door: Any

    def client(self, key: str | None = None) -> AssayClient:
        return AssayClient(base_url=self.url, api_key=key or self.door.admin_key)


@contextmanager
def serving(app: ASGIApp, **options: Any) -> Generator[int]:
    """The application on a loopback port, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def live(door: Door) -> Generator[Live]:
    with serving(door.served, http=DeadlineProtocol, timeout_graceful_shutdown=1) as port:
        yield Live(f"http://127.0.0.1:{port}", port, door)


def ingest(door: Door) -> None:
    """Do as a worker does with what was uploaded."""
    embedder = FakeEmbedder()
    worker = Ingestion(
        database=door.database,
        blobs=door.blobs,
        vault=door.vault,
        prepare=Preparer(vault=door.vault, blobs=door.blobs, parser=FakeParser(), embedder=embedder),
        embedder=embedder,
        keeper=LeaseKeeper(door.database, lease_s=30),
        stop=threading.Event(),
    )
    with door.database.transaction() as connection:
        held = jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=100)
    worker.ingest(held)


@pytest.fixture(scope="module")
def browser() -> "Generator[Browser]":
    from assay_testing.browser import chromium  # which skips where there is none

    with chromium() as opened:
        yield opened


@pytest.fixture(params=["desktop", "phone"])  # a test may choose one of them by parametrizing `visit`
def visit(browser: "Browser", live: Live, request: pytest.FixtureRequest) -> "Generator[Visit]":
    """A page at one of the sizes; afterwards, that it did nothing that it must not."""
    from assay_testing.browser import open_visit

    opened = open_visit(browser, live.url, request.param)
    yield opened
    assert opened.offences == []
    opened.page.context.close()
