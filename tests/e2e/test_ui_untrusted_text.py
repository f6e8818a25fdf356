"""Hostile text on every page of the web UI: it stays text, whatever a document, a name or a model says.

No platform is needed: pages come from the package, answers of the API from this file.
"""

import json
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import assay_gateway
import pytest
from assay_gateway.headers import HEADERS
from assay_testing.browser import SIZES, Visit, chromium, open_visit
from playwright.sync_api import Browser, Route, expect

ORIGIN = "http://assay.localhost"
STATIC = Path(assay_gateway.__file__).parent / "web" / "static"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

PAYLOADS = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "<img src='http://evil.test/p.png'>",
    "<svg onload=window.ran=1>",
    "<svg><script>window.ran=1</script></svg>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src=javascript:parent.ran=1>",
    "<object data='http://evil.test/o'></object>",
    "<embed src='http://evil.test/e'>",
    "<link rel=stylesheet href='http://evil.test/s.css'>",
    "<style>@import 'http://evil.test/s.css'</style>",
    "<base href='http://evil.test/'>",
    "<meta http-equiv=refresh content='0;url=http://evil.test/'>",
    "<form action='http://evil.test/'><button>x</button></form>",
    "<a href=javascript:window.ran=1>x</a>",
    "<details open ontoggle=window.ran=1>",
    "<video><source onerror=window.ran=1></video>",
    "<body onload=window.ran=1>",
    "<math><mtext><script>window.ran=1</script></mtext></math>",
    "<template><script>window.ran=1</script></template>",
    "</textarea><script>window.ran=1</script>",
    "--><script>window.ran=1</script>",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "![x](http://evil.test/p.png)",
    "![x](javascript:window.ran=1)",
    "[x](javascript:window.ran=1)",
    "[x](http://evil.test/?q=secret)",
    "[x](data:text/html,<script>window.ran=1</script>)",
    "[![x](http://evil.test/p.png)](http://evil.test/)",
    "<http://evil.test/>",
    "[ref]: http://evil.test/\n![ref]",
    "`<img src=x onerror=window.ran=1>`",
    "\u202e\u0000<scr\u0000ipt>window.ran=1</script>",
    "{{constructor.constructor('window.ran=1')()}}",
    "__proto__[x](y) [1](javascript:window.ran=1)",
]
KINDS = ("string", "number", "date", "tags")
PLACES = ["{}", "**{}**", "- {}", "> {}", "| a | b |\n|---|---|\n| {} | x |", "# {}", "1. [{}](http://evil.test/)"]
FORBIDDEN = (
    "script, img, iframe, object, embed, link, style, base, meta, form, video, audio, svg image, math, "
    "[style], [onerror], [onload], [ontoggle], [src], [srcdoc], [href]:not([href^='/ui'])"
)

