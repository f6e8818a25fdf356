"""Lines and tables of a page as blocks in reading order, and what kind each block is."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from assay_core.documents import Box, ElementKind

from assay_adapters.parsers.pdf_aligned import aligned_tables, pieces_of
from assay_adapters.parsers.pdf_grids import ruled_tables
from assay_adapters.parsers.pdf_lines import Line, box_around, line_of, rows_of
from assay_adapters.parsers.pdf_order import columns_of
from assay_adapters.parsers.pdf_rules import Rules
from assay_adapters.parsers.pdf_tables import FoundTable
from assay_adapters.parsers.pdf_words import Word

_BULLET = re.compile(r"(?:[-*•◦‣–▪●○■□\uf0b7]|\(?\d{1,2}[.)])\s")
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)?|table|tab\.|chart|exhibit|plate|scheme|abb(?:ildung|\.)|tabelle|tableau|figura|tabla|[표그]림?|図|表)"
    r"\s*[A-Z]?\d+(?:[.-]\d+)*\s*(?:[.:|)\u2013\u2014]|$)",
    re.I,
)
_BRACKETED_CAPTION = re.compile(r"[\[<(](?:fig|table|표|그림|図|表)[^\])>]{0,12}[\])>]", re.I)
_NOTE = re.compile(r"(?:\d{1,3}[).]?|[*†‡§¶]{1,3}|\([a-z0-9]\))(?:\s|(?=[A-Z]))")
_SENTENCE_END = ".!?:;"
_LARGER = 1.12
_SMALLER = 0.93
_NOTES_FROM = 0.6
_MAX_HEADING_CHARS = 150
_MAX_CAPTION_CHARS = 600


@dataclass(slots=True)
class Block:
    """Lines that belong together, or a table; `level` is 0 for anything but a heading."""

    page: int
    lines: list[Line] = field(default_factory=list[Line])
    table: FoundTable | None = None
    kind: ElementKind = ElementKind.PARAGRAPH
    level: int = 0

    @property
    def box(self) -> Box:
        return self.table.box if self.table is not None else box_around(line.box for line in self.lines)


def page_blocks(
    page: int, words: Sequence[Word], askew: Sequence[Word], rules: Rules | None, height: float
) -> list[Block]:
    """The blocks of a page in reading order; words that stand at an angle come last. `page` counts from 1.

    Without `rules` neither tables nor columns are looked for: lines come from top to bottom.
    """
    if rules is None:
        return _text_blocks(page, [*words, *askew])
    tables = ruled_tables(words, rules)
    free = [word for word in words if not any(_holds(table.box, word) for table in tables)]
    standins = [_standin(table, free) for table in tables]
    tables_by_id = {id(word): table for word, table in zip(standins, tables, strict=True)}
    blocks: list[Block] = []
    for group in columns_of([*free, *standins]):
        own = [tables_by_id[id(word)] for word in group if id(word) in tables_by_id]
        rest = [word for word in group if id(word) not in tables_by_id]
        aligned = aligned_tables(rest)
        inside = {id(word) for _, taken in aligned for word in taken}
        own += [table for table, _ in aligned]
        blocks += _column_blocks(page, [word for word in rest if id(word) not in inside], own)
    blocks += _column_blocks(page, askew, [])
    _set_notes(blocks, height)
    return blocks


def _holds(box: Box, word: Word) -> bool:
    return box.left <= word.centre <= box.right and box.top <= word.middle <= box.bottom


def _standin(table: FoundTable, words: Sequence[Word]) -> Word:
    """A table takes part in the search for columns as one large word."""
    size = median(word.size for word in words) if words else 10.0
    box = table.box
    return Word("", box.left, box.top, box.right, box.bottom, size)


def _column_blocks(page: int, words: Sequence[Word], tables: Sequence[FoundTable]) -> list[Block]:
    blocks: list[Block] = []
    left = list(words)
    for table in sorted(tables, key=lambda table: table.box.top):
        above = [word for word in left if word.middle < table.box.top]
        left = [word for word in left if word.middle >= table.box.top]
        blocks += _text_blocks(page, above)
        blocks.append(Block(page, table=table, kind=ElementKind.TABLE))
    return blocks + _text_blocks(page, left)


def _text_blocks(page: int, words: Sequence[Word]) -> list[Block]:
    lines = [line_of(part) for row in rows_of(words) for part in _parts(row)]
    drops = [b.box.bottom - a.box.bottom for a, b in pairwise(lines)]
    near = [drop for drop, line in zip(drops, lines, strict=False) if 0 < drop < 3 * line.size]
    leading = median(near) if len(near) > 3 else 0.0
    blocks: list[Block] = []
    for i, line in enumerate(lines):
        if i == 0 or _starts_block(blocks[-1].lines, line, leading):
            blocks.append(Block(page))
        blocks[-1].lines.append(line)
    for block in blocks:
        block.kind = _kind(block.lines)
    return blocks


def _parts(row: list[Word]) -> list[list[Word]]:
    """A heading and small print may stand on one level: that makes them no line."""
    pieces = pieces_of(row, 2.0)
    sizes = [piece[0].size for piece in pieces]
    return pieces if max(sizes) > 1.25 * min(sizes) else [row]


def _starts_block(block: Sequence[Line], line: Line, leading: float) -> bool:
    before = block[-1]
    if before.bold != line.bold or abs(before.size - line.size) > 0.1 * before.size:
        return True
    if _BULLET.match(line.text) or _CAPTION.match(line.text):
        return True
    drop = line.box.bottom - before.box.bottom
    beside = line.box.left > before.box.right or line.box.right < before.box.left
    if beside or drop > 1.3 * max(leading, line.size):
        return True
    indent = line.box.left - before.box.left
    ended = before.text[-1] in _SENTENCE_END
    # The first line of a list's item stands left of those that go on with it.
    hangs = len(block) == 1 and _BULLET.match(before.text) is not None
    return ended and not hangs and 0.8 * line.size < indent < 4 * line.size


def _kind(lines: Sequence[Line]) -> ElementKind:
    text = lines[0].text
    if _CAPTION.match(text) or _BRACKETED_CAPTION.match(text):
        short = sum(len(line.text) for line in lines) <= _MAX_CAPTION_CHARS
        return ElementKind.CAPTION if short else ElementKind.PARAGRAPH
    return ElementKind.LIST if _BULLET.match(text) else ElementKind.PARAGRAPH


def _set_notes(blocks: Sequence[Block], height: float) -> None:
    """Small text with a mark in front, below everything else of its column, is a footnote."""
    sizes = Counter[float]()
    for block in blocks:
        for line in block.lines:
            sizes[line.size] += len(line.text)
    usual = sizes.most_common(1)[0][0] if sizes else 0.0
    for block in blocks:
        if block.table is None and block.box.top > _NOTES_FROM * height and _is_note(block.lines, usual):
            block.kind = ElementKind.FOOTNOTE


def _is_note(lines: Sequence[Line], usual: float) -> bool:
    return lines[0].size < _SMALLER * usual and _NOTE.match(lines[0].text) is not None and len(lines[0].text) > 8


@dataclass(frozen=True, slots=True)
class Margins:
    """Lines that most pages repeat at their upper and lower edge, each as it stands where it is first."""

    headers: tuple[tuple[int, Line], ...]
    footers: tuple[tuple[int, Line], ...]


_DIGITS = re.compile(r"\d+")
_EDGE_LINES = 2
_MAX_EDGE_CHARS = 150
_LEAST_PAGES = 3
_LEAST_LETTERS = 4
_LEAST_SHARE = 0.4


def take_margins(pages: Sequence[list[Block]], heights: Sequence[float]) -> Margins:
    """Take running headers and footers, page numbers too, out of the blocks of the pages."""
    seen: Counter[str] = Counter()
    for blocks, height in zip(pages, heights, strict=True):
        seen.update({key for line in _edges(blocks) if (key := _running_key(line, height))})
    running = {key for key, count in seen.items() if count >= max(_LEAST_PAGES, _LEAST_SHARE * len(pages))}
    found: dict[str, tuple[int, Line, bool]] = {}
    for blocks, height in zip(pages, heights, strict=True):
        edges = {id(line) for line in _edges(blocks)}
        for block in blocks:
            for line in block.lines:
                key = _running_key(line, height) if id(line) in edges else ""
                if key in running:
                    found.setdefault(key, (block.page, line, line.box.top < height / 2))
                    edges.add(-id(line))
            block.lines = [line for line in block.lines if -id(line) not in edges]
        blocks[:] = [block for block in blocks if block.lines or block.table is not None]
    return Margins(
        tuple((page, line) for page, line, upper in found.values() if upper),
        tuple((page, line) for page, line, upper in found.values() if not upper),
    )


def _edges(blocks: Sequence[Block]) -> list[Line]:
    lines = sorted((line for block in blocks for line in block.lines), key=lambda line: line.box.top)
    return lines if len(lines) <= 2 * _EDGE_LINES else lines[:_EDGE_LINES] + lines[-_EDGE_LINES:]


def _running_key(line: Line, height: float) -> str:
    """Words repeat wherever the page ends; numbers alone only at one height."""
    if len(line.text) > _MAX_EDGE_CHARS:
        return ""
    key = _DIGITS.sub("#", line.text)
    if sum(1 for c in key if c.isalpha()) >= _LEAST_LETTERS:
        return key
    return "" if 0.2 * height < line.box.top < 0.8 * height else f"{round(line.box.top / 8)} {key}"


def set_levels(blocks: Sequence[Block]) -> None:
    """Headings are set larger than most of the text, or stand alone in bold."""
    sizes: Counter[float] = Counter()
    for block in blocks:
        for line in block.lines:
            sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    large = [block for block in blocks if _is_large(block, body)]
    levels = _levels(block.lines[0].size for block in large)
    for block in large:
        block.level = levels[block.lines[0].size]
    most = max(levels.values(), default=0)
    for block in blocks:
        if not block.level and _stands_alone_in_bold(block, body):
            block.level = min(6, most + 1)
    for block in blocks:
        if block.level:
            block.kind = ElementKind.HEADING


def _levels(sizes: Iterable[float]) -> dict[float, int]:
    """Level 1 for the largest; sizes that differ by less than a twentieth share one."""
    levels: dict[float, int] = {}
    level, first = 0, float("inf")
    for size in sorted(set(sizes), reverse=True):
        if size < 0.95 * first:
            level, first = level + 1, size
        levels[size] = min(5, level)
    return levels


def _could_be_heading(block: Block) -> bool:
    return bool(block.lines) and block.kind in (ElementKind.PARAGRAPH, ElementKind.LIST)


def _is_large(block: Block, body: float) -> bool:
    if not _could_be_heading(block) or block.lines[0].size < _LARGER * body:
        return False
    text = " ".join(line.text for line in block.lines)
    return len(text) <= _MAX_HEADING_CHARS and _is_wordy(text)


def _stands_alone_in_bold(block: Block, body: float) -> bool:
    if not _could_be_heading(block) or len(block.lines) > 2:
        return False
    text = " ".join(line.text for line in block.lines)
    bold = all(line.bold for line in block.lines) and block.lines[0].size >= 0.98 * body
    return bold and len(text) <= 110 and text[-1] not in ".,;:" and _is_wordy(text)


def _is_wordy(text: str) -> bool:
    letters = sum(1 for character in text if character.isalpha())
    return letters >= 3 and letters * 2 > len(text)


def flowing(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, with a paragraph that goes on in the next column of its page as one."""
    before: Block | None = None
    for block in blocks:
        if before is not None and _goes_on(before, block):
            before.lines += block.lines
            continue
        if before is not None:
            yield before
        before = block
    if before is not None:
        yield before


def _goes_on(before: Block, block: Block) -> bool:
    plain = before.kind is block.kind is ElementKind.PARAGRAPH and before.page == block.page
    if not plain or before.lines[-1].size != block.lines[0].size or before.lines[-1].bold != block.lines[0].bold:
        return False
    in_next_column = block.lines[0].box.bottom < before.lines[-1].box.top
    return in_next_column and before.lines[-1].text[-1] not in ".!?:;" and block.lines[0].text[:1].islower()
