"""Render the Markdown sources in ``pdf_sources`` to PDF files, byte for byte the same each time."""

from __future__ import annotations

from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, ListFlowable, Paragraph, SimpleDocTemplate, Table
from reportlab.platypus.doctemplate import BaseDocTemplate

HERE = Path(__file__).parent
SOURCES = HERE / "pdf_sources"
TARGET = HERE / "documents"

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=11, leading=16.5, spaceAfter=8)
CELL = ParagraphStyle("cell", fontName="Helvetica", fontSize=10, leading=14)
HEAD_CELL = ParagraphStyle("head-cell", parent=CELL, fontName="Helvetica-Bold")
BOLD = ParagraphStyle("bold", fontName="Helvetica-Bold")
HEADINGS = {
    "h1": ParagraphStyle("h1", parent=BOLD, fontSize=19, leading=24, spaceAfter=12),
    "h2": ParagraphStyle("h2", parent=BOLD, fontSize=13.5, leading=18, spaceBefore=10, spaceAfter=6),
}
GRID = [
    ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]
MARGIN = 28 * mm


def inline(node: SyntaxTreeNode) -> str:
    """The text of a block as reportlab mini-markup; the sources use plain text only."""
    return escape("".join(leaf.content for leaf in node.walk() if leaf.type == "text"), quote=False)


def table(node: SyntaxTreeNode) -> Table:
    """A grid over the full width whose columns share it by the length of their longest cell."""
    rows = [row for row in node.walk() if row.type == "tr"]
    texts = [[inline(cell) for cell in row.children] for row in rows]
    longest = [max(len(text) for text in column) for column in zip(*texts, strict=True)]
    weights = [min(max(length, 11), 36) for length in longest]
    width = A4[0] - 2 * MARGIN
    cells = [[Paragraph(text, CELL if i else HEAD_CELL) for text in row] for i, row in enumerate(texts)]
    widths = [width * weight / sum(weights) for weight in weights]
    return Table(cells, colWidths=widths, style=GRID, repeatRows=1, spaceAfter=10, spaceBefore=2)


def numbered(node: SyntaxTreeNode) -> ListFlowable:
    """An ordered or a bulleted list."""
    items = [Paragraph(inline(item), BODY) for item in node.children]
    kind = "1" if node.type == "ordered_list" else "bullet"
    return ListFlowable(items, bulletType=kind, leftIndent=18, bulletFontSize=11, spaceAfter=4)


def flowables(source: str) -> list[Flowable]:
    """The blocks of a Markdown source; a heading stays with the block that follows it."""
    blocks: list[Flowable] = []
    pending: list[Flowable] = []
    for node in SyntaxTreeNode(MarkdownIt().enable("table").parse(source)).children:
        if node.type == "heading":
            pending.append(Paragraph(inline(node), HEADINGS[node.tag]))
        elif node.type == "paragraph":
            blocks.append(KeepTogether([*pending, Paragraph(inline(node), BODY)]))
            pending = []
        elif node.type == "table":
            blocks += [*pending, table(node)]
            pending = []
        else:
            blocks += [*pending, numbered(node)]
            pending = []
    return blocks


def build(source: Path, target: Path) -> None:
    """Write one PDF with a running header and page numbers."""
    text = source.read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("# ")

    def furniture(canvas: Canvas, doc: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(MARGIN, A4[1] - 14 * mm, f"Quellmark Instruments | {title}")
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, f"Page {doc.page}")

    document = SimpleDocTemplate(
        str(target), pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=24 * mm,
        bottomMargin=22 * mm, title=title, author="Quellmark Instruments", invariant=1,
    )  # fmt: skip
    document.build(flowables(text), onFirstPage=furniture, onLaterPages=furniture)


def main() -> None:
    """Build every PDF of the corpus."""
    for source in sorted(SOURCES.glob("*.md")):
        build(source, TARGET / f"{source.stem}.pdf")


if __name__ == "__main__":
    main()
