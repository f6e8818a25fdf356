"""The shapes of one slide."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.numerals import formatted
from assay_adapters.parsers.opc import Package
from assay_adapters.parsers.tables import TableDraft
from assay_adapters.parsers.xml_tree import attribute, child, children, chosen, descendants, local, number, relation_id

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TITLES = ("title", "ctrTitle")
# Bodies of slides show their paragraphs as bullets, which only the slide's layout says.
_BODIES = ("body", "obj")
_LEFT_OUT = ("sldNum", "dt", "hdr")
_MAX_POINTS = 10_000


def shapes(tree: "Element") -> "Iterator[Element]":
    """All shapes in order, those of groups too."""
    for node in tree:
        match local(node):
            case "sp" | "graphicFrame" | "cxnSp":
                yield node
            case "grpSp":
                yield from shapes(node)
            case "AlternateContent":
                branch = chosen(node)
                if branch is not None:
                    yield from shapes(branch)
            case _:
                continue


def placeholder(shape: "Element") -> str:
    """What kind of placeholder a shape is; empty for a free one."""
    for step in ("nvSpPr", "nvGraphicFramePr"):
        node = child(shape, step, "nvPr", "ph")
        if node is not None:
            return attribute(node, "type", "obj")
    return ""


def text_of(body: "Element | None") -> str:
    """All paragraphs of a text body, a line for each."""
    return "\n".join(text for text in map(_paragraph_text, children(body, "p")) if text)


class SlideWriter:
    """Writes one slide; `footers` are the ones that were written before."""

    def __init__(
        self,
        canvas: Canvas,
        package: Package,
        part: str,
        *,
        page: int,
        footers: set[str],
        name: str,
        limits: ParseLimits,
    ) -> None:
        self._canvas = canvas
        self._package = package
        self._relations = package.relations(part)
        self._page = page
        self._footers = footers
        self._name = name
        self._limits = limits

    def write(self, slide: "Element") -> None:
        tree = child(slide, "cSld", "spTree")
        found = list(shapes(tree)) if tree is not None else []
        for shape in found:
            if placeholder(shape) in _TITLES:
                self._canvas.heading(text_of(child(shape, "txBody")), 2, page=self._page)
        for shape in found:
            if placeholder(shape) not in _TITLES:
                self._write_shape(shape)

    def _write_shape(self, shape: "Element") -> None:
        kind = placeholder(shape)
        if kind in _LEFT_OUT:
            return
        if local(shape) == "graphicFrame":
            self._write_graphic(shape)
        elif kind == "ftr":
            text = text_of(child(shape, "txBody"))
            if text not in self._footers:
                self._canvas.paragraph(text, page=self._page)
                self._footers.add(text)
        else:
            self._write_body(child(shape, "txBody"), bulleted=kind in _BODIES)

    def _write_body(self, body: "Element | None", *, bulleted: bool) -> None:
        """Runs of list items are lists, all between them paragraphs."""
        paragraphs = [(node, text) for node in children(body, "p") if (text := _paragraph_text(node))]
        bulleted = bulleted and len(paragraphs) > 1
        items: list[tuple[int, str]] = []
        counts: dict[int, int] = {}
        for node, text in paragraphs:
            properties = child(node, "pPr")
            if not _is_item(properties, bulleted=bulleted):
                self._canvas.items(items, page=self._page)
                items, counts = [], {}
                self._canvas.paragraph(text, page=self._page)
                continue
            depth = min(max(number(properties, "lvl"), 0), 8) if properties is not None else 0
            items.append((depth, _number(properties, counts, depth) + text))
        self._canvas.items(items, page=self._page)

    def _write_graphic(self, frame: "Element") -> None:
        data = child(frame, "graphic", "graphicData")
        table, chart, diagram = child(data, "tbl"), child(data, "chart"), child(data, "relIds")
        if table is not None:
            self._canvas.draft(_draft(table), page=self._page)
        elif chart is not None:
            self._write_chart(self._related(relation_id(chart)))
        elif diagram is not None:
            points = descendants(self._related(relation_id(diagram, "dm")), "pt")
            texts = [text_of(child(point, "t")) for point in points]
            self._canvas.items([(0, text) for text in texts], page=self._page)

    def _write_chart(self, root: "Element | None") -> None:
        title = "\n".join(text_of(rich) for rich in descendants(child(root, "chart", "title"), "rich"))
        self._canvas.paragraph(title, page=self._page)
        series = list(descendants(root, "ser"))
        names = ["".join(_points(child(one, "tx")).values()) for one in series]
        labels = [_points(_first(one, "cat", "xVal")) for one in series]
        values = [_points(_first(one, "val", "yVal")) for one in series]
        indices = sorted({index for one in values for index in one})
        self._limits.check_chars(self._name, self._canvas.length + len(indices) * len(series))
        known = {index: label for one in labels for index, label in one.items()}
        rows = [[known.get(index, ""), *(one.get(index, "") for one in values)] for index in indices]
        self._canvas.table([["", *names], *rows] if rows else [], page=self._page)

    def _related(self, key: str) -> "Element | None":
        relation = self._relations.get(key)
        return self._package.xml(relation.part) if relation is not None else None


def _paragraph_text(paragraph: "Element") -> str:
    pieces: list[str] = []
    for node in paragraph:
        match local(node):
            case "br":
                pieces.append("\n")
            case "fld" if attribute(node, "type") == "slidenum":
                continue
            case "AlternateContent":
                pieces += [text.text or "" for text in descendants(chosen(node), "t")]
            case _:
                pieces += [text.text or "" for text in descendants(node, "t")]
    # A vertical tab is a line end that PowerPoint keeps inside of a run.
    lines = (" ".join(line.split()) for line in "".join(pieces).replace("\v", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def _is_item(properties: "Element | None", *, bulleted: bool) -> bool:
    if child(properties, "buNone") is not None:
        return False
    marked = child(properties, "buChar") is not None or child(properties, "buAutoNum") is not None
    return marked or bulleted or (properties is not None and number(properties, "lvl") > 0)


def _number(properties: "Element | None", counts: dict[int, int], depth: int) -> str:
    """The automatic number of an item and a space; nothing for a bullet. Deeper lists begin anew."""
    for deeper in [key for key in counts if key > depth]:
        del counts[deeper]
    automatic = child(properties, "buAutoNum")
    if automatic is None:
        counts.pop(depth, None)
        return ""
    counts[depth] = counts.get(depth, number(automatic, "startAt", 1) - 1) + 1
    kind = attribute(automatic, "type")
    letters = "Letter" if kind.startswith("alpha") else "Roman" if kind.startswith("roman") else ""
    case = "upper" if "Uc" in kind else "lower"
    return formatted(counts[depth], case + letters) + (") " if "Paren" in kind else ". ")


def _draft(table: "Element") -> TableDraft:
    draft = TableDraft()
    for row in children(table, "tr"):
        draft.next_row()
        for column, cell in enumerate(children(row, "tc")):
            if not any(attribute(cell, merge) in ("1", "true") for merge in ("hMerge", "vMerge")):
                rows, columns = number(cell, "rowSpan", 1), number(cell, "gridSpan", 1)
                draft.cell(text_of(child(cell, "txBody")), row_span=rows, column_span=columns, column=column)
    return draft


def _points(node: "Element | None") -> dict[int, str]:
    """Cached values of a chart, by their index."""
    found: dict[int, str] = {}
    for point in descendants(node, "pt"):
        value = child(point, "v")
        if value is not None and len(found) < _MAX_POINTS:
            found[number(point, "idx")] = value.text or ""
    return found


def _first(node: "Element", *wanted: str) -> "Element | None":
    return next((inner for inner in node if local(inner) in wanted), None)
