"""A whole platform in small: real servers and processes, a client, readers, and the oracle over them."""

import base64
import socket
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import redis
from assay_adapters.blobs import FolderBlobStore
from assay_adapters.lexical_analysis import terms_of
from assay_adapters.milvus import MilvusIndex
from assay_adapters.parsers.sandbox import SandboxedParser
from assay_adapters.redis_cache import RedisSemanticCache
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import CollectionId
from assay_core.index_profiles import IndexProfile
from assay_core.principals import Principal
from assay_gateway import first_run
from assay_ingestion.leftovers import Leftovers
from assay_ingestion.prepare import Preparer
from assay_retrieval.retriever import HybridRetriever, Indexes
from assay_retrieval.semantic_cache import CachedRetriever
from assay_store import access, collections
from assay_store.database import Database
from assay_store.encryption import Vault
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from assay_testing.crash.driver import OUTSIDER, Driver
from assay_testing.crash.facts import Stores
from assay_testing.crash.ledger import Ledger, Written
from assay_testing.crash.oracle import violations_at_rest, violations_now
from assay_testing.crash.processes import Processes, wait_for
from assay_testing.crash.readers import Incident, Readers
from assay_testing.crash.roles import DELAY, ROLES, Role
from assay_testing.crash.servers import Servers
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.library import MASTER_KEY

API_KEY = access.API_KEY_PREFIX + "c" * 43
COLLECTION = "handbook"
# Small, so that a short document has several passages.
SETTINGS = CollectionSettings(chunking=Chunking(budget_tokens=40, overlap_tokens=10))
_POOL = 20

# Quick, so that a test need not wait for what takes half a minute in service.
_HASTE = {
    "ASSAY_CRASH_TESTS": "true",
    "ASSAY_LOG__LEVEL": "INFO",
    "ASSAY_INGESTION__LEASE_S": "1.5",
    "ASSAY_INGESTION__POLL_S": "0.5",
    "ASSAY_INGESTION__BATCH_DOCUMENTS": "8",
    "ASSAY_RELAY__SWEEP_S": "0.5",
    "ASSAY_RELAY__WAITING_S": "1",
    "ASSAY_INDEXING__CHECK_S": "1",
    "ASSAY_INDEXING__SETTLE_GATHER_S": "0.5",
    "ASSAY_INDEXING__SETTLE_EVERY_S": "0.5",
    "ASSAY_INDEXING__SETTLE_FILES_S": "0",
    "ASSAY_INDEXING__SETTLE_LOG_S": "0",
}


_USUAL = IndexProfile()


class World:
    """What a crash test works with. `incidents` holds what was found wrong so far."""

    def __init__(
        self,
        *,
        servers: Servers,
        database: Database,
        stores: Stores,
        leftovers: Leftovers,
        processes: Processes,
        readers: Readers,
        ledger: Ledger,
        base_url: str,
    ) -> None:
        self.servers = servers
        self.database = database
        self.stores = stores
        self.leftovers = leftovers
        self.processes = processes
        self.readers = readers
        self.ledger = ledger
        self.base_url = base_url
        self.incidents: list[Incident] = []
        self._drivers = 0

    def driver(self, *, seed: int = 1, patience_s: float = 300.0) -> Driver:
        """A client that writes, under names and keys of its own."""
        self._drivers += 1
        return Driver(
            base_url=self.base_url,
            api_key=API_KEY,
            collection=COLLECTION,
            ledger=self.ledger,
            seed=seed,
            prefix=f"d{self._drivers}n",
            patience_s=patience_s,
        )

    def expire(self, written: Written) -> None:
        """Let the time be over of the versions that a document's newest one replaced."""
        self.ledger.note_expired(written.document, written.newest - 1)
        with self.database.transaction() as connection:
            connection.execute(
                text("""
                    UPDATE versions SET replaced_at = replaced_at - interval '1 year'
                    WHERE document = :d AND replaced_at IS NOT NULL
                """),
                {"d": written.document},
            )

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with self.database.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def check_now(self) -> None:
        """Note what is wrong at this moment. Call it while no write is under way."""
        facts = self.stores.facts(self.ledger, seen=self.readers.seen, indexes=False)
        self.incidents += violations_now(facts)

    def rest(self, *, timeout_s: float = 240.0) -> None:
        """Wait until all work is done and nothing is wrong; after `timeout_s` what still is, is noted."""
        until_s = time.monotonic() + timeout_s
        while True:
            self._await_no_work(until_s)
            self.leftovers.remove()
            found = violations_at_rest(self.stores.facts(self.ledger, seen=self.readers.seen, indexes=True))
            if not found:
                return
            if time.monotonic() > until_s:
                self.incidents += found
                return
            time.sleep(0.3)

    def all_incidents(self) -> list[Incident]:
        """What the oracle and the readers found."""
        return list(dict.fromkeys([*self.incidents, *self.readers.incidents]))

    def _await_no_work(self, until_s: float) -> None:
        while self._at_work() and time.monotonic() < until_s:
            time.sleep(0.1)

    def _at_work(self) -> bool:
        return self.sql("""
            SELECT EXISTS (SELECT 1 FROM jobs WHERE state IN ('waiting', 'leased'))
                OR EXISTS (SELECT 1 FROM outbox WHERE sent_at IS NULL)
                OR EXISTS (SELECT 1 FROM versions v JOIN documents d ON d.tenant = v.tenant AND d.id = v.document
                           WHERE v.state NOT IN ('ready', 'failed') AND d.deleted_at IS NULL)
        """) == [(True,)]


class Worlds(Protocol):
    """What makes platforms for a test."""

    def __call__(self, *, seed: int = 1, delay_s: float = 0.02, readers: int = 2) -> AbstractContextManager[World]: ...


