"""XML that somebody else's server sent: no entities, no document types, bounded by the fetcher."""

from xml.etree.ElementTree import Element, ParseError

from assay_core.errors import Invalid
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring


def parse_xml(body: bytes, *, where: str) -> Element:
    """The root element. Raises `Invalid` if it is no XML, or declares entities."""
    try:
        return fromstring(body, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Invalid(f"{where} sends no XML that can be read: {error!r}.", code="bad_answer") from error


def local_name(element: Element) -> str:
    """The tag without its namespace, in lower case."""
    return element.tag.rpartition("}")[2].lower()


def text_of(element: Element, name: str) -> str:
    """The text of the first child of this name, in any namespace; empty if there is none."""
    for child in element:
        if local_name(child) == name:
            return "".join(child.itertext()).strip()
    return ""
