"""The `SemanticCache` port on a Redis-compatible server with the query engine (FT.* commands).

Entries are encrypted; what stands in the clear are digests and the question's vector. Expiry is the key's own and
absolute. A server that was flushed or restarted gets its index back at the next use.
"""

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Unavailable
from assay_core.ports import Vector
from assay_core.search import CacheEntry, CacheScope, EvidenceVersion
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assay_adapters.cache_guard import same_meaning

if TYPE_CHECKING:
    from redis import Redis

Result = TypeVar("Result")
_NEIGHBOURS = 10
_EVICT_BATCH = 1000


class RedisSemanticCache:
    """A semantic cache for one embedding model.

    Args:
        key: 32 bytes; entries written with another key are misses.
        threshold: least cosine of two questions that may share an answer.
    """

    def __init__(
        self,
        *,
        url: str,
        key: bytes,
        model_id: str,
        dimension: int,
        ttl_s: float = 86400.0,
        threshold: float = 0.97,
        timeout_s: float = 0.5,
    ) -> None:
        self._url = url
        self._aead = AESGCM(key)
        self._dimension = dimension
        self._ttl_ms = int(ttl_s * 1000)
        self._threshold = threshold
        self._timeout_s = timeout_s
        space = hashlib.sha256(f"{model_id}:{dimension}".encode()).hexdigest()[:12]
        self._index = f"assay-cache-{space}"
        self._prefix = f"assay:cache:{space}:"
        self._redis: Redis | None = None

    def lookup(self, scope: CacheScope, question: str, vector: Vector) -> CacheEntry | None:
        rows = self._search(
            f"(@scope:{{{_scope_digest(scope)}}})=>[KNN {_NEIGHBOURS} @vector $v AS distance]",
            *("PARAMS", 2, "v", _raw(vector), "SORTBY", "distance"),
            *("RETURN", 2, "distance", "body", "LIMIT", 0, _NEIGHBOURS, "DIALECT", 2),
        )
        for name, fields in rows:
            similarity = 1.0 - float(fields.get(b"distance", b"2"))
            if similarity < self._threshold or b"body" not in fields:
                continue
            entry = self._open(name, fields[b"body"], scope.collection.tenant, similarity)
            if entry is not None and same_meaning(question, entry.question):
                return entry
        return None

    def store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> None:
        digest = _scope_digest(scope)
        name = f"{self._prefix}{_digest(digest, entry.question)}".encode()
        documents = ",".join(sorted({_document_digest(e.document) for e in entry.evidence}))
        fields: dict[Any, Any] = {  # redis-py's own type for mappings is invariant
            "scope": digest,
            "documents": documents,
            "vector": _raw(vector),
            "body": self._seal(name, entry),
        }

        def write(redis: "Redis") -> None:
            with redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(name, mapping=fields)
                pipeline.pexpire(name, self._ttl_ms)
                pipeline.execute()

        self._ensure_index()
        self._guarded(write)

    def evict_document(self, document: DocumentId) -> int:
        evicted = 0
        while True:
            query = f"@documents:{{{_document_digest(document)}}}"
            rows = self._search(query, "RETURN", 0, "LIMIT", 0, _EVICT_BATCH, "DIALECT", 2)
            if not rows:
                return evicted
            names = [name for name, _ in rows]
            evicted += self._guarded(lambda redis, names=names: redis.delete(*names))

    def close(self) -> None:
        """Close the connections."""
        if self._redis is not None:
            self._redis.close()
            self._redis = None

    def _search(self, query: str, *options: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
        from redis.exceptions import ResponseError

        def search(redis: "Redis") -> list[bytes | list[bytes]]:
            try:
                return cast(
                    "list[bytes | list[bytes]]", redis.execute_command("FT.SEARCH", self._index, query, *options)
                )
            except ResponseError as error:
                if "no such index" not in str(error).lower() and "unknown index" not in str(error).lower():
                    raise
                return []

        reply = self._guarded(search)[1:]
        rows: list[tuple[bytes, dict[bytes, bytes]]] = []
        for position, name in enumerate(reply):
            if not isinstance(name, bytes):
                continue
            flat = reply[position + 1] if position + 1 < len(reply) else []
            pairs = flat if isinstance(flat, list) else []
            rows.append((name, dict(zip(pairs[::2], pairs[1::2], strict=True))))
        return rows

    def _ensure_index(self) -> None:
        from redis.exceptions import ResponseError

        def create(redis: "Redis") -> None:
            try:
                redis.execute_command(
                    *("FT.CREATE", self._index, "ON", "HASH", "PREFIX", 1, self._prefix, "SCHEMA"),
                    *("scope", "TAG", "documents", "TAG"),
                    *("vector", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", self._dimension),
                    *("DISTANCE_METRIC", "COSINE"),
                )
            except ResponseError as error:
                if "already exists" not in str(error).lower():
                    raise

        self._guarded(create)

    def _guarded(self, work: "Callable[[Redis], Result]") -> Result:
        from redis import Redis
        from redis.exceptions import RedisError

        if self._redis is None:
            self._redis = Redis.from_url(
                self._url,
                protocol=2,
                socket_timeout=self._timeout_s,
                socket_connect_timeout=self._timeout_s,
                max_connections=16,
            )
        try:
            return work(self._redis)
        except (RedisError, OSError) as error:
            raise Unavailable(f"The cache does not answer: {error}", code="cache_unavailable") from error

    def _seal(self, name: bytes, entry: CacheEntry) -> bytes:
        body = {
            "question": entry.question,
            "payload": b64encode(entry.payload).decode(),
            "evidence": [[e.document.id, e.version] for e in entry.evidence],
        }
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, json.dumps(body).encode(), name)

    def _open(self, name: bytes, sealed: bytes, tenant: TenantId, similarity: float) -> CacheEntry | None:
        try:
            body = json.loads(self._aead.decrypt(sealed[:12], sealed[12:], name))
        except InvalidTag:
            return None
        evidence = tuple(EvidenceVersion(DocumentId(tenant, d), v) for d, v in body["evidence"])
        return CacheEntry(body["question"], b64decode(body["payload"]), evidence, similarity)


def _scope_digest(scope: CacheScope) -> str:
    return _digest(*scope.collection, str(scope.epoch), scope.permissions, scope.recipe)


def _document_digest(document: DocumentId) -> str:
    return _digest(*document)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _raw(vector: Vector) -> bytes:
    return np.asarray(list(vector), dtype=np.float32).tobytes()