@contextmanager
def world(
    servers: Servers,
    database_url: str,
    folder: Path,
    *,
    seed: int = 1,
    delay_s: float = 0.02,
    readers: int = 2,
) -> Generator[World]:
    """A platform on a fresh, migrated database; its processes end with the block."""
    redis.Redis.from_url(servers.env["ASSAY_BROKER__URL"]).flushall()
    with ExitStack() as stack:
        database = Database(database_url, pool_size=_POOL)
        stack.callback(database.dispose)
        first_run.run(database, API_KEY)
        with database.transaction() as connection:
            acl = access.acl_for(connection, first_run.TENANT)
            outsider = Principal(first_run.TENANT, OUTSIDER, "Outsider", frozenset({"reader"}))
            access.ensure_principal(connection, outsider)
            collection = collections.create(connection, first_run.TENANT, COLLECTION, acl=acl, settings=SETTINGS).id
        ledger, vault = Ledger(), Vault(MASTER_KEY)
        own = servers.env | _HASTE | _files(folder) | {"ASSAY_DATABASE__URL": database_url, DELAY: str(delay_s)}
        ports = _free_ports()
        processes = stack.enter_context(Processes({"PATH": "/usr/bin:/bin", "HOME": str(folder)} | own, ports, folder))
        dense, lexical_path = dense_index(own), Path(own["ASSAY_LEXICAL__PATH"])
        cache = _cache(own, vault)
        retriever = _retriever(database, vault, dense, TantivyIndex(lexical_path), cache)
        searching = Readers(
            retriever=retriever,
            principal=first_run.ADMINISTRATOR,
            collection=collection,
            ledger=ledger,
            seed=seed,
            readers=readers,
        )
        stores = _stores(own, database=database, dense=dense, vault=vault, cache=cache, collection=collection)
        unnamed = Leftovers(database=database, blobs=FolderBlobStore(own["ASSAY_BLOBS__PATH"]), every_s=0, kept_s=0)
        base_url = f"http://127.0.0.1:{ports['gateway']}"
        _await_gateway(base_url)
        stack.enter_context(searching)
        yield World(
            servers=servers,
            database=database,
            stores=stores,
            # What lies unnamed while nothing is at work has been left; the relay would find it hours later.
            leftovers=unnamed,
            processes=processes,
            readers=searching,
            ledger=ledger,
            base_url=base_url,
        )


def _files(folder: Path) -> dict[str, str]:
    master_key, private_key = folder / "master_key", folder / "token_private_key"
    master_key.write_text(base64.b64encode(MASTER_KEY).decode())
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private_key.write_bytes(pem)
    return {
        "ASSAY_BLOBS__PATH": str(folder / "blobs"),
        "ASSAY_LEXICAL__PATH": str(folder / "bm25"),
        "ASSAY_MODELS__PATH": str(folder),
        "ASSAY_SECRETS__MASTER_KEY_FILE": str(master_key),
        "ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE": str(private_key),
    }


def _free_ports() -> dict[Role, int]:
    with ExitStack() as stack:
        ports: dict[Role, int] = {}
        for role in ROLES:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports[role] = int(probe.getsockname()[1])
        return ports


def dense_index(env: dict[str, str], profile: IndexProfile = _USUAL) -> MilvusIndex:
    """The vector index of a kind that the platform of this environment writes to."""
    stub = FakeEmbedder()
    return MilvusIndex(
        uri=env["ASSAY_MILVUS__URI"],
        token=_milvus_token(env),
        model_id=stub.model_id,
        dimension=stub.dimension,
        profile=profile,
    )


def _milvus_token(env: dict[str, str]) -> str:
    return Path(env["ASSAY_MILVUS__TOKEN_FILE"]).read_text().strip() if "ASSAY_MILVUS__TOKEN_FILE" in env else ""


def _cache(env: dict[str, str], vault: Vault) -> RedisSemanticCache:
    stub = FakeEmbedder()
    return RedisSemanticCache(
        url=env["ASSAY_CACHE__URL"],
        key=vault.mac_key("semantic-cache"),
        model_id=stub.model_id,
        dimension=stub.dimension,
    )


def _retriever(
    database: Database, vault: Vault, dense: MilvusIndex, lexical: TantivyIndex, cache: RedisSemanticCache
) -> CachedRetriever:
    inner = HybridRetriever(
        database=database,
        vault=vault,
        embedder=FakeEmbedder,
        indexes=Indexes(dense=lambda _: dense, lexical=lexical),
        terms=terms_of,
    )
    return CachedRetriever(inner, cache=lambda: cache, database=database, recipe="crash")


def _stores(
    env: dict[str, str],
    *,
    database: Database,
    dense: MilvusIndex,
    vault: Vault,
    cache: RedisSemanticCache,
    collection: CollectionId,
) -> Stores:
    from pymilvus import MilvusClient

    dense.prepare()
    blobs = FolderBlobStore(env["ASSAY_BLOBS__PATH"])
    return Stores(
        database=database,
        blobs=blobs,
        dense=dense,
        milvus=MilvusClient(uri=env["ASSAY_MILVUS__URI"], token=_milvus_token(env), timeout=10),
        lexical_path=Path(env["ASSAY_LEXICAL__PATH"]),
        cache=cache,
        vault=vault,
        prepare=Preparer(vault=vault, blobs=blobs, parser=SandboxedParser(), embedder=FakeEmbedder()),
        collection=collection,
    )


def _await_gateway(base_url: str) -> None:
    def answers() -> bool:
        try:
            return httpx.get(f"{base_url}/livez", timeout=2.0).status_code == 200
        except httpx.TransportError:
            return False

    wait_for(answers, timeout_s=240, what="The gateway")
