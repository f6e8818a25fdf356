import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay_core.documents import Element as Block
from assay_core.documents import ElementKind as BlockKind

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.html import parse_html
from assay_adapters.parsers.inclusion import include
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.xml_tables import CELLS, ROWS, table_draft
from assay_adapters.parsers.xml_tree import local

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# DocBook, JATS, TEI, patents of the USPTO, RSS and Atom.
_DOCUMENT_TITLES = frozenset({"article-title", "invention-title"})
_TITLES = _DOCUMENT_TITLES | {"title", "heading", "head", "bridgehead"}
_UNTITLED = {"abstract": "Abstract", "claims": "Claims"}
_PARAGRAPHS = frozenset(
    {
        *("p", "para", "simpara", "formalpara", "paragraph", "claim-text", "ab", "term", "attrib", "disp-formula"),
        *("verse-line", "copyright-statement"),
    }
)
_TOGETHER = frozenset(
    {
        *("contrib", "aff", "mixed-citation", "element-citation", "nlm-citation", "citation", "string-name"),
        *("caption", "pub-date", "kwd-group", "fn", "footnote"),
    }
)
_LISTS = frozenset({"list", "itemizedlist", "orderedlist", "simplelist", "ul", "ol", "procedure"})
_ITEMS = frozenset({"list-item", "listitem", "li", "item", "member", "step"})
_TABLES = frozenset({"table", "informaltable", "tgroup"})
_CODE = frozenset({"programlisting", "screen", "literallayout", "preformat", "pre"})
_BLOCKS = _TITLES | _PARAGRAPHS | _TOGETHER | _LISTS | _TABLES | _CODE
_NOT_READ = frozenset({"tex-math", "annotation", "annotation-xml", "style", "script", "graphic", "colspec"})
_APART = _BLOCKS | _ITEMS | CELLS | {"label", "br"}
_HTML_TEXT = re.compile(r"</(?:p|div|ul|ol|h[1-6]|table|a|b|i|em|strong|span|li)>|<br\s*/?>", re.I)
_MAX_TITLE_CHARS = 300
_MAX_LIST_DEPTH = 8


class ElementWriter:
    """Writes an XML tree as blocks of text. The walk keeps its own stack: hostile files nest deeper than Python may."""

    def __init__(self, *, name: str, limits: ParseLimits) -> None:
        self.title = ""
        self._name = name
        self._limits = limits
        self._canvas = Canvas()
        self._lines: list[str] = []
        self._inline: list[str] = []
        self._label = ""
        self._depth = 0
        self._base = 0
        self._with_blocks: set[int] = set()
        self._with_rows: set[int] = set()
        self._is_data = True

    def write(self, root: "Element") -> None:
        self._survey(root)
        stack: list[tuple[Element | str, bool, bool]] = [(root, False, False)]
        while stack:
            node, prose, leaving = stack.pop()
            if isinstance(node, str):
                self._inline.append(node)
            elif leaving:
                self._end_part()
                self._end_label()
                self._depth -= _has_title(node)
            elif self._enter(node, prose=prose):
                prose = prose or _is_mixed(node)
                self._depth += _has_title(node)
                stack.append((node, prose, True))
                for inner in reversed(node):
                    stack.extend([(inner.tail or "", True, False)] if prose else [])
                    stack.append((inner, prose, False))
                self._inline.extend([node.text or ""] if prose else [])

    def finish(self) -> tuple[str, tuple[Block, ...]]:
        self._flush()
        return self._canvas.finish()

    def _survey(self, root: "Element") -> None:
        """Find out, from the leaves up, which elements hold blocks: looking down from each would cost a square."""
        for node in reversed(list(root.iter())):
            if any(_kind(inner) in _BLOCKS or id(inner) in self._with_blocks for inner in node):
                self._with_blocks.add(id(node))
            if any(_kind(inner) in ROWS or id(inner) in self._with_rows for inner in node):
                self._with_rows.add(id(node))
            self._is_data = self._is_data and _kind(node) not in _PARAGRAPHS

    def _enter(self, node: "Element", *, prose: bool) -> bool:
        """Write a node as a whole, or return that its parts are to be walked."""
        kind = _kind(node)
        holds_blocks = id(node) in self._with_blocks
        if kind in _NOT_READ:
            return False
        if kind in _TITLES and not holds_blocks:
            self._heading(node, kind)
        elif kind in _CODE:
            self._flush()
            self._canvas.code("".join(node.itertext()))
        elif kind in _LISTS and any(_kind(inner) in _ITEMS for inner in node):
            self._list(node)
        elif kind in _TABLES and id(node) in self._with_rows:
            self._table(node)
        elif (kind in _TOGETHER and len(node)) or (kind in _PARAGRAPHS and not holds_blocks):
            self._flush()
            self._paragraph(_text(node))
        elif prose and not holds_blocks:
            self._inline.append(f" {_text(node)} " if kind in _APART else _raw_text(node))
        elif len(node) == 0:
            self._leaf(kind, node)
        elif _is_mixed(node) and not holds_blocks:
            self._flush()
            self._paragraph(_text(node))
        else:
            self._open(kind, node)
            return True
        self._limits.check_chars(self._name, self._canvas.length)
        return False

    def _open(self, kind: str, node: "Element") -> None:
        self._end_part()
        if kind in _UNTITLED and not _has_title(node):
            self._canvas.heading(_UNTITLED[kind], self._base + 1)
        if self._is_data and (values := _values(node)):
            self._lines.append(f"{local(node)}: {values}")

    def _heading(self, node: "Element", kind: str) -> None:
        text = _text(node)
        self._flush()
        if not text or len(text) > _MAX_TITLE_CHARS:
            self._paragraph(text)
            return
        self.title = self.title or text
        level = node.get("level", "")
        rank = int(level) if level in ("1", "2", "3", "4", "5", "6") else max(self._depth, 1)
        self._canvas.heading(f"{self._label} {text}", self._base + rank)
        self._label = ""
        if kind in _DOCUMENT_TITLES:
            self._base = 1

    def _list(self, node: "Element") -> None:
        self._flush()
        for inner in node:
            if _kind(inner) not in _ITEMS | _LISTS:
                self._paragraph(_text(inner))
        self._canvas.items(list(_list_items(node)))

    def _table(self, node: "Element") -> None:
        self._flush()
        for inner in node:
            if _kind(inner) in ("caption", "title"):
                self._paragraph(_text(inner), kind=BlockKind.CAPTION)
        self._canvas.draft(table_draft(node, _text))
        self._limits.check_chars(self._name, self._canvas.length)

    def _leaf(self, kind: str, node: "Element") -> None:
        text = (node.text or "").strip()
        if kind == "label":
            self._flush()
            self._label = " ".join(text.split())
        elif _HTML_TEXT.search(text):
            self._flush()
            page = parse_html(text)
            include(self._canvas, page.text, page.elements, deeper=self._depth)
        elif text:
            values = _values(node) if self._is_data else ""
            self._lines.append(f"{local(node)}: {' '.join(text.split())}" + (f" ({values})" if values else ""))
        elif self._is_data and (values := _values(node)):
            self._lines.append(f"{local(node)}: {values}")

    def _paragraph(self, text: str, *, kind: BlockKind = BlockKind.PARAGRAPH) -> None:
        self._canvas.paragraph(f"{self._label} {text}", kind=kind)
        self._label = ""

    def _end_part(self) -> None:
        """In data, elements that hold others are records. In documents they hold what is said about the document."""
        if self._is_data or any(self._inline):
            self._flush()

    def _end_label(self) -> None:
        """A label stands before what follows it in the same element, or alone."""
        if self._label:
            self._flush()
            self._paragraph("")

    def _flush(self) -> None:
        inline = " ".join("".join(self._inline).split())
        self._inline = []
        if inline:
            self._paragraph(inline)
        self._canvas.paragraph("\n".join(self._lines))
        self._lines = []


