"""The `SemanticCache` port on a Redis-compatible server with the query engine (FT.* commands).

Entries are encrypted; what stands in the clear are digests and the question's vector. Expiry is the key's own and
absolute. A server that was flushed or restarted gets its index back at the next use, and its ledgers too.
"""

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from assay_core.documents import AclId, DocumentId, TenantId
from assay_core.ports import Vector
from assay_core.search import CacheEntry, CacheNeighbour, CacheScope, CacheView, EvidenceVersion

from assay_adapters.cache_guard import refusal
from assay_adapters.redis_ledger import RedisLedgers
from assay_adapters.redis_space import RedisSpace

if TYPE_CHECKING:
    from redis import Redis

_NEIGHBOURS = 10
_EVICT_BATCH = 1000
DISTANCE = "similarity"


class _Near(NamedTuple):
    """An entry without its result, and where that is."""

    name: str
    entry: CacheEntry


class RedisSemanticCache:
    """A semantic cache for one embedding model.

    Args:
        key: 32 bytes; entries written with another key are misses.
        threshold: least cosine of two questions that may share an answer.
        most_entries: how many a tenant may have; beyond that its oldest go.
    """

    def __init__(
        self,
        *,
        url: str,
        key: bytes,
        model_id: str,
        dimension: int,
        ttl_s: float = 86400.0,
        threshold: float = 0.875,
        most_entries: int = 20_000,
        timeout_s: float = 0.5,
    ) -> None:
        self._space = RedisSpace(url=url, key=key, model_id=model_id, dimension=dimension, timeout_s=timeout_s)
        self._ledgers = RedisLedgers(self._space)
        self._ttl_ms = int(ttl_s * 1000)
        self._threshold = threshold
        self._most_entries = most_entries

    def lookup(self, scope: CacheScope, question: str, vector: Vector, *, sequence: int) -> CacheEntry | None:
        state = self._ledgers.opened(scope.collection, sequence)
        if state.done < sequence:
            return None
        for name, entry in self._near(scope, state.generation, vector):
            if self._refused_by(question, entry) is None and entry.made_at <= sequence:
                return self._with_payload(name, entry)
        return None

    def store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> bool:
        state = self._ledgers.opened(scope.collection, entry.made_at)
        within = self._scope_name(scope, state.generation)
        name = self._space.entries + self._space.name_of(within, entry.question)
        fields: dict[str, str | bytes] = {
            "scope": within,
            "documents": ",".join(sorted({self._space.name_of(*e.document) for e in entry.evidence})),
            "vector": _raw(vector),
            "head": self._space.seal(name, _head(entry)),
            "body": self._space.seal(f"{name}:body", {"payload": b64encode(entry.payload).decode()}),
        }
        self._ensure_index()
        return self._ledgers.keep(
            scope.collection,
            state.generation,
            name,
            fields,
            made_at=entry.made_at,
            ttl_ms=self._ttl_ms,
            most=self._most_entries,
        )

    def asked_before(self, scope: CacheScope, question: str) -> bool:
        name = self._space.asked + self._space.name_of(*scope.collection, scope.permissions, scope.recipe, question)
        return not self._space.guarded(lambda redis: redis.set(name, b"", px=self._ttl_ms, nx=True))

    def view(self, scope: CacheScope, question: str, vector: Vector) -> CacheView:
        state = self._ledgers.state(scope.collection)
        if state is None:
            return CacheView(None, self._threshold, ())
        near = [
            CacheNeighbour(entry, self._refused_by(question, entry))
            for _, entry in self._near(scope, state.generation, vector)
        ]
        return CacheView(state.done, self._threshold, tuple(near))

    def evict_document(self, document: DocumentId) -> int:
        evicted = 0
        while True:
            query = f"@documents:{{{self._space.name_of(*document)}}}"
            rows = self._search(query, "RETURN", 0, "LIMIT", 0, _EVICT_BATCH, "DIALECT", 2)
            if not rows:
                return evicted
            names = [name for name, _ in rows]
            evicted += self._space.guarded(lambda redis, names=names: redis.delete(*names))
            self._space.guarded(lambda redis, names=names: redis.zrem(self._space.tenant(document.tenant), *names))

    def close(self) -> None:
        """Close the connections."""
        self._space.close()

    def _near(self, scope: CacheScope, generation: str, vector: Vector) -> list[_Near]:
        rows = self._search(
            f"(@scope:{{{self._scope_name(scope, generation)}}})=>[KNN {_NEIGHBOURS} @vector $v AS distance]",
            *("PARAMS", 2, "v", _raw(vector), "SORTBY", "distance"),
            *("RETURN", 2, "distance", "head", "LIMIT", 0, _NEIGHBOURS, "DIALECT", 2),
        )
        near: list[_Near] = []
        for raw, fields in rows:
            name, similarity = raw.decode(), 1.0 - float(fields.get(b"distance", b"2"))
            if entry := self._entry(name, fields.get(b"head", b""), scope.collection.tenant, similarity):
                near.append(_Near(name, entry))
        return near

    def _entry(self, name: str, head: bytes, tenant: TenantId, similarity: float) -> CacheEntry | None:
        body = self._space.open(name, head) if head else None
        if body is None:
            return None
        return CacheEntry(
            question=body["question"],
            payload=b"",
            evidence=tuple(EvidenceVersion(DocumentId(tenant, d), v) for d, v in body["evidence"]),
            made_at=body["made_at"],
            acls=frozenset(AclId(acl) for acl in body["acls"]),
            floors=body["floors"],
            terms=body["terms"],
            similarity=similarity,
        )

    def _with_payload(self, name: str, entry: CacheEntry) -> CacheEntry | None:
        sealed = self._space.guarded(lambda redis: redis.hget(name, "body"))
        body = self._space.open(f"{name}:body", cast("bytes", sealed)) if sealed else None
        return replace(entry, payload=b64decode(body["payload"])) if body else None

    def _scope_name(self, scope: CacheScope, generation: str) -> str:
        return self._space.name_of(*scope.collection, generation, scope.permissions, scope.recipe)

    def _refused_by(self, question: str, entry: CacheEntry) -> str | None:
        return DISTANCE if entry.similarity < self._threshold else refusal(question, entry.question)

    def _search(self, query: str, *options: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
        from redis.exceptions import ResponseError

        def search(redis: "Redis") -> list[bytes | list[bytes]]:
            try:
                return cast(
                    "list[bytes | list[bytes]]", redis.execute_command("FT.SEARCH", self._space.index, query, *options)
                )
            except ResponseError as error:
                if "no such index" not in str(error).lower() and "unknown index" not in str(error).lower():
                    raise
                return []

        reply = self._space.guarded(search)[1:]
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
                    *("FT.CREATE", self._space.index, "ON", "HASH", "PREFIX", 1, self._space.entries, "SCHEMA"),
                    *("scope", "TAG", "documents", "TAG"),
                    *("vector", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", self._space.dimension),
                    *("DISTANCE_METRIC", "COSINE"),
                )
            except ResponseError as error:
                if "already exists" not in str(error).lower():
                    raise

        self._space.guarded(create)


def _head(entry: CacheEntry) -> dict[str, object]:
    return {
        "question": entry.question,
        "evidence": [[e.document.id, e.version] for e in entry.evidence],
        "made_at": entry.made_at,
        "acls": sorted(entry.acls),
        "floors": dict(entry.floors),
        "terms": entry.terms,
    }


def _raw(vector: Vector) -> bytes:
    return np.asarray(list(vector), dtype=np.float32).tobytes()
