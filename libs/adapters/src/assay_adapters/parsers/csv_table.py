"""Comma-separated values and their kin. Cells keep their places; the first row is the table's head."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from itertools import islice

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.sheets import SheetWriter

PARSER = "csv/1"

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 64 * 1024
_SAMPLE_ROWS = 200


def parse_csv(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The rows as one table. The delimiter is found by what parts the first rows most evenly.

    Raises:
        Invalid: broken or too_large.
    """
    delimiter = sniff_delimiter(text)
    canvas = Canvas()
    SheetWriter(canvas, name=name, limits=limits).write_data(_rows(text, delimiter, name))
    canonical, elements = canvas.finish()
    media_type = "text/tab-separated-values" if delimiter == "\t" else "text/csv"
    return ParsedDocument(canonical, elements, "", media_type, PARSER)


def sniff_delimiter(text: str) -> str:
    """One of `,` `;` tab `|`; a comma where none parts the rows."""
    sample = text[:_SAMPLE_CHARS].removeprefix("\ufeff")
    # A sample that ends within a row would count that row as shorter.
    sample = sample[: sample.rfind("\n") + 1] if len(text) > _SAMPLE_CHARS and "\n" in sample else sample
    return max(_DELIMITERS, key=lambda delimiter: _evenness(sample, delimiter))


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    """Which share of the rows has the commonest width, and that width; nothing where most rows have one cell."""
    widths: Counter[int] = Counter()
    with suppress(csv.Error):
        for row in islice(_read(sample, delimiter), _SAMPLE_ROWS):
            widths[len(row)] += bool(row)
    if not widths.total():
        return 0.0, 0
    width, rows = max(widths.items(), key=lambda item: (item[1], item[0]))
    return (rows / widths.total(), width) if width > 1 else (0.0, 0)


def _rows(text: str, delimiter: str, name: str) -> Iterator[Iterator[tuple[int, str]]]:
    try:
        for row in _read(text.removeprefix("\ufeff"), delimiter):
            # A blank line has no meaning in a data file, unlike in a sheet.
            if any(cell.strip() for cell in row):
                yield iter(enumerate(cell.strip() for cell in row))
    except csv.Error as e:
        raise Invalid(f"{name!r} cannot be read as a table: {e}", code="broken") from e


def _read(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    # An odd number of quotes means that one is only a sign (inches): it would swallow the rest of the file.
    quoting = csv.QUOTE_NONE if text.count('"') % 2 else csv.QUOTE_MINIMAL
    yield from csv.reader(StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=True)
