"""The real semantic cache meets the contract that the fake meets, and survives a server that forgets."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from assay_adapters.redis_cache import RedisSemanticCache
from assay_adapters.redis_percolation import RedisPercolatedCache
from assay_core.errors import Unavailable
from assay_core.ports import SemanticCache
from assay_embedded.testing import Platform
from assay_testing.conformance.percolated_cache import MOST, BothPorts, PercolatedCacheContract
from assay_testing.conformance.semantic_cache import DIMENSION, SemanticCacheContract, entry_for, scope_for, turned
from assay_testing.ids import new_collection

pytestmark = pytest.mark.integration


def opened(url: str, *, ttl_s: float = 60.0, key: bytes = bytes(32), most_entries: int = 20_000) -> RedisSemanticCache:
    return RedisSemanticCache(
        url=url,
        key=key,
        model_id="test",
        dimension=DIMENSION,
        ttl_s=ttl_s,
        threshold=0.97,
        most_entries=most_entries,
        timeout_s=2,
    )


class TestRedisSemanticCache(SemanticCacheContract):
    @pytest.fixture
    def make_cache(self, servers: Platform) -> Callable[[float], SemanticCache]:
        return lambda ttl_s: opened(servers.env["ASSAY_CACHE__URL"], ttl_s=ttl_s, most_entries=4)

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        return time.sleep


@dataclass
class BothRedisPorts:
    """Both adapters on one server."""

    url: str

    def __post_init__(self) -> None:
        self.users = opened(self.url)
        self.percolation = RedisPercolatedCache(
            url=self.url, key=bytes(32), model_id="test", dimension=DIMENSION, most_entries=MOST
        )

    def flush(self) -> None:
        redis.Redis.from_url(self.url, protocol=2).flushall()


class TestRedisPercolatedCache(PercolatedCacheContract):
    @pytest.fixture
    def both(self, servers: Platform) -> BothPorts:
        return BothRedisPorts(servers.env["ASSAY_CACHE__URL"])


def test_a_flushed_server_is_an_empty_cache_that_fills_again(servers: Platform):
    cache, collection = opened(servers.env["ASSAY_CACHE__URL"]), new_collection()
    scope, entry = scope_for(collection), entry_for(collection, "what now")
    cache.store(scope, entry, turned(0))
    redis.Redis.from_url(servers.env["ASSAY_CACHE__URL"], protocol=2).flushall()
    assert cache.lookup(scope, "what now", turned(0), sequence=1) is None
    cache.store(scope, entry, turned(0))
    assert cache.lookup(scope, "what now", turned(0), sequence=1) is not None


def test_nothing_readable_lies_in_the_server(servers: Platform):
    url = servers.env["ASSAY_CACHE__URL"]
    cache, collection = opened(url), new_collection()
    cache.store(scope_for(collection), entry_for(collection, "canary question", payload=b"canary payload"), turned(0))
    cache.asked_before(scope_for(collection), "canary question")
    client = redis.Redis.from_url(url, protocol=2)
    read: dict[Any, Callable[[Any], Any]] = {
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"string": client.get,
    }
    stored = [(key, read[client.type(key)](key)) for key in client.scan_iter("assay:cache*")]
    assert {b"assay:cache-ledger", b"assay:cache-tenant", b"assay:cache-asked"} <= {
        key.rpartition(b":")[0].rpartition(b":")[0] for key, _ in stored
    }
    assert b"canary" not in repr(stored).encode()


def test_an_expired_entry_leaves_the_ledger_when_something_arrives(servers: Platform):
    url, collection = servers.env["ASSAY_CACHE__URL"], new_collection()
    opened(url, ttl_s=0.2).store(scope_for(collection), entry_for(collection, "what now"), turned(0))
    time.sleep(0.4)
    both = BothRedisPorts(url)
    assert both.percolation.begin(collection, 2) == []
    assert both.percolation.finish(collection, 2, [])
    again = both.percolation._ledgers.begin(collection, 3, most=MOST)  # pyright: ignore[reportPrivateUsage]
    assert again is not None
    assert again.entries == {}


def test_another_key_reads_nothing(servers: Platform):
    url, collection = servers.env["ASSAY_CACHE__URL"], new_collection()
    opened(url).store(scope_for(collection), entry_for(collection, "what now"), turned(0))
    assert opened(url, key=b"k" * 32).lookup(scope_for(collection), "what now", turned(0), sequence=1) is None


def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable):
        opened("redis://127.0.0.1:1/0").lookup(scope_for(new_collection()), "what", turned(0), sequence=1)
