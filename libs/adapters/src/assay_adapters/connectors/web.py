"""Pages of web sites, found in their sitemaps and feeds.

A sitemap names all there is, so what has left it is removed. A feed names only what is new, so nothing is removed by
it; a page that answers 404 or 410 is. robots.txt (RFC 9309) is kept to, and only the hosts that were given are asked.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import unquote
from urllib.robotparser import RobotFileParser
from xml.etree.ElementTree import Element

from assay_core.errors import AssayError, Denied, Invalid, NotFound, Unavailable
from assay_core.sources import Change, Checkpoint, Complete, Content, Upsert

from assay_adapters.connectors.webdav import pieces_of
from assay_adapters.connectors.xml_bodies import local_name, parse_xml, text_of
from assay_adapters.fetching import urls
from assay_adapters.fetching.fetcher import USER_AGENT, Fetcher, Response, inflated
from assay_adapters.fetching.urls import Url

_MAX_DEPTH = 3
_LONGEST_PAUSE_S = 10.0
_GZIP = b"\x1f\x8b"


@dataclass(slots=True)
class _Walk:
    """What one run has found so far."""

    pages: set[str] = field(default_factory=set[str])
    complete: bool = True


class WebConnector:
    """Connector of the pages that sitemaps (also their indexes, also gzipped), RSS and Atom feeds name.

    Args:
        urls: of sitemaps and feeds.
        hosts: asked besides those of `urls`.
        max_pages: pages of one run; if there are more, nothing is removed and the run says so.
        pause_s: between two pages of a run; a longer `Crawl-delay` of the site counts, up to 10 s.
    """

    def __init__(
        self,
        *,
        urls: Sequence[str],
        fetcher: Fetcher,
        hosts: Sequence[str] = (),
        max_pages: int = 1000,
        pause_s: float = 0.1,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._starts = [parse_url(url) for url in urls]
        self._hosts = {url.host for url in self._starts} | {host.lower() for host in hosts}
        self._fetcher = fetcher
        self._max_pages = max_pages
        self._pause_s = pause_s
        self._sleep = sleep
        self._robots: dict[str, RobotFileParser] = {}

    def changes(self, checkpoint: str) -> Iterator[Change]:
        del checkpoint  # what is known of each page makes a repeated run cheap
        self._robots.clear()
        walk = _Walk()
        for start in self._starts:
            yield from self._list(start, walk, 0)
        yield Complete("") if walk.complete else Checkpoint("")

    def _list(self, where: Url, walk: _Walk, depth: int) -> Iterator[Change]:
        if not self._allowed(where):
            raise Denied(f"robots.txt of {where.origin} does not allow {where}.", code="robots_denied")
        with self._fetcher.open(where) as answer:
            if answer.status != 200:
                raise _refusal(answer, listing=True)
            root = parse_xml(self._unzipped(answer), where=str(where))
        match local_name(root):
            case "sitemapindex":
                if depth >= _MAX_DEPTH:
                    raise Invalid(f"{where} is a sitemap index more than {_MAX_DEPTH} deep.", code="too_deep")
                for entry in root:
                    if (location := text_of(entry, "loc")) and self._is_ours(inner := urls.join(where, location)):
                        yield from self._list(inner, walk, depth + 1)
            case "urlset":
                yield from self._pages(where, [text_of(entry, "loc") for entry in root], walk)
            case "rss" | "feed" | "rdf":
                walk.complete = False
                yield from self._pages(where, _links(root), walk)
            case other:
                raise Invalid(f"{where} is neither sitemap nor feed, but {other!r}.", code="bad_answer")

    def _unzipped(self, answer: Response) -> bytes:
        body = answer.read()
        if not body.startswith(_GZIP):
            return body
        whole = bytearray()
        for piece in inflated(iter((body,))):
            whole += piece
            if len(whole) > self._fetcher.limits.max_bytes:
                raise Invalid(
                    f"{answer.url} is larger than {self._fetcher.limits.max_bytes:,} bytes.", code="too_large"
                )
        return bytes(whole)

    def _pages(self, where: Url, links: Sequence[str], walk: _Walk) -> Iterator[Change]:
        for link in links:
            if not link:
                continue
            try:
                page = urls.join(where, link)
            except Invalid as error:
                yield _refused(link, error)
                continue
            if str(page) in walk.pages:
                continue
            if len(walk.pages) >= self._max_pages:
                walk.complete = False
                yield _refused(
                    str(page),
                    Invalid(f"There are more than {self._max_pages:,} pages; raise max_pages.", code="too_many_items"),
                )
                return
            walk.pages.add(str(page))
            yield self._upsert(page)

    def _upsert(self, page: Url) -> Upsert:
        name = page.authority + unquote(page.target)
        return Upsert(str(page), "", lambda known: self._open(page, known), name=name.rstrip("/"))

    def _open(self, page: Url, known: str) -> Content | None:
        if not self._is_ours(page):
            raise Invalid(f"{page} is on a host that was not given; add it to hosts.", code="other_host")
        if not self._allowed(page):
            raise Invalid(f"robots.txt of {page.origin} does not allow {page}.", code="robots_denied")
        self._sleep(self._pause(page))
        with ExitStack() as stack:
            answer = stack.enter_context(self._fetcher.open(page, headers=_condition(known)))
            if answer.status == 304 and known:
                return None
            if answer.status != 200:
                raise _refusal(answer, listing=False)
            return Content(pieces_of(answer, stack.pop_all()), _state_of(answer))

    def _is_ours(self, url: Url) -> bool:
        return url.host in self._hosts

    def _allowed(self, url: Url) -> bool:
        return self._rules(url).can_fetch(USER_AGENT, str(url))

    def _pause(self, url: Url) -> float:
        delay = self._rules(url).crawl_delay(USER_AGENT)
        return max(self._pause_s, min(float(delay or 0), _LONGEST_PAUSE_S))

    def _rules(self, url: Url) -> RobotFileParser:
        if url.origin not in self._robots:
            self._robots[url.origin] = self._read_rules(url)
        return self._robots[url.origin]

    def _read_rules(self, url: Url) -> RobotFileParser:
        rules = RobotFileParser()
        with self._fetcher.open(Url(url.scheme, url.host, url.port, "/robots.txt")) as answer:
            # RFC 9309: without rules all is allowed; rules that cannot be had forbid all.
            if 200 <= answer.status < 300:
                rules.parse(answer.read().decode("utf-8", "replace").splitlines())
            elif 400 <= answer.status < 500:
                rules.parse([])
            else:
                raise Unavailable(f"robots.txt of {url.origin} answers {answer.status}.", code="source_unavailable")
        return rules


def parse_url(text: str) -> Url:
    return urls.parse(text)


def _refused(link: str, error: Invalid) -> Upsert:
    def refuse(_: str) -> Content | None:
        raise error

    return Upsert(link, "", refuse)


def _links(root: Element) -> list[str]:
    """Links of entries, in the order of the feed: text in RSS, an attribute in Atom."""
    found: list[str] = []
    for entry in root.iter():
        if local_name(entry) in ("item", "entry"):
            links = [child for child in entry if local_name(child) == "link"]
            found += [(link.get("href") or link.text or "").strip() for link in links if _is_page(link)][:1]
    return found


def _is_page(link: Element) -> bool:
    return link.get("rel", "alternate") == "alternate"


def _condition(known: str) -> dict[str, str]:
    kind, _, value = known.partition(":")
    match kind:
        case "etag":
            return {"If-None-Match": value}
        case "date":
            return {"If-Modified-Since": value}
        case _:
            return {}


def _state_of(answer: Response) -> str:
    if etag := answer.headers.get("etag"):
        return f"etag:{etag[:500]}"
    if modified := answer.headers.get("last-modified"):
        return f"date:{modified[:100]}"
    return ""


def _refusal(answer: Response, *, listing: bool) -> AssayError:
    match answer.status:
        case 404 | 410:
            code = "source_not_found" if listing else "item_gone"
            return NotFound(f"{answer.url} answers {answer.status}.", code=code)
        case 401 | 403:
            message = f"{answer.url} refuses with {answer.status}."
            return Denied(message, code="source_denied") if listing else Invalid(message, code="item_denied")
        case status:
            return Unavailable(f"{answer.url} answers {status}.", code="source_unavailable")
