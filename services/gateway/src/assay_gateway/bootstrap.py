"""Choose the adapters of the gateway and put it together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from assay_core.ports import BlobStore, LanguageDetector
from assay_runtime.receipts import ReceiptSigner
from assay_runtime.settings import BlobSettings, read_master_key, read_secret
from assay_runtime.tokens import TokenMinter
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_wire.peers import EvaluationClient, GenerationClient, Peer, RetrievalClient
from fastapi import FastAPI
from starlette.types import ASGIApp

from assay_gateway.app import Parts, build_gateway, hardened
from assay_gateway.settings import Settings


def build_service(settings: Settings) -> ASGIApp:
    """The gateway as it is served."""
    database = Database(settings.database.url.get_secret_value(), pool_size=settings.database.pool_size)
    private_key = read_secret(settings.secrets.token_private_key_file, name="ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE")
    mint = TokenMinter(private_key, issuer="gateway")
    retrieval = Peer(name="retrieval", base_url=settings.peers.retrieval_url, token=mint)
    generation = Peer(name="generation", base_url=settings.peers.generation_url, token=mint)
    evaluation = Peer(name="evaluation", base_url=settings.peers.evaluation_url, token=mint)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        for peer in (retrieval, generation, evaluation):
            await peer.aclose()
        database.dispose()

    app = build_gateway(
        Parts(
            database=database,
            pool_size=settings.database.pool_size,
            vault=Vault(read_master_key(settings.secrets)),
            blobs=choose_blobs(settings.blobs),
            retrieval=RetrievalClient(retrieval),
            generation=GenerationClient(generation),
            evaluation=EvaluationClient(evaluation),
            receipts=ReceiptSigner(private_key),
            languages=choose_language_detector(),
        ),
        # Peers are not waited for: documents can be uploaded while models load. /v1/system tells of them.
        checks={"database": database.check},
        uploads_limits=settings.uploads,
        queue=settings.queue,
        limits=settings.limits,
        max_body_bytes=settings.http.max_body_bytes,
        lifespan=lifespan,
    )
    return hardened(app)


def choose_blobs(settings: BlobSettings) -> BlobStore:
    """Blobs in a folder."""
    from assay_adapters.blobs import FolderBlobStore

    return FolderBlobStore(settings.path)


def choose_language_detector() -> LanguageDetector:
    """Tells what language a query is in."""
    from assay_adapters.langid_detector import LangidDetector

    return LangidDetector()
