import re
from collections.abc import Iterator

from assay_core.documents import Element, ElementKind, ParsedDocument

PARSER = "text/1"

_BLOCK = re.compile(r"\S(?:[^\n]*\S)?(?:\n[^\n]*\S)*")
_BULLET = re.compile(r"\s*(?:[-*+•◦‣–]|\d{1,3}[.)]|[a-zA-Z]\))\s")
_UNDERLINE = re.compile(r"([=\-~^])\1{2,}\s*$")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+[^\W\d_a-z]")
_MAX_HEADING_CHARS = 80


def parse_text(text: str) -> ParsedDocument:
    """Blocks between blank lines; underlined, numbered and upper-case lines that stand alone are headings."""
    elements = tuple(_elements(text))
    first = elements[0]
    named = first if first.kind is ElementKind.HEADING else None
    title = text[named.start : named.end] if named else ""
    return ParsedDocument(text, elements, title, "text/plain", PARSER)


def _elements(text: str) -> Iterator[Element]:
    for block in _BLOCK.finditer(text):
        start, end = block.span()
        lines = block.group().split("\n")
        heading_end = start + len(lines[0].rstrip())
        level = _underline_level(lines) or (_heading_level(lines[0], start) if len(lines) == 1 else 0)
        if not level:
            yield Element(_kind(lines), start, end)
            continue
        yield Element(ElementKind.HEADING, start, heading_end, level=level)
        rest = start + len(lines[0]) + 1 + len(lines[1]) + 1 if len(lines) > 2 else end
        while rest < end and text[rest].isspace():
            rest += 1
        if rest < end:
            yield Element(_kind(lines[2:]), rest, end)


def _kind(lines: list[str]) -> ElementKind:
    if _BULLET.match(lines[0]) and sum(1 for line in lines if _BULLET.match(line)) * 2 >= len(lines):
        return ElementKind.LIST
    return ElementKind.PARAGRAPH


def _underline_level(lines: list[str]) -> int:
    if len(lines) < 2 or len(lines[0]) > _MAX_HEADING_CHARS:
        return 0
    found = _UNDERLINE.match(lines[1])
    if found is None or len(lines[1].strip()) > len(lines[0].strip()) + 10:
        return 0
    return 1 if found[1] == "=" else 2


def _heading_level(line: str, start: int) -> int:
    line = line.strip()
    if len(line) > _MAX_HEADING_CHARS or line[-1] in ".,;!?":
        return 0
    if numbered := _NUMBERED.match(line):
        return min(6, 2 + numbered[1].count("."))
    letters = [c for c in line if c.isalpha()]
    if len(letters) >= 3 and line == line.upper() and line != line.lower():
        return 1 if start == 0 else 2
    return 0
