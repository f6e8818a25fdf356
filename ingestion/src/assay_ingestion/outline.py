"""A parsed document as a tree of sections, with the smallest pieces that passages are made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.sentences import split_sentences

_HEADINGS = (ElementKind.TITLE, ElementKind.HEADING)
_RUNNING = (ElementKind.HEADER, ElementKind.FOOTER)
_BY_LINE = (ElementKind.TABLE, ElementKind.CODE)
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_MAX_HEADING_CHARS = 150
_MAX_MARKS = 100
_MANY_SPANS = 5000
_MAX_JOINED_CHARS = 80


class Piece(NamedTuple):
    """A sentence, a table row, a line of code or a heading: what a passage does not divide.

    `tokens` is 0 until counted. `marks` counts the characters between it and the piece before it that are not
    white space (`##`, an underline); `severed` says that words which the parser left out stand there.
    """

    start: int
    end: int
    element: int
    page: int | None
    kind: ElementKind
    marks: int = 0
    severed: bool = False
    tokens: int = 0


@dataclass(slots=True)
class Section:
    """A heading with what stands below it, up to the next heading of its level. The root has no heading."""

    path: tuple[str, ...]
    level: int
    pieces: list[Piece] = field(default_factory=list[Piece])
    children: "list[Section]" = field(default_factory=list["Section"])

    def walk(self) -> "Iterator[Section]":
        """This section and all below it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def everything(self) -> list[Piece]:
        """All pieces of this section and those below it, in reading order."""
        return [piece for section in self.walk() for piece in section.pieces]


def outline(parsed: ParsedDocument) -> Section:
    """The sections of a document. Every non-space character of an element is in exactly one piece.

    Running headers and footers are in none: they say nothing of what stands between them.
    """
    root = Section((), -1)
    open_sections = [root]
    end = 0
    for number, element in enumerate(parsed.elements):
        if element.kind in _RUNNING:
            end = element.end
            continue
        if element.kind in _HEADINGS:
            level = element.level if element.kind is ElementKind.HEADING else 0
            while open_sections[-1].level >= level:
                open_sections.pop()
            parent = open_sections[-1]
            heading = heading_text(parsed.text[element.start : element.end])
            section = Section((*parent.path, heading) if heading else parent.path, level)
            parent.children.append(section)
            open_sections.append(section)
        for start, stop in _not_too_many(_spans(parsed.text, element), element):
            gap = parsed.text[end:start]
            marks = "" if not gap or gap.isspace() else "".join(gap.split())
            open_sections[-1].pieces.append(
                Piece(start, stop, number, element.page, element.kind, len(marks), _has_words(marks))
            )
            end = stop
    return root


def heading_text(text: str) -> str:
    """A heading on one line, shortened between words."""
    line = " ".join(text.split())
    if len(line) <= _MAX_HEADING_CHARS:
        return line
    return line[: _MAX_HEADING_CHARS - 1].rsplit(" ", 1)[0] + "…"


def _spans(text: str, element: Element) -> Iterator[tuple[int, int]]:
    if element.kind in _HEADINGS:
        yield element.start, element.end
    elif element.kind in _BY_LINE:
        for line in _LINE.finditer(text, element.start, element.end):
            yield _trimmed(text, *line.span())
    else:
        for start, end in split_sentences(text[element.start : element.end]):
            yield element.start + start, element.start + end


def _not_too_many(spans: Iterator[tuple[int, int]], element: Element) -> Iterator[tuple[int, int]]:
    """Spans joined to a length that keeps even a hostile element (a million tiny lines) to some ten thousand."""
    least_chars = min(_MAX_JOINED_CHARS, (element.end - element.start) // _MANY_SPANS)
    start = end = -1
    for span_start, span_end in spans:
        if end - start >= least_chars and start >= 0:
            yield start, end
            start = -1
        start = span_start if start < 0 else start
        end = span_end
    if start >= 0:
        yield start, end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    line = text[start:end]
    return start + len(line) - len(line.lstrip()), end - len(line) + len(line.rstrip())


def _has_words(marks: str) -> bool:
    return marks != "" and (len(marks) > _MAX_MARKS or any(c.isalnum() for c in marks))
