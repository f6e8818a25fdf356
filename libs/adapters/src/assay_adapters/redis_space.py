"""What all parts of the semantic cache in Redis share: the connection, the names of keys, and the sealing of texts."""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Unavailable
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from redis import Redis

Result = TypeVar("Result")
# Part of every name, so that entries of another layout are not found.
_LAYOUT = 3


class RedisSpace:
    """The keys of one embedding model in one server.

    Args:
        key: 32 bytes; what was sealed with another key cannot be read.
    """

    def __init__(self, *, url: str, key: bytes, model_id: str, dimension: int, timeout_s: float) -> None:
        self._url = url
        self._key = key
        self._aead = AESGCM(key)
        self._timeout_s = timeout_s
        self._redis: Redis | None = None
        self.dimension = dimension
        name = hashlib.sha256(f"{_LAYOUT}:{model_id}:{dimension}".encode()).hexdigest()[:12]
        self.index = f"assay-cache-{name}"
        self.entries = f"assay:cache:{name}:"
        self._ledgers = f"assay:cache-ledger:{name}:"
        self._tenants = f"assay:cache-tenant:{name}:"
        self.asked = f"assay:cache-asked:{name}:"

    def ledger(self, collection: CollectionId) -> str:
        """The key of a collection's ledger."""
        return self._ledgers + self.name_of(*collection)

    def tenant(self, tenant: TenantId) -> str:
        """The key of a tenant's list of entries."""
        return self._tenants + self.name_of(tenant)

    def name_of(self, *parts: str) -> str:
        """A name for what must not stand in the clear, nor be found by guessing it without the key."""
        return hmac.new(self._key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()[:32]

    def seal(self, place: str, body: Mapping[str, Any]) -> bytes:
        """Encrypt for one place; elsewhere it cannot be opened."""
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, json.dumps(body).encode(), place.encode())

    def open(self, place: str, sealed: bytes) -> dict[str, Any] | None:
        """What was sealed for this place with this key, or None."""
        try:
            return json.loads(self._aead.decrypt(sealed[:12], sealed[12:], place.encode()))
        except InvalidTag:
            return None

    def guarded(self, work: "Callable[[Redis], Result]") -> Result:
        """Do `work` with a connection. Raises `Unavailable` if the server does not answer."""
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

    def close(self) -> None:
        """Close the connections."""
        if self._redis is not None:
            self._redis.close()
            self._redis = None
