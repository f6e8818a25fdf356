"""RTF 1.9.1 as blocks of text.

Of our own, because striprtf, the one permissive reader, takes each file as one string of text: without headings,
lists and cells, and without the encodings of its fonts.
"""

import re
from copy import copy
from dataclasses import dataclass, field

from assay_core.documents import Element, ElementKind

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.codepages import code_page, font_charset
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.rtf_tables import RowPlaces
from assay_adapters.parsers.tables import TableDraft

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,40})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\", re.S
)
_MAX_DEPTH = 5000
_MAX_HEADING_CHARS = 300
_HEADING_STYLE = re.compile(r"heading (\d)", re.I)
_NUMBER = re.compile(r"\(?\w{1,4}(?:\.\w{1,3})*[.)]?\Z")

_SKIPPED_WORDS = """
    fonttbl colortbl stylesheet info pict header headerl headerr headerf footer footerl footerr footerf themedata
    colorschememapping latentstyles datastore listtable listoverridetable rsidtbl revtbl generator bkmkstart bkmkend
    fldinst xe tc tcn sp shprslt nonshppict filetbl xmlnstbl atnid atnauthor annotation objdata objclass objname
    ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn nonesttables mmathPr mmathPict private passwordhash
"""
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_KEPT_IF_STARRED = frozenset({"shpinst", "do", "ud", "moMath", "moMathPara", "pntext"})
_SET_APART = frozenset({"shptxt", "dptxbxtext", "footnote"})
_MARKERS = frozenset({"listtext", "pntext"})
_CHARACTERS = {
    **{"tab": "\t", "line": "\n", "softline": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "bullet": "•"},
    **{
        "lquote": "‘",
        "rquote": "’",
        "ldblquote": "“",
        "rdblquote": "”",
        "emspace": " ",
        "enspace": " ",
        "qmspace": " ",
    },
    **{"nestcell": " | ", "nestrow": "\n"},
}
_SYMBOLS = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}"}


class NestedTooDeeply(Exception):
    """More open groups than any writer makes."""


@dataclass(slots=True)
class _Group:
    """What a closing brace takes back."""

    destination: str = ""
    skipped: bool = False
    starred: bool = False
    encoding: str = "cp1252"
    fallback_chars: int = 1
    hidden: bool = False
    level: int = 0
    in_table: bool = False
    in_list: bool = False
    depth: int = 0


@dataclass(slots=True)
class _Paragraph:
    pieces: list[str] = field(default_factory=list[str])
    marker: str | None = None


