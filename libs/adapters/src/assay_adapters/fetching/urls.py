"""URLs, parsed once and strictly: what browsers and libraries read in different ways is refused."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from assay_core.errors import Invalid

from assay_adapters.fetching.addresses import literal

MAX_CHARS = 4096
_PORTS = {"http": 80, "https": 443}
_SHAPE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?", re.DOTALL)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_STRANGE = re.compile(r"[\x00-\x20\x7f\\]")
_PRINTABLE = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Url:
    """`target` is path and query as they go into the request line."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


def parse(text: str) -> Url:
    """Parse an absolute http or https URL. A fragment is dropped.

    Raises:
        Invalid: it is not one, names a user, or writes its host or port in an unusual way.
    """
    if len(text) > MAX_CHARS:
        raise Invalid(f"A URL has {len(text):,} characters; the limit is {MAX_CHARS:,}.", code="bad_url")
    shape = _SHAPE.fullmatch(text)
    if _STRANGE.search(text) or shape is None:
        raise _bad(text, "it is not of the form https://host/path without spaces and backslashes")
    scheme = shape["scheme"].lower()
    if scheme not in _PORTS:
        raise _bad(text, "only http and https are fetched")
    if "@" in shape["authority"]:
        raise Invalid("A URL must not name a user or password; give them as settings of their own.", code="bad_url")
    host, port = _split(text, shape["authority"])
    if not 1 <= (number := port if port is not None else _PORTS[scheme]) <= 65535:
        raise _bad(text, "its port is none")
    target = _encoded(shape["rest"])
    return Url(scheme, host, number, target if target.startswith("/") else f"/{target}")


def join(base: Url, reference: str) -> Url:
    """The URL that `reference` means on the page `base`. Raises as `parse`."""
    if _STRANGE.search(reference):
        raise _bad(reference, "it holds spaces, control characters or backslashes")
    try:
        whole = urljoin(str(base), reference)
    except ValueError as error:
        raise _bad(reference, str(error)) from error
    return parse(whole)


def clean_host(text: str) -> str:
    """A host in its one usual form, for connections that have no URL. Raises as `parse`."""
    return _split(text, f"[{text}]" if ":" in text else text)[0]


def _split(text: str, authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        address = literal(host)
        if not bracket or address is None or address.version != 6 or "%" in host:
            raise _bad(text, "its IPv6 address is none")
        return str(address), _port(text, rest)
    host, colon, port = authority.partition(":")
    return _host(text, host), _port(text, colon + port)


def _port(text: str, rest: str) -> int | None:
    if not rest or rest == ":":
        return None
    if not re.fullmatch(r":[0-9]{1,5}", rest, re.ASCII):
        raise _bad(text, "its port is none")
    return int(rest[1:])


def _host(text: str, host: str) -> str:
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise _bad(text, "its host is no name") from error
    if not _NAME.fullmatch(name):
        raise _bad(text, "its host is no name")
    # What ends in a number is an IPv4 address (WHATWG URL, "ends in a number"); only dotted decimal is taken.
    if _NUMBER.fullmatch(name.rpartition(".")[2]) and literal(name) is None:
        raise _bad(text, "its address is not four decimal numbers")
    return name


def _encoded(target: str) -> str:
    return "".join(
        c if _PRINTABLE.fullmatch(c) else "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace")) for c in target
    )


def _bad(text: str, why: str) -> Invalid:
    return Invalid(f"{text[:200]!r} is not fetched: {why}.", code="bad_url")
