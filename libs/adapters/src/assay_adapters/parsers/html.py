import re
from typing import TYPE_CHECKING

from assay_core.documents import ParsedDocument

from assay_adapters.parsers.html_blocks import BlockWriter

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

PARSER = "html/2"

_CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_BOILERPLATE = (
    "script, style, noscript, template, nav, footer, iframe, object, svg, math annotation, button, select, "
    "textarea, dialog, audio, video, canvas, [hidden], [aria-hidden=true], [role=navigation], "
    "[role=contentinfo], [role=search], [role=banner], [role=complementary], .navheader, .navfooter, "
    ".sphinxsidebar, .headerlink, .breadcrumb, .breadcrumbs, .mw-editsection"
)
_MAIN = "main, [role=main], article"
# A page may hold a small article beside its real text: then the whole body is taken.
_MAIN_MIN_SHARE = 0.25


def declared_charset(data: bytes) -> str | None:
    """What the page says its encoding is, within the first 1024 bytes as the HTML standard has it."""
    found = _CHARSET.search(data, 0, 1024)
    return found[1].decode("ascii").lower() if found else None


def parse_html(text: str) -> ParsedDocument:
    """The main content as generated text: `#` headings, `-` lists, pipe tables, blank lines between blocks."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    page_title = _title(tree)
    body = tree.body or tree.root
    writer = BlockWriter(skipped=_boilerplate(tree))
    if body is not None:
        writer.write(_main_content(tree, body))
    canonical, elements = writer.finish()
    first = next((canonical[e.start : e.end] for e in elements if e.level == 1), "")
    return ParsedDocument(canonical, elements, first or page_title, "text/html", PARSER)


def _title(tree: "LexborHTMLParser") -> str:
    node = tree.css_first("head > title") or tree.css_first("title")
    return " ".join(node.text().split())[:300] if node else ""


def _boilerplate(tree: "LexborHTMLParser") -> frozenset[int]:
    """Nodes to pass over. They are not removed: that frees memory which nodes found inside them still use."""
    skipped = {node.mem_id for node in tree.css(_BOILERPLATE)}
    skipped |= {header.mem_id for header in tree.css("header") if header.css_first("h1, h2") is None}
    return frozenset(skipped)


def _main_content(tree: "LexborHTMLParser", body: "LexborNode") -> "LexborNode":
    candidates = tree.css(_MAIN)
    if not candidates:
        return body
    sizes = [len(node.text(deep=True)) for node in candidates]
    largest = max(range(len(sizes)), key=sizes.__getitem__)
    enough = sizes[largest] >= _MAIN_MIN_SHARE * len(body.text(deep=True))
    return candidates[largest] if enough else body
