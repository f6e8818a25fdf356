"""Control documents: known bytes put into each store by the store's own way of writing, to be found by a scan."""

import os
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay_core.documents import AclId, ChunkId, CollectionId, TenantId
from assay_core.ports import BlobStore
from assay_core.search import IndexRow
from assay_store.database import Database
from assay_store.rewriting import control

from assay_ingestion.index_kinds import DenseIndexes
from assay_ingestion.settling import PurgeableLexical

if TYPE_CHECKING:
    from redis import Redis

TENANT = TenantId("erasure-control")
COLLECTION = CollectionId(TENANT, "control")
_TTL_S = 3600


@dataclass(frozen=True, slots=True)
class Planter:
    """Puts a control into each store for as long as a scan takes.

    `lexical_in` is the store whose files the lexical index writes.
    """

    database: Database
    dense: DenseIndexes
    dimension: int
    kinds: Sequence[str]
    lexical: PurgeableLexical
    lexical_in: str
    blobs: BlobStore
    redis: "Mapping[str, Redis]"
    folders: Mapping[str, Path]

    @contextmanager
    def planted(self) -> Generator[dict[str, list[bytes]]]:
        """What must be found, by store; every control is in at least one file of its store, or in memory."""
        with ExitStack() as stack:
            found: dict[str, list[bytes]] = {}
            for store in self.folders:
                plant = self._planters().get(store, self._file)
                found[store] = stack.enter_context(plant(store))
            yield found

    def _planters(self) -> Mapping[str, Callable[[str], AbstractContextManager[list[bytes]]]]:
        return {
            "postgres": self._postgres,
            "milvus": self._milvus,
            "bm25": self._lexical,
            "blobs": self._blob,
            **dict.fromkeys(self.redis, self._redis),
        }

    @contextmanager
    def _postgres(self, store: str) -> Generator[list[bytes]]:
        planted = secrets.token_bytes(64)
        with control(self.database, store, planted):
            yield [planted]

    @contextmanager
    def _milvus(self, store: str) -> Generator[list[bytes]]:
        with ExitStack() as stack:
            ids = stack.enter_context(self._ids_in_milvus()) if self.lexical_in == store else []
            yield [*ids, *stack.enter_context(self._vectors())]

    @contextmanager
    def _vectors(self) -> Generator[list[bytes]]:
        rows = {kind: _row() for kind in self.kinds}
        planted: list[bytes] = []
        for kind, row in rows.items():
            index = self.dense.of_kind(kind)
            index.upsert([row], [_unit_vector(self.dimension)])
            planted += index.stored(COLLECTION, [row.chunk]).values()
            index.seal()
        try:
            yield planted
        finally:
            for kind, row in rows.items():
                self.dense.of_kind(kind).delete(COLLECTION, [row.chunk])

    @contextmanager
    def _lexical(self, store: str) -> Generator[list[bytes]]:
        del store
        word = "control" + secrets.token_hex(16)
        self.lexical.upsert([_row()], [word])
        try:
            yield [word.encode()]
        finally:
            self.lexical.drop(COLLECTION)

    @contextmanager
    def _ids_in_milvus(self) -> Generator[list[bytes]]:
        row = _row()
        self.lexical.upsert([row], ["control"])
        self.lexical.purge(COLLECTION)  # what is in memory goes into files
        try:
            yield [row.chunk.id.encode()]
        finally:
            self.lexical.drop(COLLECTION)

    @contextmanager
    def _blob(self, store: str) -> Generator[list[bytes]]:
        planted, key = secrets.token_bytes(64), f"{store}-control/{secrets.token_hex(16)}"
        self.blobs.put(key, [planted])
        try:
            yield [planted]
        finally:
            self.blobs.delete(key)

    @contextmanager
    def _redis(self, store: str) -> Generator[list[bytes]]:
        planted, key = secrets.token_bytes(64), f"erasure-control:{secrets.token_hex(16)}"
        self.redis[store].set(key, planted, ex=_TTL_S)
        try:
            yield [planted]
        finally:
            self.redis[store].delete(key)

    @contextmanager
    def _file(self, store: str) -> Generator[list[bytes]]:
        planted = secrets.token_hex(32).encode()
        file = self.folders[store] / f"erasure-control-{secrets.token_hex(8)}.log"
        file.write_bytes(planted)
        try:
            yield [planted]
        finally:
            file.unlink()


def _row() -> IndexRow:
    return IndexRow(ChunkId(TENANT, secrets.token_hex(16)), COLLECTION, AclId(0))


def _unit_vector(dimension: int) -> list[float]:
    raw = [byte - 127.5 for byte in os.urandom(dimension)]
    length = sum(x * x for x in raw) ** 0.5
    return [x / length for x in raw]