class RtfReader:
    """Reads one file; after `read`, `title` and `complete` tell its declared title and whether its end was found."""

    def __init__(self, data: bytes, *, name: str, limits: ParseLimits) -> None:
        self.title = ""
        self.complete = False
        self._source = data.decode("latin-1")
        self._name = name
        self._limits = limits
        self._canvas = Canvas()
        self._group = _Group()
        self._stack: list[_Group] = []
        self._bytes = bytearray()
        self._to_skip = 0
        self._default_encoding = "cp1252"
        self._default_font = 0
        self._fonts: dict[int, str] = {}
        self._styles: dict[int, int] = {}
        self._current = 0
        self._paragraph = _Paragraph()
        self._outer: list[_Paragraph] = []
        self._notes: list[str] = []
        self._items: list[tuple[int, str]] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self._places = RowPlaces()
        self._table = TableDraft()

    def read(self) -> tuple[str, tuple[Element, ...]]:
        position = 0
        while found := _TOKEN.match(self._source, position):
            position = found.end()
            word, parameter, hexadecimal, symbol, brace, text = found.groups()
            if text is not None:
                self._text(text)
            elif word is not None:
                position += self._word(word, int(parameter) if parameter else None)
            elif hexadecimal is not None:
                self._text(chr(int(hexadecimal, 16)))
            elif brace == "{":
                self._open()
            elif brace == "}":
                self._close()
                if not self._stack:
                    break
            elif symbol is not None:
                self._symbol(symbol)
        self.complete = not self._stack
        while self._stack:
            self._close()
        self._take_bytes()
        self._end_paragraph()
        self._flush_table()
        self._flush_items()
        self._flush_notes()
        return self._canvas.finish()

    def _open(self) -> None:
        self._take_bytes()
        self._to_skip = 0
        if len(self._stack) >= _MAX_DEPTH:
            raise NestedTooDeeply(f"more than {_MAX_DEPTH:,} of its groups are open at once")
        self._stack.append(self._group)
        self._group = copy(self._group)
        self._group.starred = False
        # The first group of \upr says in bytes what the second one, \*\ud, says in Unicode.
        self._group.skipped = self._group.skipped or self._group.destination == "upr"

    def _close(self) -> None:
        self._take_bytes()
        self._to_skip = 0
        if not self._stack:
            return
        closed, self._group = self._group, self._stack.pop()
        if closed.destination in _SET_APART and self._group.destination != closed.destination and self._outer:
            ended = self._group
            self._group = closed
            self._end_paragraph()
            self._group = ended
            self._paragraph = self._outer.pop()

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._group.starred = True
        elif symbol in "\r\n":
            self._take_bytes()
            self._end_paragraph()
        elif symbol in _SYMBOLS:
            self._text(_SYMBOLS[symbol])

    def _text(self, text: str) -> None:
        """Characters stand for bytes until the encoding changes: two of them may be one character."""
        if self._to_skip:
            dropped = min(self._to_skip, len(text))
            self._to_skip -= dropped
            text = text[dropped:]
        group = self._group
        if group.destination == "stylesheet":
            if (found := _HEADING_STYLE.match(text)) and self._current not in self._styles:
                self._styles[self._current] = int(found[1])
        elif not group.skipped and not group.hidden:
            self._bytes += text.encode("latin-1", "replace")

    def _take_bytes(self) -> None:
        if self._bytes:
            text = self._bytes.decode(self._group.encoding, "replace")
            self._bytes = bytearray()
            self._put(text)

    def _put(self, text: str) -> None:
        group = self._group
        if group.skipped or group.hidden:
            return
        if group.destination == "title":
            self.title += text
        elif group.destination in _MARKERS:
            self._paragraph.marker = (self._paragraph.marker or "") + text
        else:
            self._paragraph.pieces.append(text)

    def _word(self, word: str, parameter: int | None) -> int:
        """Obey a control word. Returns how many of the following characters belong to it."""
        self._take_bytes()
        group = self._group
        if word == "u":
            self._put(chr((parameter or 0) % 0x10000))
            self._to_skip = group.fallback_chars
            return 0
        if self._to_skip and word in _CHARACTERS:
            self._to_skip -= 1
            return 0
        self._to_skip = 0
        if word == "bin":
            return max(parameter or 0, 0)
        if self._enters(word):
            return 0
        if word in _CHARACTERS:
            self._put(_CHARACTERS[word])
        elif group.skipped:
            self._define(word, parameter)
        else:
            self._obey(word, parameter)
        return 0

    def _enters(self, word: str) -> bool:
        """Whether the word makes the group a destination."""
        group = self._group
        outer = self._stack[-1] if self._stack else group
        starred, group.starred = group.starred, False
        if word == "title" and outer.destination == "info":
            group.destination, group.skipped = word, False
        elif word == "ud" and starred:
            group.destination, group.skipped = word, any(g.skipped for g in self._stack[-2:])
        elif word in _SKIPPED or (starred and word not in _KEPT_IF_STARRED):
            group.destination, group.skipped = word, True
        elif group.skipped:
            return False
        elif word in _SET_APART:
            group.destination = word
            self._outer.append(self._paragraph)
            self._paragraph = _Paragraph()
            group.in_table = group.in_list = False
            group.level = 0
        elif word in _MARKERS or word in ("upr", "field", "fldrslt"):
            group.destination = word
        else:
            return False
        return True

    def _define(self, word: str, parameter: int | None) -> None:
        """Fonts and styles, from their tables."""
        number = parameter or 0
        match self._group.destination, word:
            case "fonttbl", "f":
                self._current = number
            case "fonttbl", "fcharset":
                self._fonts[self._current] = font_charset(number, self._default_encoding)
            case "fonttbl", "cpg":
                self._fonts[self._current] = code_page(number, self._default_encoding)
            case "stylesheet", "s":
                self._current = number
            case "stylesheet", "outlinelevel":
                self._styles[self._current] = number + 1 if number < 9 else 0
            case _:
                pass

    def _obey(self, word: str, parameter: int | None) -> None:
        group = self._group
        number = parameter or 0
        match word:
            case "f":
                group.encoding = self._fonts.get(number, self._default_encoding)
            case "plain":
                group.hidden = False
                group.encoding = self._fonts.get(self._default_font, self._default_encoding)
            case "v" | "deleted":
                group.hidden = parameter != 0
            case "uc":
                group.fallback_chars = max(0, min(number, 100))
            case "ansicpg":
                self._default_encoding = group.encoding = code_page(number)
            case "mac" | "pc" | "pca":
                pages = {"mac": 10000, "pc": 437, "pca": 850}
                self._default_encoding = group.encoding = code_page(pages[word])
            case "deff":
                self._default_font = number
            case "pard":
                group.level = group.depth = 0
                group.in_table = group.in_list = False
            case "s":
                group.level = self._styles.get(number, 0)
            case "outlinelevel":
                group.level = number + 1 if 0 <= number < 9 else 0
            case "intbl":
                group.in_table = True
            case "ls":
                group.in_list = number > 0
            case "ilvl":
                group.depth = max(0, min(number, 8))
            case "par" | "sect" | "page" | "column":
                self._end_paragraph()
            case "cell":
                self._end_cell()
            case "row":
                self._end_row()
            case "trowd" | "trhdr" | "cellx" | "clmgf" | "clmrg" | "clvmgf" | "clvmrg":
                self._places.obey(word)
            case _:
                pass

    def _end_paragraph(self) -> None:
        text, marker = self._take_paragraph()
        if self._group.destination == "footnote":
            self._notes.extend([text] if text else [])
        elif self._group.in_table:
            self._cell.append(text)
        else:
            self._end_row()
            self._flush_table()
            self._write(text, marker)

    def _take_paragraph(self) -> tuple[str, str | None]:
        pieces, marker = self._paragraph.pieces, self._paragraph.marker
        self._paragraph = _Paragraph()
        # Characters beyond the first plane come as two halves of a surrogate pair.
        text = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip(), marker

    def _write(self, text: str, marker: str | None) -> None:
        numbered = f"{marker.strip()} {text}" if marker and _NUMBER.match(marker.strip()) else text
        if text and not self._group.level and (marker is not None or self._group.in_list):
            self._items.append((self._group.depth, numbered))
            return
        self._flush_items()
        if text and self._group.level and len(text) <= _MAX_HEADING_CHARS:
            self._canvas.heading(numbered, self._group.level)
        else:
            self._canvas.paragraph(text)
        self._flush_notes()
        self._limits.check_chars(self._name, self._canvas.length)

    def _end_cell(self) -> None:
        text, _ = self._take_paragraph()
        self._row.append("\n".join(filter(None, [*self._cell, text])))
        self._cell = []

    def _end_row(self) -> None:
        if self._cell or self._paragraph.pieces:
            self._end_cell()
        if self._row:
            self._places.add_row(self._table, self._row)
        self._row = []

    def _flush_table(self) -> None:
        if self._table.rows:
            self._flush_items()
            self._canvas.draft(self._table)
            self._table = TableDraft()
            self._flush_notes()
            self._limits.check_chars(self._name, self._canvas.length)

    def _flush_items(self) -> None:
        self._canvas.items(self._items)
        self._items = []

    def _flush_notes(self) -> None:
        if self._outer:
            return
        for note in self._notes:
            self._canvas.paragraph(note, kind=ElementKind.FOOTNOTE)
        self._notes = []
