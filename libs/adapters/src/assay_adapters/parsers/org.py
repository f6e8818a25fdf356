import re
from bisect import bisect

from assay_core.documents import Element, ParsedDocument

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.titles import best_title

PARSER = "org/2"

_HEADING = re.compile(r"(\*+)[ \t]+(.*)")
_TAGS = re.compile(r":[\w@#%:]+:$")
_KEYWORD = re.compile(r"[ \t]*#\+(\w[\w-]*):[ \t]*(.*)$")
_BEGIN = re.compile(r"[ \t]*#\+begin_(\w+)", re.I)
_END = re.compile(r"[ \t]*#\+end_(\w+)[ \t]*$", re.I)
_COMMENT = re.compile(r"[ \t]*#(?:[ \t]|$)")
_DRAWER = re.compile(r"[ \t]*:[\w-]+:[ \t]*$")
_DRAWER_END = re.compile(r"[ \t]*:end:[ \t]*$", re.I)
_ITEM = re.compile(r"([ \t]*)(?:[-+]|([0-9a-zA-Z]{1,3}[.)]))[ \t]+(?:\[[ X-]\][ \t]+)?(.*)$")
_RULE = re.compile(r"[ \t]*\|[-+| \t]*$")
_LINK = re.compile(r"\[\[([^\[\]\n]+)\](?:\[([^\[\]\n]+)\])?\]")
_VERBATIM = re.compile(r"(?<![\w~=])([~=])(?=\S)([^~=\n]+)(?<=\S)\1(?![\w~=])")
_CODE_BLOCKS = frozenset({"src", "example", "export"})
_MAX_LIST_DEPTH = 8


def parse_org(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Headings, lists, tables and blocks of an Org file; drawers, comments and settings are left out."""
    reader = _OrgReader(text)
    canonical, elements = reader.read()
    limits.check_chars(name, len(canonical))
    return ParsedDocument(canonical, elements, best_title(reader.title, canonical, elements), "text/org", PARSER)


class _OrgReader:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._ends = _block_ends(self._lines)
        self._drawer_ends = _drawer_ends(self._lines)
        self._canvas = Canvas()
        self._paragraph: list[str] = []
        self._items: list[tuple[int, str]] = []
        self._indents: list[int] = []
        self._rows: list[list[str]] = []
        self._header_rows = 0
        self.title = ""

    def read(self) -> tuple[str, tuple[Element, ...]]:
        position = 0
        while position < len(self._lines):
            position = self._take(position)
        self._flush()
        return self._canvas.finish()

    def _take(self, at: int) -> int:
        """Read the line at `at`, or the block that starts there. Returns where the next one starts."""
        line = self._lines[at]
        if heading := _HEADING.match(line):
            self._flush()
            self._canvas.heading(_heading_text(heading[2]), len(heading[1]))
        elif block := _BEGIN.match(line):
            return self._block(at, block[1].lower())
        elif keyword := _KEYWORD.match(line):
            self._keyword(keyword[1].lower(), keyword[2].strip())
        elif _DRAWER.match(line) and (end := self._drawer_ends[at]):
            return end
        elif not _COMMENT.match(line):
            self._text_line(line)
        return at + 1

    def _text_line(self, line: str) -> None:
        if line.lstrip().startswith("|"):
            self._flush(keep_rows=True)
            if _RULE.match(line):
                self._header_rows = self._header_rows or len(self._rows)
            else:
                self._rows.append([_plain(cell) for cell in line.strip().strip("|").split("|")])
        elif item := _ITEM.match(line):
            self._flush(keep_items=True)
            marker = f"{item[2]} " if item[2] else ""
            self._items.append((self._depth(len(item[1].expandtabs())), marker + _plain(item[3])))
        elif self._items and line[:1].isspace() and line.strip():
            depth, so_far = self._items[-1]
            self._items[-1] = (depth, f"{so_far} {_plain(line)}")
        elif not line.strip():
            self._flush(keep_items=True)
        else:
            self._flush(keep_paragraph=True)
            self._paragraph.append(_plain(line.strip()))

    def _depth(self, indent: int) -> int:
        while self._indents and self._indents[-1] >= indent:
            self._indents.pop()
        self._indents.append(indent)
        return min(len(self._indents) - 1, _MAX_LIST_DEPTH)

    def _block(self, at: int, kind: str) -> int:
        ends = self._ends.get(kind, [])
        following = bisect(ends, at)
        if following == len(ends):
            return at + 1
        end = ends[following]
        lines = self._lines[at + 1 : end]
        self._flush()
        if kind in _CODE_BLOCKS:
            self._canvas.code("\n".join(lines))
        elif kind != "comment":
            self._canvas.paragraph("\n".join(_plain(line.strip()) for line in lines))
        return end + 1

    def _keyword(self, key: str, value: str) -> None:
        match key:
            case "title":
                self.title = self.title or value
                self._flush()
                self._canvas.heading(_plain(value), 1)
            case "author" | "date" | "caption" | "subtitle" | "description":
                self._flush()
                self._canvas.paragraph(_plain(value))
            case _:
                pass

    def _flush(self, *, keep_paragraph: bool = False, keep_items: bool = False, keep_rows: bool = False) -> None:
        if not keep_paragraph:
            self._canvas.paragraph("\n".join(self._paragraph))
            self._paragraph = []
        if not keep_items:
            self._canvas.items(self._items)
            self._items, self._indents = [], []
        if not keep_rows:
            self._canvas.table(self._rows, header_rows=self._header_rows or 1)
            self._rows, self._header_rows = [], 0


def _block_ends(lines: list[str]) -> dict[str, list[int]]:
    ends: dict[str, list[int]] = {}
    for position, line in enumerate(lines):
        if found := _END.match(line):
            ends.setdefault(found[1].lower(), []).append(position)
    return ends


def _drawer_ends(lines: list[str]) -> list[int]:
    """For each line, the one after the next `:END:`; 0 where a heading or the end of the file comes first."""
    ends = [0] * len(lines)
    following = 0
    for position in range(len(lines) - 1, -1, -1):
        if _DRAWER_END.match(lines[position]):
            following = position + 1
        elif _HEADING.match(lines[position]):
            following = 0
        ends[position] = following
    return ends


def _heading_text(text: str) -> str:
    words = text.split()
    if len(words) > 1 and _TAGS.match(words[-1]):
        words.pop()
    return _plain(" ".join(words))


def _plain(text: str) -> str:
    text = _LINK.sub(lambda link: link[2] or link[1], text)
    return _VERBATIM.sub(r"\2", text).strip()
