from collections.abc import Sequence
from dataclasses import replace

from assay_core.documents import Element, ElementKind
from assay_core.tables import Table

from assay_adapters.parsers.canvas import Canvas


def include(canvas: Canvas, text: str, elements: Sequence[Element], *, deeper: int = 0) -> None:
    """Write the elements of another canonical text, its headings `deeper` levels down. Pages are left out."""
    for element in elements:
        level = min(element.level + deeper, 6) if element.kind is ElementKind.HEADING else 0
        table = moved(element.table, by=canvas.next_start - element.start) if element.table is not None else None
        canvas.block(element.kind, text[element.start : element.end], level=level, table=table)


def moved(table: Table, *, by: int) -> Table:
    """A table with the offsets of its cells `by` characters further."""
    cells = (replace(cell, start=cell.start + by, end=cell.end + by) for cell in table.cells)
    return replace(table, cells=tuple(cells))
