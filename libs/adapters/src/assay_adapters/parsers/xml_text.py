from typing import TYPE_CHECKING

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.titles import best_title
from assay_adapters.parsers.xml_blocks import ElementWriter

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PARSER = "xml/2"


def parse_xml_text(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Documents (DocBook, JATS, patents, feeds) as headings and paragraphs; data as `name: value` lines.

    Raises:
        Invalid: broken if it is no XML, or declares entities of its own; too_large if its text is too long.
    """
    writer = ElementWriter(name=name, limits=limits)
    writer.write(_root(text, name=name))
    canonical, elements = writer.finish()
    title = best_title(writer.title, canonical, elements)
    return ParsedDocument(canonical, elements, title, "application/xml", PARSER)


def _root(text: str, *, name: str) -> "Element":
    from html.entities import html5
    from xml.etree.ElementTree import ParseError, TreeBuilder

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    # Its own trees are of Python objects that walk themselves recursively.
    parser = DefusedXMLParser(target=TreeBuilder(), forbid_entities=True, forbid_external=True)
    # Documents name these after a DTD that is not fetched.
    parser.entity.update({key.removesuffix(";"): value for key, value in html5.items() if key.endswith(";")})
    try:
        parser.feed(text.lstrip())
        return parser.close()
    except DefusedXmlException as e:
        raise Invalid(
            f"{name!r} declares entities or points outside itself, which is refused because such files can read or "
            f"fill up a machine ({e}). Save it without a DTD of its own",
            code="broken",
        ) from e
    except (ParseError, ValueError, LookupError) as e:
        raise Invalid(
            f"{name!r} is no well-formed XML: {e}. Mend it, or upload it as text with a name in .txt", code="broken"
        ) from e
