"""The fp16 vectors that were kept when chunks were embedded, read where they lie.

There is no copy of them for searching: the files among the blobs, which the page cache holds, or for passages a sealed
column in SQL. So there is nothing to rebuild, and what is erased is out of reach at once. For that reason files are
not held open either: an open one would keep the bytes of an erased document on the disk.
"""

import mmap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import structlog
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Broken, NotFound
from assay_core.ports import BlobStore
from assay_store import kept_vectors
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.kept_vectors import KeptVector
from numpy.typing import NDArray

log = structlog.get_logger()
Row = NDArray[np.float32]


class KeptVectors:
    """Vectors by chunk, as they were embedded.

    Args:
        dimension: of the vectors; a row is twice as many bytes.
    """

    def __init__(self, *, database: Database, vault: Vault, blobs: BlobStore, dimension: int) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._dimension = dimension

    def of(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, Row | None]:
        """Float32 rows of unit length; None where a vector is known but cannot be read. Deleted chunks are left out."""
        with self._database.transaction() as connection:
            known = kept_vectors.of_chunks(connection, collection, chunks)
        in_files = defaultdict[str, list[KeptVector]](list)
        found: dict[ChunkId, Row | None] = {}
        for one in known:
            if one.place.sealed is None:
                in_files[one.place.key].append(one)
            else:
                found[one.chunk] = self._opened(one, one.place.sealed)
        for key, ones in in_files.items():
            found.update(self._from_file(key, ones))
        unread = sum(row is None for row in found.values())
        if unread:
            log.warning("kept_vectors.unread", collection_id=collection.id, chunks=unread)
        return found

    def _opened(self, one: KeptVector, sealed: bytes) -> Row | None:
        try:
            key = self._vault.document_key(one.document, one.key_wrapped)
            return self._row(key.open(sealed, place=f"vector:{one.chunk.id}"), 0)
        except (NotFound, Broken):
            return None

    def _from_file(self, key: str, ones: Iterable[KeptVector]) -> Iterator[tuple[ChunkId, Row | None]]:
        try:
            with self._blobs.open(key) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
                for one in ones:
                    yield one.chunk, self._row(held, one.place.row)
        except (NotFound, ValueError):  # gone since, or an empty file, which cannot be mapped
            yield from ((one.chunk, None) for one in ones)

    def _row(self, held: bytes | mmap.mmap, number: int) -> Row | None:
        size = 2 * self._dimension
        raw = held[number * size : (number + 1) * size]
        if len(raw) != size or len(held) % size:
            return None
        row = np.frombuffer(raw, dtype="<f2").astype(np.float32)
        length = float(np.linalg.norm(row))
        return row / length if 0 < length < np.inf else None
