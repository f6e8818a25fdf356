import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from assay_core.documents import Element, ElementKind, ParsedDocument

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

PARSER = "markdown/1"

_KINDS = {
    "paragraph_open": ElementKind.PARAGRAPH,
    "blockquote_open": ElementKind.PARAGRAPH,
    "bullet_list_open": ElementKind.LIST,
    "ordered_list_open": ElementKind.LIST,
    "table_open": ElementKind.TABLE,
    "fence": ElementKind.CODE,
    "code_block": ElementKind.CODE,
    "html_block": ElementKind.PARAGRAPH,
}
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.M)
_ATX = re.compile(r"[ \t>]*#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$", re.M)
_COMMENT = re.compile(r"\s*<!--.*?-->\s*\Z", re.S)


def parse_markdown(text: str) -> ParsedDocument:
    """The canonical text is the source itself; a heading's span leaves out its `#` marks."""
    front = _FRONT_MATTER.match(text)
    body = "\n" * front.group().count("\n") + text[front.end() :] if front else text
    starts = _line_starts(text)
    elements = tuple(_elements(text, _block_parser().parse(body), starts))
    titles = (text[e.start : e.end] for e in elements if e.level == 1)
    front_title = _FRONT_TITLE.search(front[1]) if front else None
    title = front_title[1] if front_title else next(titles, "")
    return ParsedDocument(text, elements, title, "text/markdown", PARSER)


@cache
def _block_parser() -> "MarkdownIt":
    """Blocks only: what is inside a line does not matter here and costs most of the time."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _line_starts(text: str) -> list[int]:
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    starts.append(len(text) + 1)
    return starts


def _elements(text: str, tokens: list["Token"], starts: list[int]) -> Iterator[Element]:
    for token in tokens:
        if token.level or token.map is None:
            continue
        first, last = token.map
        start, end = _trimmed(text, starts[first], min(len(text), starts[min(last, len(starts) - 1)] - 1))
        if token.type == "heading_open":
            start, end = _heading_span(text, start, end, setext=token.markup in "=-")
            if start < end:
                yield Element(ElementKind.HEADING, start, end, level=int(token.tag[1]))
        elif token.type in _KINDS and start < end and not _COMMENT.match(text, start, end):
            yield Element(_KINDS[token.type], start, end)


def _heading_span(text: str, start: int, end: int, *, setext: bool) -> tuple[int, int]:
    if setext:
        return _trimmed(text, start, text.rfind("\n", start, end))
    found = _ATX.match(text, start, end)
    return found.span(1) if found else (start, start)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in " \t\n":
        start += 1
    while start < end and text[end - 1] in " \t\n":
        end -= 1
    return start, end
