import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from assay_adapters.parsers.pdf_lines import Line

_BULLET = re.compile(r"(?:[-*•◦‣–▪●]|\d{1,2}[.)])\s")
_DIGITS = re.compile(r"\d+")
_LARGER = 1.12
_MAX_HEADING_CHARS = 150


@dataclass(slots=True)
class Block:
    """Lines that belong together; `level` is 0 for anything but a heading."""

    page: int
    lines: list[Line] = field(default_factory=list[Line])
    level: int = 0

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def is_list(self) -> bool:
        return _BULLET.match(self.lines[0].text) is not None


def blocks_of(pages: Sequence[list[Line]]) -> list[Block]:
    """Paragraphs and headings of a document in reading order, without running headers and footers.

    Headings are set larger than most of the text, or stand alone in bold.
    """
    body = _body_size(pages)
    running = _running_lines(pages)
    blocks: list[Block] = []
    for number, lines in enumerate(pages, start=1):
        kept = [line for i, line in enumerate(lines) if _running_key(lines, i) not in running]
        blocks += _page_blocks(number, kept)
    _set_levels(blocks, body)
    return blocks


def _body_size(pages: Sequence[list[Line]]) -> float:
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _running_lines(pages: Sequence[list[Line]]) -> set[str]:
    """Lines at the edge of a page that most pages share, numbers aside."""
    if len(pages) < 3:
        return set()
    seen: Counter[str] = Counter()
    for lines in pages:
        seen.update({key for i in range(len(lines)) if (key := _running_key(lines, i))})
    return {key for key, count in seen.items() if count > 0.6 * len(pages)}


def _running_key(lines: list[Line], i: int) -> str:
    if 2 <= i < len(lines) - 2 or len(lines[i].text) > 120:
        return ""
    return f"{round(lines[i].y / 8)} {_DIGITS.sub('#', lines[i].text)}"


def _page_blocks(page: int, lines: list[Line]) -> list[Block]:
    drops = [a.y_end - b.y for a, b in pairwise(lines) if 0 < a.y_end - b.y < 3 * a.size]
    leading = median(drops) if drops else 0.0
    blocks: list[Block] = []
    for i, line in enumerate(lines):
        if i == 0 or _starts_block(lines[i - 1], line, leading):
            blocks.append(Block(page))
        blocks[-1].lines.append(line)
    return blocks


def _starts_block(before: Line, line: Line, leading: float) -> bool:
    if before.bold != line.bold or abs(before.size - line.size) > 0.1 * before.size:
        return True
    if _BULLET.match(line.text):
        return True
    drop = before.y_end - line.y
    if drop >= 0:
        indented = 0.8 * line.size < line.x - before.x < 4 * line.size and before.text[-1] in ".!?:"
        return indented or drop > 1.3 * max(leading, line.size)
    next_cell = line.x > before.x and -drop < 10 * line.size
    goes_on = before.text[-1] not in ".!?:"
    return not (next_cell or goes_on)


def _set_levels(blocks: list[Block], body: float) -> None:
    large = [block for block in blocks if _is_large(block, body)]
    sizes = sorted({block.lines[0].size for block in large}, reverse=True)
    for block in large:
        block.level = min(5, 1 + sizes.index(block.lines[0].size))
    for before, block in zip([None, *blocks], blocks, strict=False):
        if not block.level and _stands_alone_in_bold(before, block, body):
            block.level = min(6, 1 + len(sizes))


def _is_large(block: Block, body: float) -> bool:
    text = block.text
    return block.lines[0].size >= _LARGER * body and len(text) <= _MAX_HEADING_CHARS and _is_wordy(text)


def _stands_alone_in_bold(before: Block | None, block: Block, body: float) -> bool:
    line = block.lines[0]
    if len(block.lines) > 1 or line.pieces > 1 or not line.bold or line.size < 0.98 * body or len(line.text) > 90:
        return False
    beside = before is not None and before.page == block.page and before.lines[-1].y_end < line.y
    return not beside and line.text[-1] not in ".,;" and not block.is_list and _is_wordy(line.text)


def _is_wordy(text: str) -> bool:
    letters = sum(1 for character in text if character.isalpha())
    return letters >= 3 and letters * 2 > len(text)
