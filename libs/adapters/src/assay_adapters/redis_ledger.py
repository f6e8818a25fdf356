"""A collection's ledger: up to where its cached questions were percolated, and which there are.

A ledger is one hash, so that a server that makes room loses both or neither, and each step is one script, so that no
entry is written between the check of the ledger and the writing. Entries carry the ledger's generation in their scope:
with a new one, all earlier entries are out of reach. A tenant's list says which entries it has in all its collections,
and when they end: beyond its quota the oldest go.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import uuid4

from assay_core.documents import CollectionId

from assay_adapters.redis_space import RedisSpace

if TYPE_CHECKING:
    from redis import Redis

# Fields: "generation"; "begun" and "done", sequences; "e:" and an entry's key, with the sequence that it was made at.
_ANEW = """
local function anew(generation, sequence)
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
        if string.sub(field, 1, 2) == 'e:' then
            redis.call('UNLINK', string.sub(field, 3))
            redis.call('ZREM', KEYS[2], string.sub(field, 3))
        end
    end
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'generation', generation, 'begun', sequence, 'done', sequence)
end
"""
_OPEN = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'begun', ARGV[2], 'done', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'generation', 'done')
"""
_STATE = "return redis.call('HMGET', KEYS[1], 'generation', 'done')"
_KEEP = """
local ledger = redis.call('HMGET', KEYS[1], 'generation', 'begun')
if ledger[1] ~= ARGV[1] or tonumber(ledger[2]) > tonumber(ARGV[2]) then return 0 end
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[3], ARGV[3])
redis.call('HSET', KEYS[1], 'e:' .. KEYS[3], ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + ARGV[3], KEYS[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local beyond = redis.call('ZCARD', KEYS[2]) - ARGV[4]
if beyond > 0 then
    local oldest = redis.call('ZPOPMIN', KEYS[2], beyond)
    for i = 1, #oldest, 2 do redis.call('UNLINK', oldest[i]) end
end
return 1
"""
_BEGIN = f"""{_ANEW}
local ledger = redis.call('HMGET', KEYS[1], 'generation', 'done')
local done, sequence = tonumber(ledger[2]), tonumber(ARGV[2])
if done == sequence then return {{}} end
if done ~= sequence - 1 or redis.call('HLEN', KEYS[1]) - 3 > tonumber(ARGV[3]) then
    anew(ARGV[1], ARGV[2])
    return {{}}
end
redis.call('HSET', KEYS[1], 'begun', ARGV[2])
return redis.call('HGETALL', KEYS[1])
"""
_FINISH = """
local ledger = redis.call('HMGET', KEYS[1], 'generation', 'begun')
if ledger[1] ~= ARGV[1] or ledger[2] ~= ARGV[2] then return 0 end
for i = 3, #ARGV do
    redis.call('UNLINK', ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[1], 'e:' .. ARGV[i])
end
redis.call('HSET', KEYS[1], 'done', ARGV[2])
return 1
"""
_FORGET = f"""{_ANEW}
local done = redis.call('HGET', KEYS[1], 'done')
if not done or done == ARGV[2] then return 0 end
anew(ARGV[1], ARGV[2])
return 1
"""


class State(NamedTuple):
    """A ledger's generation, and the sequence up to which its entries were percolated."""

    generation: str
    done: int


class Begun(NamedTuple):
    """Entries to be compared with what arrived, by key, with the sequences that they were made at."""

    generation: str
    entries: Mapping[str, int]


class RedisLedgers:
    """The ledgers of one space."""

    def __init__(self, space: RedisSpace) -> None:
        self._space = space

    def opened(self, collection: CollectionId, sequence: int) -> State:
        """The state of a ledger; an absent one is begun at `sequence`."""
        generation, done = self._run(_OPEN, collection, [_fresh(), sequence])
        return State(generation.decode(), int(done))

    def state(self, collection: CollectionId) -> State | None:
        """The state of a ledger, if there is one."""
        generation, done = self._run(_STATE, collection, [])
        return State(generation.decode(), int(done)) if generation and done else None

    def keep(
        self,
        collection: CollectionId,
        generation: str,
        name: str,
        fields: Mapping[str, str | bytes],
        *,
        made_at: int,
        ttl_ms: int,
        most: int,
    ) -> bool:
        """Write an entry and note it, unless something later than `made_at` is or was run against the others.

        With it the tenant has `most` entries at most.
        """
        flat = [part for pair in fields.items() for part in pair]
        return bool(self._run(_KEEP, collection, [generation, made_at, ttl_ms, most, *flat], name))

    def begin(self, collection: CollectionId, sequence: int, *, most: int) -> Begun | None:
        """See `PercolatedCache.begin`; `most` entries may be compared."""
        flat = self._run(_BEGIN, collection, [_fresh(), sequence, most])
        if not flat:
            return None
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        made = {key[2:].decode(): int(at) for key, at in fields.items() if key.startswith(b"e:")}
        return Begun(fields[b"generation"].decode(), made)

    def finish(self, collection: CollectionId, generation: str, sequence: int, changed: Sequence[str]) -> bool:
        """See `PercolatedCache.finish`."""
        return bool(self._run(_FINISH, collection, [generation, sequence, *changed]))

    def forget(self, collection: CollectionId, sequence: int) -> bool:
        """See `PercolatedCache.forget`."""
        return bool(self._run(_FORGET, collection, [_fresh(), sequence]))

    def _run(self, script: str, collection: CollectionId, arguments: Sequence[str | bytes | int], *keys: str) -> Any:
        """Any: each script has its own kind of reply."""
        named = [self._space.ledger(collection), self._space.tenant(collection.tenant), *keys]

        def run(redis: "Redis") -> Any:
            return redis.eval(script, len(named), *named, *cast("list[Any]", arguments))

        return self._space.guarded(run)


def _fresh() -> str:
    return uuid4().hex
