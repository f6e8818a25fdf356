"""A connection to Milvus that is made at its first use, and what its failures mean."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from assay_core.errors import Broken, Unavailable

if TYPE_CHECKING:
    from pymilvus import MilvusClient

Result = TypeVar("Result")


class MilvusConnection:
    """One client, for many threads.

    Args:
        token: `user:password`, empty for a server without authorization.
        timeout_s: bound on connecting, and on calls that name no other.
        failed: called when Milvus did not answer; collections may be gone or unloaded since.
    """

    def __init__(self, *, uri: str, token: str, timeout_s: float, failed: Callable[[], None]) -> None:
        self._uri = uri
        self._token = token
        self.timeout_s = timeout_s
        self._failed = failed
        self._lock = threading.Lock()
        self._client: MilvusClient | None = None

    def call(self, work: "Callable[[MilvusClient], Result]") -> Result:
        """The result of a call. Raises `Unavailable` if Milvus does not answer, `Broken` if it cannot be asked so."""
        import grpc
        from pymilvus import MilvusException
        from pymilvus.exceptions import ParamError

        try:
            return work(self._open())
        except ParamError as error:
            raise Broken(f"Milvus cannot be asked so: {error.message}", code="milvus_request") from error
        except (MilvusException, grpc.RpcError, OSError) as error:
            self._failed()
            reason = getattr(error, "message", "") or type(error).__name__
            raise Unavailable(
                f"Milvus does not answer: {reason}", code="milvus_unavailable", retry_after_s=5
            ) from error

    def close(self) -> None:
        """Close the client; the next call makes another."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _open(self) -> "MilvusClient":
        from pymilvus import MilvusClient

        with self._lock:
            if self._client is None:
                self._client = MilvusClient(uri=self._uri, token=self._token, timeout=self.timeout_s)
            return self._client
