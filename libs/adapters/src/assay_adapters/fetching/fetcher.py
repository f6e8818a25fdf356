"""The fetcher. A request is parsed once, resolved once, checked, connected to the checked address, and bounded.

No redirect is followed by a library: each hop starts again with parsing. Proxies of the environment are not used,
since a proxy would resolve the name a second time.
"""

import http.client
import ssl
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

from assay_core.errors import Invalid, Unavailable

from assay_adapters.fetching import urls
from assay_adapters.fetching.connections import Deadline, Guard, Watchdog
from assay_adapters.fetching.urls import Url

USER_AGENT = "Assay"
_PIECE_BYTES = 64 << 10
_REDIRECTS = (301, 302, 303, 307, 308)
_FOLLOWED = ("GET", "HEAD")
_CREDENTIALS = {"authorization", "cookie"}


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_bytes` bounds a body, also after decompression; `timeout_s` the whole exchange with all its hops.

    With no `redirects`, an answer that redirects is given as it is.
    """

    max_bytes: int = 20 << 20
    timeout_s: float = 20.0
    redirects: int = 3


class Response:
    """An answer whose body is read once, within the limits."""

    def __init__(self, url: Url, raw: http.client.HTTPResponse, *, limits: Limits, deadline: Deadline) -> None:
        self.url = url
        self.status = raw.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in raw.getheaders()}
        self._raw = raw
        self._limits = limits
        self._deadline = deadline

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def read(self) -> bytes:
        """The whole body. Raises as `pieces`."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The body piece by piece, decompressed.

        Raises:
            Invalid: it is larger than the limit, or encoded in a way that is not known.
            Exhausted: the time was up.
            Unavailable: the connection broke.
        """
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and (len(declared) > 15 or int(declared) > self._limits.max_bytes):
            raise self._too_large()
        size = 0
        for piece in self._decoded():
            size += len(piece)
            if size > self._limits.max_bytes:
                raise self._too_large()
            yield piece

    def _decoded(self) -> Iterator[bytes]:
        match self.headers.get("content-encoding", "identity").strip().lower():
            case "identity" | "":
                yield from self._received()
            case "gzip" | "x-gzip":
                yield from inflated(self._received())
            case other:
                raise Invalid(
                    f"{self.url} answers in the encoding {other[:40]!r}, nobody asked for.", code="bad_answer"
                )

    def _received(self) -> Iterator[bytes]:
        # Counted here: Python 3.11's read1 does not count, and would wait for more than there is.
        left = self._raw.length
        while left is None or left > 0:
            self._deadline.left_s()
            try:
                piece = self._raw.read1(_PIECE_BYTES if left is None else min(_PIECE_BYTES, left))
            except (OSError, http.client.HTTPException) as error:
                self._deadline.left_s()
                raise Unavailable(f"{self.url} broke off: {error}.", code="source_unavailable") from error
            if not piece:
                break
            left = None if left is None else left - len(piece)
            yield piece
        self._deadline.left_s()
        if left:
            raise Unavailable(f"{self.url} broke off before its end.", code="source_unavailable")

    def _too_large(self) -> Invalid:
        return Invalid(f"{self.url} is larger than {self._limits.max_bytes:,} bytes.", code="too_large")


class Fetcher:
    """Fetches what users point at, over http and https. Safe to use from several threads.

    Args:
        guard: opens the connections.
        limits: of one exchange, unless a caller brings others.
    """

    def __init__(self, guard: Guard, *, limits: Limits | None = None) -> None:
        self._guard = guard
        self.limits = limits or Limits()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    @contextmanager
    def open(
        self,
        url: str | Url,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limits: Limits | None = None,
    ) -> Generator[Response]:
        """An answer of any status but a redirect that was followed; its body is not read yet.

        GET and HEAD follow redirects, which never lead from https to http; credentials stay with the
        origin that they were meant for. Other methods are not redirected.

        Raises:
            Invalid: a URL cannot be used, or there were too many redirects.
            Denied: a host is at an address that may not be connected to.
            Unavailable: a host does not answer, or not in HTTP.
            Exhausted: the time was up.
        """
        limits = limits or self.limits
        here = urls.parse(url) if isinstance(url, str) else url
        deadline = Deadline(limits.timeout_s, what=f"Fetching {here}")
        sent = {"User-Agent": USER_AGENT, "Accept": "*/*", **(headers or {})}
        for _ in range(limits.redirects + 1):
            with ExitStack() as stack:
                raw = self._exchange(stack, here, method, sent, body, deadline)
                location = raw.getheader("Location")
                if raw.status not in _REDIRECTS or method not in _FOLLOWED or location is None or not limits.redirects:
                    yield Response(here, raw, limits=limits, deadline=deadline)
                    return
            there = urls.join(here, location)
            if (here.scheme, there.scheme) == ("https", "http"):
                raise Invalid(f"{here} redirects from https to http, which is not followed.", code="bad_redirect")
            if there.origin != here.origin:
                sent = {name: value for name, value in sent.items() if name.lower() not in _CREDENTIALS}
            here = there
        raise Invalid(f"{url} redirects more than {limits.redirects} times.", code="bad_redirect")

    def _exchange(
        self,
        stack: ExitStack,
        url: Url,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: Deadline,
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(url.host, url.port)
        connection.auto_open = 0
        stack.callback(connection.close)
        plain = self._guard.connect(url.host, url.port, deadline)
        stack.callback(plain.close)
        try:
            stack.enter_context(Watchdog(plain, deadline))
            plain.settimeout(deadline.left_s())
            connection.sock = self._tls.wrap_socket(plain, server_hostname=url.host) if url.scheme == "https" else plain
            connection.putrequest(method, url.target, skip_host=True, skip_accept_encoding=True)
            for name, value in {
                "Host": url.authority,
                "Connection": "close",
                "Accept-Encoding": "identity",
                **headers,
            }.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            raw = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            deadline.left_s()
            raise Unavailable(f"{url} does not answer as it should: {error}.", code="source_unavailable") from error
        stack.callback(raw.close)
        return raw


def inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Gzip, decompressed in pieces of bounded size. Raises `Invalid` if it is none."""
    stream = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            rest = piece
            while rest and not stream.eof:
                yield stream.decompress(rest, _PIECE_BYTES)
                rest = stream.unconsumed_tail
    except zlib.error as error:
        raise Invalid(f"What came is no gzip: {error}.", code="bad_answer") from error
