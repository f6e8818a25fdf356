"""Vectors as fp16 column files among the blobs: raw little-endian rows, one file per try at a version.

Indexes are rebuilt from them without embedding again. The lease's epoch is part of the name, so that a worker that
lost its lease cannot put other rows under places that are recorded already.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from assay_core.documents import ChunkId, DocumentId
from assay_core.errors import Broken
from assay_core.jobs import Lease
from assay_core.ports import BlobStore
from assay_store.encryption import Key
from assay_store.pipeline import VectorPlace
from numpy.typing import NDArray

Rows = NDArray[np.float32]
GATHERED = "kept"
Vector = NDArray[np.float32]


def folder(document: DocumentId) -> str:
    """Where all vector files of a document are."""
    return f"vectors/{document.tenant}/{document.id}"


def file_key(held: Lease, *, epoch: int | None = None) -> str:
    """The file for one try at a version."""
    return f"{folder(held.document)}/{held.version}-{held.epoch if epoch is None else epoch}.f16"


def version_of(key: str) -> int | None:
    """The version that a file was written for; 0 for one that gathers what versions left, None while it is written."""
    kind = key.rpartition("/")[2].partition("-")[0]
    return int(kind) if kind.isdecimal() else 0 if kind == GATHERED else None


def write(blobs: BlobStore, key: str, rows: Rows) -> None:
    """Store unit vectors (n, dimension) durably as fp16."""
    blobs.put(key, [np.ascontiguousarray(rows, dtype="<f2").tobytes()])


def as_bytes(row: Vector) -> bytes:
    """One unit vector as it is stored."""
    return np.ascontiguousarray(row, dtype="<f2").tobytes()


def unseal(key: Key, chunks: Mapping[str, bytes], dimension: int) -> Rows:
    """Vectors that lie sealed in SQL, by chunk id. Returns float32 (n, dimension), rows of unit length, in order.

    Raises `Broken` if one was changed, or is of another dimension.
    """
    raw = [key.open(sealed, place=f"vector:{chunk}") for chunk, sealed in chunks.items()]
    if any(len(one) != 2 * dimension for one in raw):
        raise Broken(f"A stored vector does not have {dimension} numbers.", code="corrupt")
    return unit_rows(np.frombuffer(b"".join(raw), dtype="<f2").reshape(-1, dimension).astype(np.float32))


def read(blobs: BlobStore, places: Sequence[VectorPlace], dimension: int) -> Rows:
    """Vectors by place. Returns float32 (n, dimension), rows of unit length, in input order.

    Raises:
        NotFound: a file is not there any more.
        Broken: a file does not have the row, or of another dimension.
    """
    wanted: dict[str, list[int]] = defaultdict(list)
    for i, place in enumerate(places):
        wanted[place.key].append(i)
    result = np.empty((len(places), dimension), dtype=np.float32)
    for key, positions in wanted.items():
        held = _file(blobs, key, dimension)
        rows = [places[i].row for i in positions]
        if max(rows) >= len(held):
            raise Broken(f"The vector file {key!r} has {len(held)} rows, not row {max(rows)}.", code="corrupt")
        result[positions] = held[rows]
    return unit_rows(result)


def gather(blobs: BlobStore, key: str, places: Sequence[VectorPlace], dimension: int) -> None:
    """Copy rows into a file of their own, bit by bit and in this order. Raises as `read`."""
    rows = np.empty((len(places), dimension), dtype="<f2")
    held = {name: _file(blobs, name, dimension) for name in {place.key for place in places}}
    for i, place in enumerate(places):
        if place.row >= len(held[place.key]):
            raise Broken(f"The vector file {place.key!r} has no row {place.row}.", code="corrupt")
        rows[i] = held[place.key][place.row]
    blobs.put(key, [rows.tobytes()])


def rows_in(blobs: BlobStore, key: str, dimension: int) -> int:
    """How many vectors a file holds. Raises as `read`."""
    return len(_file(blobs, key, dimension))


def present(blobs: BlobStore, places: Mapping[ChunkId, VectorPlace]) -> set[ChunkId]:
    """Those chunks whose vector files are there; the others are embedded again."""
    files = {
        key
        for parent in {place.key.rpartition("/")[0] for place in places.values() if place.key}
        for key in blobs.keys(parent)
    }
    return {chunk for chunk, place in places.items() if not place.key or place.key in files}


def unit_rows(rows: Rows) -> Rows:
    """Rows of unit length. Raises `Broken` if one has no direction."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise Broken("A vector is zero or not finite.", code="bad_vector")
    return rows / lengths


def _file(blobs: BlobStore, key: str, dimension: int) -> NDArray[np.float16]:
    with blobs.open(key) as stream:
        raw = stream.read()
    if len(raw) % (2 * dimension):
        raise Broken(f"The vector file {key!r} does not hold rows of {dimension} numbers.", code="corrupt")
    return np.frombuffer(raw, dtype="<f2").reshape(-1, dimension)
