"""XML from strangers as trees. Names are compared without their namespaces: Office writes each in two of them."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay_core.errors import Invalid

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse_xml(data: bytes, *, name: str, part: str) -> "Element":
    """The root. Entities are refused, and nothing outside the bytes is read.

    Raises:
        Invalid: broken.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(data)
    except (ParseError, ValueError, LookupError) as e:
        # ValueError: an entity (defusedxml) or a multi-byte encoding; LookupError: an unknown encoding.
        raise Invalid(f"{name!r} is damaged: its part {part!r} is no usable XML ({e})", code="broken") from e


@contextmanager
def bounded_nesting(name: str) -> Generator[None]:
    """Tell hostile nesting, which overruns the stack of a walk, as damage."""
    try:
        yield
    except RecursionError as e:
        raise Invalid(f"{name!r} is damaged: its parts are nested too deeply", code="broken") from e


def local(node: "Element") -> str:
    return node.tag.rpartition("}")[2]


def attribute(node: "Element", wanted: str, default: str = "") -> str:
    """The attribute with this local name, outside of any relationship namespace."""
    for key, value in node.attrib.items():
        namespace, _, key_local = key.rpartition("}")
        if key_local == wanted and not namespace.endswith("/relationships"):
            return value
    return default


def relation_id(node: "Element", wanted: str = "id") -> str:
    """The attribute that names a relationship (`r:id`, `r:embed`)."""
    for key, value in node.attrib.items():
        namespace, _, key_local = key.rpartition("}")
        if key_local == wanted and namespace.endswith("/relationships"):
            return value
    return ""


def number(node: "Element", wanted: str, default: int = 0) -> int:
    """An attribute as a whole number of at most nine digits; `default` where it is none."""
    value = attribute(node, wanted).strip()
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else default


def child(node: "Element | None", *path: str) -> "Element | None":
    """The first child with this local name, then its child with the next one, and so on."""
    for step in path:
        if node is None:
            return None
        node = next((inner for inner in node if local(inner) == step), None)
    return node


def children(node: "Element | None", wanted: str) -> "list[Element]":
    return [inner for inner in node if local(inner) == wanted] if node is not None else []


def descendants(node: "Element | None", *wanted: str) -> "Iterator[Element]":
    """All of these local names below, in document order; the node itself too where it has one."""
    if node is not None:
        yield from (inner for inner in node.iter() if local(inner) in wanted)


def chosen(node: "Element") -> "Element | None":
    """The one branch of `mc:AlternateContent` to read: the branches say the same twice."""
    first = child(node, "Choice")
    return first if first is not None and len(first) else child(node, "Fallback")
