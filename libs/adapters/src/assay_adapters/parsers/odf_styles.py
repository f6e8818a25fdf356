"""What styles of an OpenDocument file say: which lists are numbered and how, and what is hidden."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay_adapters.parsers.numerals import formatted
from assay_adapters.parsers.xml_tree import attribute, child, children, descendants, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_HEADING_STYLES = {"title": 1, "subtitle": 2}


@dataclass(frozen=True, slots=True)
class ListLevel:
    """How one level of a list counts; `format` is empty for bullets."""

    format: str = ""
    prefix: str = ""
    suffix: str = ""
    start: int = 1

    def label(self, count: int) -> str:
        """The number and a space; nothing for a bullet."""
        if not self.format:
            return ""
        digits = formatted(count, _FORMATS.get(self.format, "decimal"))
        return f"{self.prefix}{digits}{self.suffix or '.'}".strip() + " "


class OdfStyles:
    """The styles of the content before those of the document."""

    def __init__(self, *roots: "Element | None") -> None:
        self._lists: dict[str, dict[int, ListLevel]] = {}
        self._parents: dict[str, str] = {}
        self._hidden: set[str] = set()
        for root in reversed(roots):
            for kind in ("styles", "automatic-styles"):
                self._read(child(root, kind))

    def level_of(self, list_style: str, depth: int) -> ListLevel:
        """How a list counts at a depth from 0."""
        return self._lists.get(list_style, {}).get(depth + 1, ListLevel())

    def heading_level(self, style: str) -> int:
        """1 for the title of the document, 2 for its subtitle, 0 for other paragraphs."""
        seen: set[str] = set()
        while style not in seen:
            if style.lower() in _HEADING_STYLES:
                return _HEADING_STYLES[style.lower()]
            seen.add(style)
            style = self._parents.get(style, style)
        return 0

    def is_hidden(self, style: str) -> bool:
        """Whether sheets or slides of this style are not shown."""
        return style in self._hidden

    def _read(self, styles: "Element | None") -> None:
        for style in children(styles, "style"):
            name = attribute(style, "name")
            self._parents[name] = attribute(style, "parent-style-name", name)
            if any(_hides(properties) for properties in style):
                self._hidden.add(name)
        for style in children(styles, "list-style"):
            self._lists[attribute(style, "name")] = {
                number(level, "level"): _list_level(level)
                for level in descendants(style, "list-level-style-number", "list-level-style-bullet")
            }


def _hides(properties: "Element") -> bool:
    return (local(properties) == "table-properties" and attribute(properties, "display") == "false") or (
        local(properties) == "drawing-page-properties" and attribute(properties, "visibility") == "hidden"
    )


def _list_level(level: "Element") -> ListLevel:
    if local(level) == "list-level-style-bullet":
        return ListLevel()
    return ListLevel(
        attribute(level, "num-format"),
        attribute(level, "num-prefix"),
        attribute(level, "num-suffix"),
        number(level, "start-value", 1),
    )
