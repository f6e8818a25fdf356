import json
import re
from collections.abc import Mapping
from typing import cast

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.inclusion import include
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.markdown import parse_markdown
from assay_adapters.parsers.titles import best_title

PARSER = "ipynb/1"

_MAX_OUTPUT_CHARS = 2000
_MAX_OUTPUT_LINES = 40
_EMBEDDED_DATA = re.compile(r"data:[\w.+/-]+(?:;[\w=-]+)*;base64,[A-Za-z0-9+/=\s]{16,}")
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def parse_notebook(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Markdown cells as their elements, code and the beginning of its text outputs as code.

    Raises:
        Invalid: broken if it is no Jupyter notebook, too_large if its text is too long.
    """
    try:
        notebook = _mapping(json.loads(text, parse_int=str, parse_float=str))
    except (ValueError, RecursionError) as e:
        raise _broken(name, f"it is not JSON ({e})") from e
    canvas = Canvas()
    for cell in _cells(notebook, name=name):
        _write_cell(canvas, cell)
        limits.check_chars(name, canvas.length)
    canonical, elements = canvas.finish()
    named = _mapping(notebook.get("metadata")).get("title")
    title = best_title(named if isinstance(named, str) else "", canonical, elements)
    return ParsedDocument(canonical, elements, title, "application/x-ipynb+json", PARSER)


def _cells(notebook: Mapping[str, object], *, name: str) -> list[Mapping[str, object]]:
    """Format 4 has its cells at the top; format 3 has them in work sheets."""
    cells = notebook.get("cells")
    if cells is None:
        sheets = _listed(notebook.get("worksheets"))
        cells = [cell for sheet in sheets for cell in _listed(_mapping(sheet).get("cells"))] if sheets else None
    if not isinstance(cells, list):
        raise _broken(name, "it has no list of cells")
    return [_mapping(cell) for cell in cast("list[object]", cells)]


def _write_cell(canvas: Canvas, cell: Mapping[str, object]) -> None:
    source = _joined(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "markdown":
            parsed = parse_markdown(_EMBEDDED_DATA.sub("", source))
            include(canvas, parsed.text, parsed.elements)
        case "heading":
            level = str(cell.get("level"))
            canvas.heading(source, int(level) if level in "123456" else 1)
        case "code":
            canvas.code(source)
            for output in _listed(cell.get("outputs")):
                canvas.code(_shortened(_output_text(_mapping(output))))
        case _:
            canvas.paragraph(source)


def _output_text(output: Mapping[str, object]) -> str:
    if output.get("output_type") in ("error", "pyerr"):
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"
    text = output.get("text") or _mapping(output.get("data")).get("text/plain")
    return _TERMINAL_CODES.sub("", _joined(text))


def _shortened(text: str) -> str:
    lines = text[:_MAX_OUTPUT_CHARS].split("\n")
    kept = "\n".join(lines[:_MAX_OUTPUT_LINES]).rstrip()
    return kept if len(kept) >= len(text.rstrip()) else f"{kept}\n…"


def _joined(value: object) -> str:
    """Multi-line text is a string or a list of lines with their line ends."""
    if isinstance(value, str):
        return value
    return "".join(line for line in _listed(value) if isinstance(line, str))


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _broken(name: str, why: str) -> Invalid:
    return Invalid(f"{name!r} is no Jupyter notebook: {why}. Save it again in Jupyter", code="broken")
