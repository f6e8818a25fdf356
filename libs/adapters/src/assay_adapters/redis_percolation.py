"""The `PercolatedCache` port on the entries of `redis_cache`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from assay_core.documents import AclId, CollectionId
from assay_core.search import CachedQuestion

from assay_adapters.redis_ledger import RedisLedgers
from assay_adapters.redis_space import RedisSpace

if TYPE_CHECKING:
    from redis import Redis

_READ_TOGETHER = 500


class _UnderWay(NamedTuple):
    """A percolation that has begun; entries that have expired leave the ledger when it ends."""

    generation: str
    expired: list[str]


class RedisPercolatedCache:
    """The cached questions of one embedding model.

    Args:
        most_entries: with more of them in a collection, what arrives there forgets them all.
    """

    def __init__(
        self,
        *,
        url: str,
        key: bytes,
        model_id: str,
        dimension: int,
        most_entries: int = 5000,
        timeout_s: float = 2.0,
    ) -> None:
        self._space = RedisSpace(url=url, key=key, model_id=model_id, dimension=dimension, timeout_s=timeout_s)
        self._ledgers = RedisLedgers(self._space)
        self._most_entries = most_entries
        self._under_way: dict[CollectionId, _UnderWay] = {}

    def begin(self, collection: CollectionId, sequence: int) -> Sequence[CachedQuestion] | None:
        begun = self._ledgers.begin(collection, sequence, most=self._most_entries)
        if begun is None:
            return None
        earlier = sorted(name for name, made_at in begun.entries.items() if made_at < sequence)
        groups = [earlier[at : at + _READ_TOGETHER] for at in range(0, len(earlier), _READ_TOGETHER)]
        questions = [question for names in groups for question in self._read(names)]
        expired = set(earlier) - {question.name for question in questions}
        self._under_way[collection] = _UnderWay(begun.generation, sorted(expired))
        return questions

    def finish(self, collection: CollectionId, sequence: int, changed: Sequence[str]) -> bool:
        generation, expired = self._under_way.pop(collection)
        return self._ledgers.finish(collection, generation, sequence, [*changed, *expired])

    def forget(self, collection: CollectionId, sequence: int) -> bool:
        return self._ledgers.forget(collection, sequence)

    def close(self) -> None:
        """Close the connections."""
        self._space.close()

    def _read(self, names: Sequence[str]) -> list[CachedQuestion]:
        """Those of the entries that have not expired. One that cannot be opened is shown as if anything changed it."""

        def read(redis: "Redis") -> list[list[bytes | None]]:
            with redis.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.hmget(name, ["head", "vector"])
                return cast("list[list[bytes | None]]", pipeline.execute())

        questions: list[CachedQuestion] = []
        for name, (head, vector) in zip(names, self._space.guarded(read), strict=True):
            if head is None or vector is None:
                continue
            body = self._space.open(name, head) or {"terms": "", "acls": [], "floors": {}}
            questions.append(
                CachedQuestion(
                    name,
                    body["terms"],
                    cast("Sequence[float]", np.frombuffer(vector, dtype="<f4")),
                    frozenset(AclId(acl) for acl in body["acls"]),
                    body["floors"],
                )
            )
        return questions
