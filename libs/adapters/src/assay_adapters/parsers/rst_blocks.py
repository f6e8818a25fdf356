import re
import textwrap
from collections.abc import Callable, Iterable

from assay_core.documents import Element, ElementKind
from docutils import nodes

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.tables import TableDraft

_MAX_REPARSES = 5
_MAX_SUBSTITUTION_CHARS = 1000
_DIRECTIVE = re.compile(r"[ \t]*\.\.[ \t]+(?:\|[^|\n]*\|[ \t]+)?([\w:.+-]*\w)[ \t]?::(?:[ \t]+|$)([^\n]*)")
_OPTION = re.compile(r"[ \t]*:[\w-]+:(?:\s|$)")
_ROLE = re.compile(r":[\w:.+-]+:`([^`]*)`|`([^`]*)`:[\w:.+-]+:")
_TARGET = re.compile(r"\s?<[^<>]*>$")
_CODE_DIRECTIVES = frozenset({"code", "code-block", "sourcecode", "highlight", "testcode", "doctest", "prompt"})
_WITHOUT_TEXT = frozenset({"raw", "include", "literalinclude", "toctree", "image", "index", "meta", "math"})
_NOT_WRITTEN = (nodes.comment, nodes.pending, nodes.raw, nodes.substitution_definition, nodes.target, nodes.meta)
_VERBATIM = (nodes.literal_block, nodes.doctest_block, nodes.math_block)


