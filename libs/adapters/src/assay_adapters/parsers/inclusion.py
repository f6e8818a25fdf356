from collections.abc import Sequence

from assay_core.documents import Element, ElementKind

from assay_adapters.parsers.canvas import Canvas


def include(canvas: Canvas, text: str, elements: Sequence[Element], *, deeper: int = 0) -> None:
    """Write the elements of another canonical text, its headings `deeper` levels down. Pages are left out."""
    for element in elements:
        level = min(element.level + deeper, 6) if element.kind is ElementKind.HEADING else 0
        canvas.block(element.kind, text[element.start : element.end], level=level)