RENDER_EVERY_PREFIX = """async ([source, forbidden]) => {
  const { renderMarkdown } = await import("/ui/markdown.js");
  const target = document.createElement("div");
  document.body.append(target);
  const citations = new Map([[1, { document_name: source, page: 1 }]]);
  for (let end = 0; end <= source.length; end += 1) {
    renderMarkdown(target, source.slice(0, end), { citations });
    if (target.querySelector(forbidden)) return source.slice(0, end);
  }
  const claims = [{ start: 1, end: source.length, verdict: "unsupported", citations: [1] }];
  renderMarkdown(target, source, { citations, claims });
  const bad = target.querySelector(forbidden)?.outerHTML ?? null;
  const streamed = document.createElement("div");
  for (let end = 0; end <= source.length; end += 1) {
    renderMarkdown(streamed, source.slice(0, end), { citations, claims });
  }
  target.remove();
  return bad ?? (streamed.innerHTML === target.innerHTML ? null : "streaming and history differ");
}"""


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.integration
@pytest.mark.slow
def test_markdown_of_a_model_stays_text_at_every_split(browser: Browser) -> None:
    visit = open_visit(browser, ORIGIN, "desktop")
    visit.page.route(f"{ORIGIN}/**", lambda route: _serve(route, "plain"))
    visit.page.goto(f"{ORIGIN}/ui/")
    for payload in PAYLOADS:
        for place in PLACES:
            broken = visit.page.evaluate(RENDER_EVERY_PREFIX, [place.format(payload), FORBIDDEN])
            assert broken is None, broken
    assert visit.page.evaluate("window.ran") is None
    assert visit.offences == []
    visit.page.context.close()


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_hostile_names_texts_and_answers_run_nothing_on_any_page(browser: Browser, size: str) -> None:
    visit = open_visit(browser, ORIGIN, size)
    page, hostile = visit.page, " ".join(PAYLOADS).replace("\0", "")
    page.route(f"{ORIGIN}/**", lambda route: _serve(route, hostile))
    for path, shown in {
        "/ui/": ".composer",
        "/ui/search?q=x&explain=1": ".hit",
        "/ui/documents": ".document-table",
        "/ui/documents/d1": ".chunk",
        "/ui/documents/d1?version=1&start=0&end=20": ".document-text mark",
        "/ui/evaluations": ".chart-svg",
        "/ui/evaluations?run=r1": ".question-cell",
    }.items():
        page.goto(ORIGIN + path)
        expect(page.locator(shown).first).to_be_visible()
        _assert_harmless(visit)
    _edit_the_document(visit)
    _delete_several(visit)
    page.goto(f"{ORIGIN}/ui/")
    page.get_by_label("Your question").fill(hostile[:4000])
    page.keyboard.press("Enter")
    page.locator(".verdict-line").wait_for()
    page.locator(".source").first.click()
    expect(page.locator(".drawer mark")).to_be_visible()
    _assert_harmless(visit)
    visit.shot(f"{size}-hostile")
    page.context.close()


