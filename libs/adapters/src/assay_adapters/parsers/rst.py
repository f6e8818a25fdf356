from typing import TYPE_CHECKING

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.titles import best_title

if TYPE_CHECKING:
    from docutils import nodes

PARSER = "rst/2"

_SETTINGS: dict[str, object] = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "syntax_highlight": "none",
    "warning_stream": False,
}


def parse_rst(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Sections, lists, tables and literal blocks; nothing is included from elsewhere.

    Only the parser runs, not docutils' transforms: substitutions that refer to each other cannot grow.

    Raises:
        Invalid: broken if it is nested too deeply, too_large if its text is too long.
    """
    from assay_adapters.parsers.rst_blocks import TreeWriter

    writer = TreeWriter(parse=_tree, name=name, limits=limits)
    try:
        writer.write(_tree(text))
    except RecursionError as e:
        raise Invalid(f"{name!r} is nested too deeply to be read: flatten its lists and quotes", code="broken") from e
    canonical, elements = writer.finish()
    return ParsedDocument(canonical, elements, best_title("", canonical, elements), "text/x-rst", PARSER)


def _tree(text: str) -> "nodes.document":
    from docutils.frontend import get_default_settings
    from docutils.parsers.rst import Parser
    from docutils.utils import new_document

    settings = get_default_settings(Parser)  # pyright: ignore[reportArgumentType]  # the class has the settings too
    # A longer line would be left out with all the rest.
    for key, value in {**_SETTINGS, "line_length_limit": len(text) + 1}.items():
        setattr(settings, key, value)
    document = new_document("document", settings)
    Parser().parse(text, document)
    return document
