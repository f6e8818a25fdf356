"""What styles and numbering say about a paragraph of a Word document."""

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assay_adapters.parsers.numerals import formatted
from assay_adapters.parsers.xml_tree import attribute, child, children, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_HEADING_NAME = re.compile(r"heading ([1-9])")
_LIST_NAME = re.compile(r"list (?:bullet|number) ([2-9])")
_NAMED_LEVELS = {"title": 1, "subtitle": 2}
_BODY_OUTLINE = 9


@dataclass(frozen=True, slots=True)
class Style:
    """`level` is 0 for body text; `num_id` is empty or "0" where the paragraph is in no list."""

    level: int = 0
    num_id: str = ""
    depth: int = 0


class Styles:
    """The styles by id, each with what it inherits."""

    def __init__(self, root: "Element | None") -> None:
        self._nodes = {attribute(node, "styleId"): node for node in children(root, "style")}
        self._known: dict[str, Style] = {}
        self._default = next(
            (
                key
                for key, node in self._nodes.items()
                if attribute(node, "type") == "paragraph" and attribute(node, "default") in ("1", "true", "on")
            ),
            "",
        )

    def of(self, paragraph: "Element") -> Style:
        """What holds for a paragraph: its own properties before those of its style."""
        properties = child(paragraph, "pPr")
        named = child(properties, "pStyle")
        style = self._style(attribute(named, "val") if named is not None else self._default)
        return _with_properties(style, properties) if properties is not None else style

    def _style(self, style_id: str) -> Style:
        chain: list[Element] = []
        current = style_id
        while current in self._nodes and current not in self._known and self._nodes[current] not in chain:
            node = self._nodes[current]
            chain.append(node)
            base = child(node, "basedOn")
            current = attribute(base, "val") if base is not None else ""
        style = self._known.get(current, Style())
        for node in reversed(chain):
            style = _with_properties(style, child(node, "pPr"))
            style = _with_name(style, child(node, "name"))
            self._known[attribute(node, "styleId")] = style
        return style


def _with_properties(style: Style, properties: "Element | None") -> Style:
    outline = child(properties, "outlineLvl")
    if outline is not None:
        value = number(outline, "val", _BODY_OUTLINE)
        style = replace(style, level=min(value + 1, 6) if 0 <= value < _BODY_OUTLINE else 0)
    num_id, depth = child(properties, "numPr", "numId"), child(properties, "numPr", "ilvl")
    if num_id is not None:
        style = replace(style, num_id=attribute(num_id, "val"))
    if depth is not None:
        style = replace(style, depth=min(max(number(depth, "val"), 0), 8))
    return style


def _with_name(style: Style, node: "Element | None") -> Style:
    name = attribute(node, "val").lower() if node is not None else ""
    if heading := _HEADING_NAME.fullmatch(name):
        return replace(style, level=min(int(heading[1]), 6))
    if listed := _LIST_NAME.fullmatch(name):
        return replace(style, depth=int(listed[1]) - 1)
    return replace(style, level=_NAMED_LEVELS.get(name, style.level))


@dataclass(slots=True)
class _Level:
    format: str = "decimal"
    pattern: str = ""
    start: int = 1


@dataclass(slots=True)
class _List:
    levels: dict[int, _Level]
    counts: dict[int, int] = field(default_factory=dict[int, int])


class Numbering:
    """Counts the items of all lists of a document, in reading order."""

    def __init__(self, root: "Element | None") -> None:
        abstracts = {attribute(node, "abstractNumId"): node for node in children(root, "abstractNum")}
        by_style_link = {
            attribute(link, "val"): node
            for node in abstracts.values()
            if (link := child(node, "styleLink")) is not None
        }
        self._lists: dict[str, _List] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        shared: dict[int, _List] = {}
        for num in children(root, "num"):
            reference = child(num, "abstractNumId")
            node = abstracts.get(attribute(reference, "val")) if reference is not None else None
            link = child(node, "numStyleLink")
            node = by_style_link.get(attribute(link, "val"), node) if link is not None else node
            if node is not None:
                key = attribute(num, "numId")
                self._lists[key] = shared.setdefault(id(node), _List(_levels(node)))
                self._restarts[key] = _restarts(num)

    def label(self, num_id: str, depth: int) -> str:
        """The number of the next item, such as "1.2." or "b)"; empty for bullets and unknown lists."""
        numbered = self._lists.get(num_id)
        if numbered is None:
            return ""
        for level, start in self._restarts.pop(num_id, {}).items():
            numbered.counts[level] = start - 1
        level = numbered.levels.get(depth, _Level())
        numbered.counts[depth] = numbered.counts.get(depth, level.start - 1) + 1
        for deeper in [key for key in numbered.counts if key > depth]:
            del numbered.counts[deeper]
        if level.format in ("bullet", "none"):
            return ""
        return re.sub(r"%([1-9])", lambda found: _count(numbered, int(found[1]) - 1), level.pattern).strip()


def _count(numbered: _List, depth: int) -> str:
    level = numbered.levels.get(depth, _Level())
    return formatted(numbered.counts.setdefault(depth, level.start), level.format)


def _levels(node: "Element") -> dict[int, _Level]:
    levels: dict[int, _Level] = {}
    for level in children(node, "lvl"):
        number_format, pattern, start = (child(level, name) for name in ("numFmt", "lvlText", "start"))
        levels[number(level, "ilvl")] = _Level(
            attribute(number_format, "val") if number_format is not None else "decimal",
            attribute(pattern, "val") if pattern is not None else "",
            number(start, "val", 1) if start is not None else 1,
        )
    return levels


def _restarts(num: "Element") -> dict[int, int]:
    found: dict[int, int] = {}
    for override in children(num, "lvlOverride"):
        start = child(override, "startOverride")
        if start is not None:
            found[number(override, "ilvl")] = number(start, "val", 1)
    return found