def _edit_the_document(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{ORIGIN}/ui/documents/d1")
    for what in ("metadata", "access"):
        page.get_by_role("button", name=f"Edit {what}").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Save")).to_be_attached()
        _assert_harmless(visit, within="dialog")
        page.keyboard.press("Escape")


def _delete_several(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{ORIGIN}/ui/documents")
    page.get_by_label("Select all shown").check()
    page.get_by_role("button", name="Delete selected").click()
    expect(page.locator(".confirm-list li")).to_be_visible()
    _assert_harmless(visit, within="dialog")


def _assert_harmless(visit: Visit, *, within: str = "#app") -> None:
    page = visit.page
    forbidden = FORBIDDEN.replace("form, ", "").replace("[src], ", "")
    assert page.locator(within).locator(forbidden).count() == 0
    assert page.evaluate("window.ran") is None
    assert visit.offences == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"


def _serve(route: Route, text: str) -> None:
    """Pages from the package with the gateway's own headers; `text` wherever the API has a string."""
    path = urlsplit(route.request.url).path
    headers = {name.lower(): value for name, value in HEADERS.items()}
    if path.startswith("/ui"):
        file = STATIC / path.removeprefix("/ui").lstrip("/")
        file = file if file.is_file() else STATIC / "index.html"
        return route.fulfill(body=file.read_bytes(), headers=headers | {"content-type": TYPES[file.suffix]})
    if path.endswith("/ask"):
        return route.fulfill(body=_answer_events(text), headers=headers | {"content-type": "text/event-stream"})
    return route.fulfill(body=json.dumps(_reply(path, text)), headers=headers | {"content-type": "application/json"})


def _reply(path: str, text: str) -> object:
    when = "2026-01-02T03:04:05Z"
    about = {"size_bytes": 1, "media_type": text, "pages": 1, "chunks": 1, "created_at": when, "updated_at": when}
    version = about | {"version": 1, "state": "ready", "progress": 1, "sha256": text, "error_code": text, "error": text}
    document = version | {
        "id": "d1",
        "name": text,
        "collection": text,
        "live_version": 1,
        "metadata": {text: text, "tags": [text], f"{text} number": text, f"{text} date": text},
    }
    run = {
        "id": "r1",
        "collection": text,
        "dataset": text,
        "judge": text,
        "state": "done",
        "configuration": {text: text},
        "metrics": {"mrr": 0.5, text: 0.5},
        "intervals": {"mrr": [0.4, 0.6]},
        "questions": 1,
        "failures": 1,
        "started_at": when,
        "finished_at": when,
        "error": text,
    }
    part = {"ready": True, "detail": text}
    match path.strip("/").split("/")[1:]:
        case ["me"]:
            return {"name": text, "tenant": text, "roles": ["curator"]}
        case ["system"]:
            return {"version": text, "parts": {"retrieval": part, "generator": part, "ingestion": {}}}
        case ["collections"]:
            return {"collections": [{"name": text, "documents": 1, "chunks": 1}]}
        case ["collections", _]:
            return {"name": text, "settings": {"fields": {f"{text} {kind}": kind for kind in KINDS}}}
        case ["collections", _, "documents", "delete"]:
            return {"dry_run": True, "count": 1, "more": False, "documents": [{"document_id": "d1", "name": text}]}
        case ["collections", _, "documents"]:
            return {"documents": [document], "next_cursor": None, "counts": {"ready": 1}}
        case ["collections", _, "search"]:
            return {"hits": [_hit(text)], "timings_ms": {text: 1.0}, "cache": text, "degraded": [_degraded(text)]}
        case ["documents", _]:
            twin = {"document_id": "d2", "name": text, "similarity": 0.9}
            access = {"allow": [text], "deny": [text]}
            return document | {"versions": [version], "access": access, "near_duplicates": [twin]}
        case ["documents", _, "versions", _, "text"]:
            whole = {"start": 0, "end": len(text), "passage_start": 0, "passage_end": 20, "length": len(text)}
            return {"document_id": "d1", "name": text, "version": 1, "text": text} | whole
        case ["documents", _, "versions", _, "chunks"]:
            return {"chunks": [_hit(text) | {"ordinal": 0, "tokens": 1}], "next_cursor": None}
        case ["evaluations", "runs"]:
            return {"runs": [run]}
        case _:
            score = {"question": text, "metric": text, "value": 0.2, "failure": text}
            return run | {"scores": [score]}


def _hit(text: str) -> dict[str, object]:
    place: dict[str, object] = {"document_id": "d1", "document_name": text, "version": 1, "page": 1, "heading": text}
    stages = [{"stage": text, "rank": 1, "score": 1.0}]
    span = {"chunk_id": "c1", "text": text, "start": 0, "end": 20}
    around = [span | {"chunk_id": "c0"}, span | {"chunk_id": "c2", "start": 20, "end": 40}]
    return place | span | {"rank": 1, "score": 1.0, "scored_by": text, "stages": stages, "around": around}


def _degraded(text: str) -> dict[str, str]:
    return {"component": text, "mode": text, "reason": text}


def _answer_events(text: str) -> bytes:
    source = "\n\n".join(place.format(payload) for payload in PAYLOADS for place in PLACES) + "\n\nEnd [1]."
    citation = _hit(text) | {"n": 1, "quote": text, "origin": text}
    claim = {"start": 0, "end": 9, "text": text, "verdict": "contradicted", "probability": 0.1, "citations": [1]}
    rest = {"timings_ms": {text: 1.0}, "degraded": [_degraded(text)]}
    answer = {
        "id": text,
        "question": text,
        "answer": source,
        "outcome": "partly_supported",
        "citations": [citation],
        "claims": [claim],
        "sources": [_hit(text)],
        "model": text,
        "prompt_version": text,
        "usage": None,
        "cache": text,
        "finish_reason": "length",
    }
    events = [
        ("retrieval", {"hits": [_hit(text)]} | rest),
        *(("token", {"text": source[i : i + 7]}) for i in range(0, len(source), 7)),
        ("citation", citation),
        ("verdict", claim),
        ("done", answer | rest),
    ]
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()
