"""Tables of documents: as pipe rows in the canonical text, and as cells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; `row` and `column` count from 0, and are the first ones of those it spans.

    `start` and `end` are character offsets into the canonical text, equal where the cell is empty. A cell that spans
    several rows or columns has its text in each of them there; the offsets are of the first.
    """

    row: int
    column: int
    start: int
    end: int
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The shape of a table element, whose canonical text is pipe rows: a line a row, and a rule that is none of them.

    `cells` are in reading order, each once, whatever it spans, and do not overlap. It is empty where the table has too
    many of them to be listed: then its text alone holds them. `header_rows` counts the leading rows that are headings.
    """

    rows: int
    columns: int
    header_rows: int = 1
    cells: tuple[Cell, ...] = ()

    def grid(self, text: str) -> list[list[str]]:
        """The text of every place by row and column, the text of a spanning cell in each place it covers.

        Args:
            text: the canonical text of the document.
        """
        grid = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            content = cell_text(text, cell)
            for row in range(cell.row, cell.row + cell.row_span):
                grid[row][cell.column : cell.column + cell.column_span] = [content] * cell.column_span
        return grid


def cell_text(text: str, cell: Cell) -> str:
    """The text of a cell as it was before it was written between pipes; `text` is the canonical one."""
    return text[cell.start : cell.end].replace("\\|", "|")
