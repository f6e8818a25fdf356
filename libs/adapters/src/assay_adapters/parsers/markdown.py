import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.tables import Table

from assay_adapters.parsers.html import parse_html
from assay_adapters.parsers.inclusion import moved
from assay_adapters.parsers.markdown_tables import table_of
from assay_adapters.parsers.tables import MAX_LISTED_CELLS

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

PARSER = "markdown/2"

_HTML = "html_block"
_KINDS = {
    "paragraph_open": ElementKind.PARAGRAPH,
    "blockquote_open": ElementKind.PARAGRAPH,
    "bullet_list_open": ElementKind.LIST,
    "ordered_list_open": ElementKind.LIST,
    "table_open": ElementKind.TABLE,
    "fence": ElementKind.CODE,
    "code_block": ElementKind.CODE,
}
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.M)
_ATX = re.compile(r"[ \t>]*#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$", re.M)
_TABLE_TAG = re.compile(r"<(/?)table\b", re.I)


def parse_markdown(text: str) -> ParsedDocument:
    """The canonical text is the source, with blocks of HTML as what they show; a heading's span leaves out its `#`."""
    front = _FRONT_MATTER.match(text)
    body = "\n" * front.group().count("\n") + text[front.end() :] if front else text
    source = _Source(text, _block_parser().parse(body))
    canonical, elements = _shown(text, list(source.elements()), source.html)
    titles = (canonical[e.start : e.end] for e in elements if e.level == 1)
    front_title = _FRONT_TITLE.search(front[1]) if front else None
    title = front_title[1] if front_title else next(titles, "")
    return ParsedDocument(canonical, elements, title, "text/markdown", PARSER)


@cache
def _block_parser() -> "MarkdownIt":
    """Blocks only: what is inside a line does not matter here and costs most of the time."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


class _Source:
    """The top blocks of a file; afterwards `html` holds where the blocks of HTML among them begin."""

    def __init__(self, text: str, tokens: "list[Token]") -> None:
        self.html: set[int] = set()
        self._text = text
        self._tokens = tokens
        self._ends_of_html = _ends_of_html(tokens)
        self._starts = _line_starts(text)
        self._cells_left = MAX_LISTED_CELLS

    def elements(self) -> Iterator[Element]:
        done = 0
        for number, token in enumerate(self._tokens):
            if token.level or token.map is None or token.map[0] < done:
                continue
            first, last = token.map
            if token.type == _HTML:
                done = last = self._ends_of_html.get(number, last)
            start, end = self._span(first, last)
            if token.type == "heading_open":
                start, end = _heading_span(self._text, start, end, setext=token.markup in "=-")
                if start < end:
                    yield Element(ElementKind.HEADING, start, end, level=int(token.tag[1]))
            elif token.type == _HTML:
                self.html.add(start)
                yield Element(ElementKind.PARAGRAPH, start, end)
            elif token.type in _KINDS and start < end:
                table = self._table(number, first) if token.type == "table_open" else None
                yield Element(_KINDS[token.type], start, end, table=table)

    def _table(self, number: int, first_line: int) -> Table | None:
        rows = list[tuple[int, int]]()
        columns = 0
        for later in range(number + 1, len(self._tokens)):
            token = self._tokens[later]
            if token.type == "table_close":
                break
            columns += token.type == "th_open"
            if token.type == "tr_open":
                # The head's own lines are those of the head and the rule.
                line = token.map[0] if token.map is not None else first_line
                rows.append((self._starts[line], min(len(self._text), self._starts[line + 1] - 1)))
        if columns * len(rows) > self._cells_left:
            return None
        self._cells_left -= columns * len(rows)
        return table_of(self._text, rows, columns)

    def _span(self, first: int, last: int) -> tuple[int, int]:
        starts = self._starts
        return _trimmed(self._text, starts[first], min(len(self._text), starts[min(last, len(starts) - 1)] - 1))


def _ends_of_html(tokens: "list[Token]") -> dict[int, int]:
    """Of top blocks of HTML that leave a table open, by number: the line after the block that closes it.

    Blank lines end a block of HTML, but not the table in it.
    """
    ends: dict[int, int] = {}
    open_blocks: list[tuple[int, int]] = []  # how many tables were open before each, and its number
    depth = 0
    for number, token in enumerate(tokens):
        if token.type != _HTML or token.level or token.map is None:
            continue
        before = depth
        depth += _open_tables(token.content)
        while open_blocks and depth <= open_blocks[-1][0]:
            ends[open_blocks.pop()[1]] = token.map[1]
        if depth > before:
            open_blocks.append((before, number))
    return ends


def _open_tables(html: str) -> int:
    return sum(-1 if found[1] else 1 for found in _TABLE_TAG.finditer(html))


def _shown(text: str, elements: Sequence[Element], html: set[int]) -> tuple[str, tuple[Element, ...]]:
    """The text with each block of HTML as what it shows; those that show nothing stay as they are, and are none."""
    parts: list[str] = []
    shown: list[Element] = []
    length = taken = 0
    for element in elements:
        shift = length - taken
        if element.start not in html or element.level:
            shown.append(_shifted(element, shift))
            continue
        page = parse_html(text[element.start : element.end])
        if page.elements:
            parts += [text[taken : element.start], page.text]
            shown += [_shifted(inner, element.start + shift) for inner in page.elements]
            length += element.start - taken + len(page.text)
            taken = element.end
    return "".join([*parts, text[taken:]]), tuple(shown)


def _shifted(element: Element, by: int) -> Element:
    if not by:
        return element
    table = moved(element.table, by=by) if element.table is not None else None
    return replace(element, start=element.start + by, end=element.end + by, table=table)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    starts.append(len(text) + 1)
    return starts


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
