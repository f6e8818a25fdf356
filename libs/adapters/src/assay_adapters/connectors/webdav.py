"""A WebDAV folder: PROPFIND of depth 1, folder by folder (RFC 4918); deeper ones are refused by many servers."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from assay_core.errors import AssayError, Denied, Invalid, NotFound, Unavailable
from assay_core.sources import Change, Complete, Content, Upsert

from assay_adapters.connectors.xml_bodies import local_name, parse_xml, text_of
from assay_adapters.fetching import urls
from assay_adapters.fetching.fetcher import Fetcher, Limits, Response
from assay_adapters.fetching.urls import Url

_LISTING = Limits(max_bytes=20 << 20, timeout_s=60.0)
_MAX_DEPTH = 32
_ASKED = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getetag/>'
    b"<getcontentlength/><getlastmodified/></prop></propfind>"
)


@dataclass(frozen=True, slots=True)
class _Resource:
    target: str
    folder: bool
    etag: str
    size_bytes: int | None
    modified: datetime | None


class WebDavConnector:
    """Connector of a WebDAV folder and all below it.

    Args:
        url: of the folder.
        username: empty for a public one; else sent with `password` as basic authentication.
        limits: of one file.
    """

    def __init__(self, *, url: str, fetcher: Fetcher, limits: Limits, username: str = "", password: str = "") -> None:
        given = urls.parse(url)
        target = given.target if given.target.endswith("/") else given.target + "/"
        self._base = Url(given.scheme, given.host, given.port, target)
        self._fetcher = fetcher
        self._limits = limits
        self._headers: dict[str, str] = {}
        if username:
            token = base64.b64encode(f"{username}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"

    def changes(self, checkpoint: str) -> Iterator[Change]:
        del checkpoint  # etags make a repeated listing cheap
        yield from self._folder(self._base.target, 0)
        yield Complete("")

    def _folder(self, target: str, depth: int) -> Iterator[Change]:
        if depth > _MAX_DEPTH:
            raise Invalid(f"{target!r} lies deeper than {_MAX_DEPTH} folders.", code="too_deep")
        for resource in self._list(target):
            if resource.folder:
                yield from self._folder(resource.target, depth + 1)
            else:
                yield self._upsert(resource)

    def _list(self, target: str) -> list[_Resource]:
        url = self._at(target)
        headers = {**self._headers, "Depth": "1", "Content-Type": "application/xml"}
        with self._fetcher.open(url, method="PROPFIND", headers=headers, body=_ASKED, limits=_LISTING) as answer:
            if answer.status != 207:
                raise _refusal(answer, what="folder")
            root = parse_xml(answer.read(), where=str(url))
        found = [resource for resource in map(_resource, root) if resource is not None]
        # The folder itself is among the answers; what lies elsewhere is none of our business.
        inside = [r for r in found if r.target.startswith(target) and r.target.rstrip("/") != target.rstrip("/")]
        return sorted(inside, key=lambda r: r.target)

    def _upsert(self, resource: _Resource) -> Upsert:
        name = unquote(resource.target[len(self._base.target) :])
        return Upsert(
            resource.target,
            resource.etag,
            lambda known: self._open(resource, known),
            name=name,
            size_bytes=resource.size_bytes,
            modified=resource.modified,
        )

    def _open(self, resource: _Resource, known: str) -> Content | None:
        if resource.etag and resource.etag == known:
            return None
        with ExitStack() as stack:
            answer = stack.enter_context(
                self._fetcher.open(self._at(resource.target), headers=self._headers, limits=self._limits)
            )
            if answer.status != 200:
                raise _refusal(answer, what="file")
            etag = resource.etag or answer.headers.get("etag", "")
            return Content(pieces_of(answer, stack.pop_all()), etag)

    def _at(self, target: str) -> Url:
        return Url(self._base.scheme, self._base.host, self._base.port, target)


def pieces_of(answer: Response, stack: ExitStack) -> Iterator[bytes]:
    """An answer's body; the connection is closed at its end."""
    with stack:
        yield from answer.pieces()


def _refusal(answer: Response, *, what: str) -> AssayError:
    match answer.status:
        case 401 | 403:
            return Denied(f"{answer.url} refuses with {answer.status}: check user and password.", code="source_denied")
        case 404 | 410 if what == "file":
            return NotFound(f"{answer.url} has gone.", code="item_gone")
        case 404 | 410:
            return NotFound(f"There is no folder at {answer.url}.", code="source_not_found")
        case 405 | 501:
            return Invalid(f"{answer.url} does not speak WebDAV.", code="bad_answer")
        case status:
            return Unavailable(f"{answer.url} answers {status}.", code="source_unavailable")


def _resource(response: Element) -> _Resource | None:
    href = text_of(response, "href")
    if local_name(response) != "response" or not href:
        return None
    target = urls.parse(href).target if "://" in href else urls.parse(f"http://x{href}").target
    props = [p for p in response.iter() if local_name(p) == "prop"]
    found = {local_name(child): child for prop in props for child in prop if child.text or len(child)}
    length = _text(found, "getcontentlength")
    modified = _text(found, "getlastmodified")
    folder = "resourcetype" in found and any(local_name(c) == "collection" for c in found["resourcetype"])
    etag = _text(found, "getetag") or (f"{modified} {length}" if modified else "")
    return _Resource(
        target if not folder or target.endswith("/") else target + "/",
        folder,
        etag,
        int(length) if length.isdecimal() and len(length) < 19 else None,
        _date(modified),
    )


def _text(found: dict[str, Element], name: str) -> str:
    return (found[name].text or "").strip() if name in found else ""


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