def _kind(node: "Element") -> str:
    return local(node).lower()


def _has_title(node: "Element") -> bool:
    return any(_kind(inner) in _TITLES for inner in node)


def _is_mixed(node: "Element") -> bool:
    """Text beside elements: prose, where data has one or the other."""
    texts = [node.text, *(inner.tail for inner in node)]
    return len(node) > 0 and any(text and not text.isspace() for text in texts)


def _text(node: "Element") -> str:
    return " ".join(_raw_text(node).split())


def _raw_text(node: "Element", *, without: frozenset[str] = frozenset()) -> str:
    """All text below a node as it stands; a blank parts what belongs to different blocks or fields."""
    pieces: list[str] = []
    stack: list[Element | str] = [node]
    while stack:
        inner = stack.pop()
        if isinstance(inner, str):
            pieces.append(inner)
            continue
        kind = _kind(inner)
        tail = [] if inner is node else [inner.tail or ""]
        if kind in _NOT_READ or (kind in without and inner is not node):
            stack.extend(tail)
            continue
        apart = [" "] if kind in _APART else []
        between = [] if _is_mixed(inner) else [" "]
        parts = [part for below in reversed(inner) for part in (below, *between)]
        stack.extend([*tail, *apart, *parts, inner.text or "", *apart])
    return "".join(pieces)


def _list_items(node: "Element") -> Iterator[tuple[int, str]]:
    """The items of a list and of those in it, each with its depth."""
    stack: list[tuple[Element, int]] = [(node, 0)]
    while stack:
        inner, depth = stack.pop()
        if _kind(inner) in _ITEMS:
            if text := " ".join(_raw_text(inner, without=_LISTS | _ITEMS).split()):
                yield depth, text
            depth = min(depth + 1, _MAX_LIST_DEPTH)
        stack.extend((below, depth) for below in reversed(inner))


def _values(node: "Element") -> str:
    """Attributes as `key=value`, without those of XML itself and its schemas."""
    shown = {key.rpartition("}")[2]: value for key, value in node.attrib.items() if "www.w3.org" not in key}
    return ", ".join(f"{key}={' '.join(value.split())}" for key, value in shown.items() if value.strip())
