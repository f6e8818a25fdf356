"""A bucket behind the S3 API. The library signs and understands; every byte goes through our fetcher."""

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import urllib3
from assay_core.errors import AssayError, Denied, NotFound, Unavailable
from assay_core.sources import Change, Checkpoint, Complete, Content, Upsert
from minio import Minio
from minio.error import MinioException, S3Error

from assay_adapters.fetching import urls
from assay_adapters.fetching.fetcher import Fetcher, Limits, Response

_PAGE = 1000
_LISTING = Limits(max_bytes=16 << 20, timeout_s=60.0, redirects=0)
_PIECE_BYTES = 256 << 10
_OF_THE_FETCHER = {"host", "connection", "accept-encoding", "content-length", "user-agent"}
_OF_THE_BODY = {"content-length", "content-encoding", "transfer-encoding"}


class S3Connector:
    """Connector of a bucket, or of what begins with `prefix` in it.

    Args:
        endpoint: such as `https://s3.eu-central-1.amazonaws.com`.
        access_key: empty for a public bucket.
        limits: of one object.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        bucket: str,
        fetcher: Fetcher,
        limits: Limits,
        prefix: str = "",
        region: str = "us-east-1",
        access_key: str = "",
        secret_key: str = "",
    ) -> None:
        url = urls.parse(endpoint)
        self._bucket = bucket
        self._prefix = prefix
        self._client = Minio(
            url.authority,
            access_key=access_key or None,
            secret_key=secret_key or None,
            region=region,
            secure=url.scheme == "https",
            http_client=_Fetched(fetcher, limits),
        )

    def changes(self, checkpoint: str) -> Iterator[Change]:
        with _translated(self._bucket):
            found: Iterator[Any] = iter(
                self._client.list_objects(
                    self._bucket, prefix=self._prefix or None, recursive=True, start_after=checkpoint or None
                )
            )
        count = 0
        while True:
            with _translated(self._bucket):
                entry = next(found, None)
            if entry is None:
                break
            count += 1
            if entry.is_dir or entry.object_name.endswith("/"):
                continue
            yield self._upsert(entry.object_name, entry.etag or "", entry.size, entry.last_modified)
            if count % _PAGE == 0:
                yield Checkpoint(entry.object_name)
        yield Complete("")

    def _upsert(self, key: str, etag: str, size: int | None, modified: datetime | None) -> Upsert:
        return Upsert(key, etag, lambda known: self._open(key, etag, known), size_bytes=size, modified=modified)

    def _open(self, key: str, etag: str, known: str) -> Content | None:
        if etag and etag == known:
            return None
        with _translated(key):
            answer = self._client.get_object(self._bucket, key)
        return Content(_pieces(answer, key), (answer.headers.get("etag") or etag).strip('"'))


class _Fetched(urllib3.PoolManager):
    """What the library takes for its connections: it asks, our fetcher goes."""

    def __init__(self, fetcher: Fetcher, limits: Limits) -> None:
        super().__init__(num_pools=1)
        self._fetcher = fetcher
        self._limits = limits

    def urlopen(  # pyright: ignore[reportIncompatibleMethodOverride] (the library gives these and no others)
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        preload_content: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        sent = {name: value for name, value in (headers or {}).items() if name.lower() not in _OF_THE_FETCHER}
        limits = _LISTING if preload_content else self._limits
        with ExitStack() as stack:
            answer = stack.enter_context(
                self._fetcher.open(url, method=method, headers=sent, body=body or None, limits=limits)
            )
            source = _Body(answer, ExitStack()) if preload_content else _Body(answer, stack.pop_all())
            kept = {name: value for name, value in answer.headers.items() if name not in _OF_THE_BODY}
            return urllib3.HTTPResponse(
                source, headers=kept, status=answer.status, preload_content=preload_content, decode_content=False
            )


class _Body(io.RawIOBase):
    """An answer's body as a file, which closes the connection with it."""

    def __init__(self, answer: Response, stack: ExitStack) -> None:
        self._pieces = answer.pieces()
        self._stack = stack
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._pieces, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def close(self) -> None:
        self._stack.close()
        super().close()


def _pieces(answer: urllib3.BaseHTTPResponse, key: str) -> Iterator[bytes]:
    with _translated(key):
        try:
            yield from answer.stream(_PIECE_BYTES)
        finally:
            answer.close()


@contextmanager
def _translated(what: str) -> Generator[None]:
    try:
        yield
    except AssayError:
        raise
    except S3Error as error:
        raise _meaning(error, what) from error
    except (MinioException, urllib3.exceptions.HTTPError, ValueError, SyntaxError) as error:
        # The library parses XML, whose errors are syntax errors.
        raise Unavailable(f"The store does not answer as S3 does: {error}.", code="source_unavailable") from error


def _meaning(error: S3Error, what: str) -> AssayError:
    match error.code:
        case "NoSuchKey":
            return NotFound(f"{what!r} has gone.", code="item_gone")
        case "NoSuchBucket":
            return NotFound(f"There is no bucket {what!r}.", code="source_not_found")
        case "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthorizationHeaderMalformed":
            return Denied(
                f"The store refuses {what!r}: {error.code}. Check keys, region and rights.", code="source_denied"
            )
        case _:
            return Unavailable(f"The store answers {error.code!r} for {what!r}.", code="source_unavailable")
