"""The fp16 vectors that were kept when chunks were embedded, read where they lie.

There is no copy of them for searching: the files among the blobs, which the page cache holds, or for passages a sealed
column in SQL. So there is nothing to rebuild, and what is erased is out of reach at once. For that reason files are
not held open either: an open one would keep the bytes of an erased document on the disk.
"""

import mmap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        found: dict[ChunkId, bytes | None] = {}
        for one in known:
            if one.place.sealed is None:
                in_files[one.place.key].append(one)
            else:
                found[one.chunk] = self._opened(one, one.place.sealed)
        for key, ones in in_files.items():
            found.update(self._from_file(key, ones))
        rows = self._rows(found)
        unread = sum(row is None for row in rows.values())
        if unread:
            log.warning("kept_vectors.unread", collection_id=collection.id, chunks=unread)
        return rows

    def _opened(self, one: KeptVector, sealed: bytes) -> bytes | None:
        try:
            key = self._vault.document_key(one.document, one.key_wrapped)
            return key.open(sealed, place=f"vector:{one.chunk.id}")
        except (NotFound, Broken):
            return None

    def _from_file(self, key: str, ones: Iterable[KeptVector]) -> Iterator[tuple[ChunkId, bytes | None]]:
        size = 2 * self._dimension
        try:
            with self._blobs.open(key) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
                whole = len(held) % size == 0
                for one in ones:
                    yield one.chunk, held[one.place.row * size : (one.place.row + 1) * size] if whole else None
        except (NotFound, ValueError):  # gone since, or an empty file, which cannot be mapped
            yield from ((one.chunk, None) for one in ones)

    def _rows(self, raw: Mapping[ChunkId, bytes | None]) -> dict[ChunkId, Row | None]:
        size = 2 * self._dimension
        readable = {chunk: row for chunk, row in raw.items() if row is not None and len(row) == size}
        matrix = np.frombuffer(b"".join(readable.values()), dtype="<f2").reshape(-1, self._dimension)
        rows = matrix.astype(np.float32)
        lengths = np.linalg.norm(rows, axis=1)
        directed = np.isfinite(lengths) & (lengths > 0)
        rows[directed] /= lengths[directed, None]
        units = {chunk: row if good else None for chunk, row, good in zip(readable, rows, directed, strict=True)}
        return {chunk: units.get(chunk) for chunk in raw}