class TreeWriter:
    """Writes a docutils tree as blocks of text; what docutils does not know keeps its text."""

    def __init__(self, *, parse: Callable[[str], nodes.document], name: str, limits: ParseLimits) -> None:
        self._parse = parse
        self._name = name
        self._limits = limits
        self._canvas = Canvas()
        self._items: list[tuple[int, str]] = []
        self._list_depth = 0
        self._section_depth = 0
        self._reparses = 0
        self._substitutions: dict[str, str] = {}

    def write(self, document: nodes.document) -> None:
        for definition in document.findall(nodes.substitution_definition):
            for named in definition["names"]:
                text = self._inline(definition)[:_MAX_SUBSTITUTION_CHARS]
                self._substitutions.setdefault(named.lower(), text)
        self._blocks(document.children)

    def finish(self) -> tuple[str, tuple[Element, ...]]:
        self._flush()
        return self._canvas.finish()

    def _blocks(self, children: Iterable[nodes.Node]) -> None:
        for child in children:
            self._block(child)

    def _block(self, node: nodes.Node) -> None:
        match node:
            case nodes.section():
                self._section(node)
            case nodes.title() | nodes.subtitle():
                self._flush()
                self._canvas.heading(self._inline(node), max(self._section_depth, 1))
            case nodes.bullet_list() | nodes.enumerated_list():
                self._list(node)
            case nodes.definition_list() | nodes.field_list() | nodes.option_list():
                for entry in node.children:
                    self._entry(entry)
            case nodes.table():
                self._table(node)
            case nodes.line_block():
                self._paragraph("\n".join(self._inline(line) for line in node.findall(nodes.line)))
            case nodes.footnote() | nodes.citation():
                self._footnote(node)
            case nodes.system_message():
                self._unknown(node)
            case nodes.image():
                self._paragraph(str(node.get("alt", "")))
            case nodes.Element() if isinstance(node, nodes.Admonition):
                self._admonition(node)
            case nodes.topic() | nodes.sidebar():
                self._topic(node)
            case _ if isinstance(node, _NOT_WRITTEN):
                pass
            case _ if isinstance(node, _VERBATIM):
                self._code(node.astext())
            case _ if isinstance(node, nodes.TextElement):
                self._paragraph(self._inline(node))
            case _:
                self._blocks(node.children)

    def _section(self, node: nodes.Element) -> None:
        self._section_depth += 1
        self._blocks(node.children)
        self._section_depth -= 1

    def _topic(self, node: nodes.Element) -> None:
        """Its title is no heading: what follows the topic does not belong below it."""
        for child in node.children:
            if isinstance(child, nodes.title):
                self._paragraph(self._inline(child))
            else:
                self._block(child)

    def _list(self, node: nodes.Element) -> None:
        numbered = isinstance(node, nodes.enumerated_list)
        for number, item in enumerate(node.children, int(node.get("start", 1))):
            marker = f"{number}. " if numbered else ""
            self._list_depth += 1
            for position, child in enumerate(item.children):
                if isinstance(child, nodes.paragraph):
                    text = self._inline(child)
                    self._items.append(
                        (self._list_depth - 1, marker + text) if not position else (self._list_depth, text)
                    )
                else:
                    self._block(child)
            self._list_depth -= 1
        if not self._list_depth:
            self._flush()

    def _entry(self, entry: nodes.Node) -> None:
        """A term and its definition, a field, or an option: one paragraph if it is short, else blocks."""
        heads = [self._inline(child) for child in entry.children[:-1]]
        body = entry.children[-1] if entry.children else entry
        paragraphs = [child for child in body.children if isinstance(child, nodes.paragraph)]
        head = " ".join(filter(None, heads))
        if len(paragraphs) == len(body.children):
            text = " ".join(self._inline(paragraph) for paragraph in paragraphs)
            self._paragraph(f"{head}: {text}" if head and text else head or text)
            return
        self._paragraph(head)
        self._blocks(body.children)

    def _table(self, node: nodes.Element) -> None:
        for title in node.children:
            if isinstance(title, nodes.title):
                self._flush()
                self._canvas.paragraph(self._inline(title), kind=ElementKind.CAPTION)
        self._flush()
        draft = TableDraft()
        for row in node.findall(nodes.row):
            draft.next_row(header=isinstance(row.parent, nodes.thead))
            for entry in row.children:
                if isinstance(entry, nodes.entry):
                    rows, columns = int(entry.get("morerows", 0)) + 1, int(entry.get("morecols", 0)) + 1
                    draft.cell(self._inline(entry), row_span=rows, column_span=columns)
        self._canvas.draft(draft)
        self._check()

    def _footnote(self, node: nodes.Element) -> None:
        labels = [child.astext() for child in node.children if isinstance(child, nodes.label)]
        text = " ".join(self._inline(child) for child in node.children if not isinstance(child, nodes.label))
        self._paragraph(f"[{labels[0] if labels else '#'}] {text}")

    def _admonition(self, node: nodes.Element) -> None:
        label = node.tagname.capitalize()
        first, *rest = node.children or [nodes.paragraph()]
        if isinstance(first, nodes.paragraph):
            self._paragraph(f"{label}: {self._inline(first)}")
            self._blocks(rest)
        else:
            self._topic(node)

    def _unknown(self, message: nodes.Element) -> None:
        """A directive that docutils could not read, quoted in its complaint: what it holds is read as usual."""
        for quoted in message.children:
            if not isinstance(quoted, nodes.literal_block):
                continue
            found = _DIRECTIVE.match(quoted.astext())
            if found is None:
                self._code(quoted.astext())
            elif found[1] not in _WITHOUT_TEXT:
                self._directive(found[1], found[2], quoted.astext()[found.end() :])

    def _directive(self, directive: str, argument: str, rest: str) -> None:
        lines = rest.strip("\n").split("\n")
        while lines and _OPTION.match(lines[0]):
            lines.pop(0)
        content = textwrap.dedent("\n".join(lines))
        if directive in _CODE_DIRECTIVES:
            self._code(content)
            return
        self._paragraph(_without_roles(argument))
        if self._reparses >= _MAX_REPARSES:
            self._paragraph(content)
            return
        self._reparses += 1
        self._blocks(self._parse(content).children)
        self._reparses -= 1

    def _inline(self, node: nodes.Node) -> str:
        return " ".join(self._raw_inline(node).split())

    def _raw_inline(self, node: nodes.Node) -> str:
        match node:
            case nodes.Text():
                return node.astext()
            case nodes.problematic():
                return _without_roles(node.astext())
            case nodes.substitution_reference():
                text = node.astext()
                return self._substitutions.get(" ".join(text.lower().split()), text)
            case nodes.footnote_reference() | nodes.citation_reference():
                return f"[{node.astext()}]"
            case nodes.image():
                return str(node.get("alt", ""))
            case nodes.system_message() | nodes.comment() | nodes.raw():
                return ""
            case _:
                separator = "" if isinstance(node, nodes.TextElement) else " "
                return separator.join(self._raw_inline(child) for child in node.children)

    def _paragraph(self, text: str) -> None:
        if self._list_depth:
            self._items.append((self._list_depth, text))
        else:
            self._flush()
            self._canvas.paragraph(text)
            self._check()

    def _code(self, text: str) -> None:
        self._flush()
        self._canvas.code(text)
        self._check()

    def _flush(self) -> None:
        self._canvas.items(self._items)
        self._items = []

    def _check(self) -> None:
        self._limits.check_chars(self._name, self._canvas.length)


def _without_roles(text: str) -> str:
    return _ROLE.sub(lambda role: _TARGET.sub("", role[1] or role[2] or "") or role.group(), text)
