"""Blocks of pages, written to the canonical text."""

from collections.abc import Sequence

from assay_core.documents import Box

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.pdf_blocks import Block, flowing, set_levels
from assay_adapters.parsers.pdf_lines import Known, joined_text


def write_blocks(canvas: Canvas, blocks: Sequence[Block]) -> None:
    """Write the blocks of all pages, in reading order: which of them are headings shows beside the others."""
    set_levels(blocks)
    known = Known()
    for block in blocks:
        for line in block.lines:
            known.add(line)
    for block in flowing(blocks):
        _write(canvas, block, known)


def rounded(box: Box) -> Box:
    """To a tenth of a point."""
    return Box(round(box.left, 1), round(box.top, 1), round(box.right, 1), round(box.bottom, 1))


def _write(canvas: Canvas, block: Block, known: Known) -> None:
    if block.table is not None:
        table = block.table
        canvas.table(
            table.rows,
            merged=table.merged,
            header_rows=table.header_rows,
            page=block.page,
            box=rounded(table.box),
        )
        return
    text = joined_text(block.lines, known, glue=" " if block.level else "\n")
    canvas.block(block.kind, text, page=block.page, level=block.level, box=rounded(block.box))
