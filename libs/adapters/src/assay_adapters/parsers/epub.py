import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote
from zipfile import ZipFile

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.decoding import decode
from assay_adapters.parsers.html import declared_charset
from assay_adapters.parsers.html_blocks import BlockWriter
from assay_adapters.parsers.inclusion import include
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.titles import best_title
from assay_adapters.parsers.xml_tree import attribute, bounded_nesting, child, children, descendants, parse_xml
from assay_adapters.parsers.zip_safety import open_zip, read_entry

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PARSER = "epub/2"

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
# Read as HTML, an element that XHTML closes at once would swallow what follows.
_CLOSED_AT_ONCE = re.compile(r"<(title|script|style|textarea|iframe|noscript|xmp)\b([^<>]{0,500})/>", re.I)
_NOT_READ = "script, style, noscript, template, iframe, object, svg, [hidden], math annotation"


def parse_epub(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The documents of the spine, in its order, as one text; the title is the book's.

    Raises:
        Invalid: broken, encrypted (it is protected against reading), or too_large.
    """
    with open_zip(data, name=name, limits=limits) as archive, bounded_nesting(name):
        entries = frozenset(archive.namelist())
        package_path = _package_path(archive, entries, name=name)
        package = parse_xml(read_entry(archive, package_path, name=name), name=name, part=package_path)
        protected = _protected(archive, entries, name=name)
        canvas = Canvas()
        warnings: list[str] = []
        for path in _spine(package, package_path):
            if path in protected:
                raise Invalid(
                    f"{name!r} is protected against copying (DRM): upload a copy without it", code="encrypted"
                )
            if path not in entries:
                warnings.append(f"{path!r} is missing from the book")
                continue
            _write_page(canvas, read_entry(archive, path, name=name), path, warnings)
            limits.check_chars(name, canvas.length)
        declared = next((title.text or "" for title in descendants(child(package, "metadata"), "title")), "")
    text, elements = canvas.finish()
    title = best_title(declared, text, elements)
    return ParsedDocument(text, elements, title, "application/epub+zip", PARSER, None, tuple(warnings))


def _package_path(archive: ZipFile, entries: frozenset[str], *, name: str) -> str:
    if _CONTAINER in entries:
        container = parse_xml(read_entry(archive, _CONTAINER, name=name), name=name, part=_CONTAINER)
        paths = [attribute(rootfile, "full-path") for rootfile in descendants(container, "rootfile")]
    else:
        paths = sorted(entry for entry in entries if entry.endswith(".opf"))
    found = next((path for path in paths if path in entries), None)
    if found is None:
        raise Invalid(f"{name!r} is no EPUB that can be read: it has no package file. Save it again", code="broken")
    return found


def _spine(package: "Element", package_path: str) -> Iterator[str]:
    """Paths of the pages in reading order, each once."""
    folder = posixpath.dirname(package_path)
    pages: dict[str, str] = {}
    for item in children(child(package, "manifest"), "item"):
        navigation = "nav" in attribute(item, "properties").split()
        if attribute(item, "media-type").lower() in _PAGES and not navigation:
            pages[attribute(item, "id")] = posixpath.normpath(posixpath.join(folder, _file(attribute(item, "href"))))
    references = (attribute(item, "idref") for item in children(child(package, "spine"), "itemref"))
    yield from dict.fromkeys(pages[reference] for reference in references if reference in pages)


def _file(href: str) -> str:
    return unquote(href.partition("#")[0].partition("?")[0])


def _protected(archive: ZipFile, entries: frozenset[str], *, name: str) -> frozenset[str]:
    """Paths whose bytes are encrypted; fonts often are, which does not matter."""
    if _ENCRYPTION not in entries:
        return frozenset()
    root = parse_xml(read_entry(archive, _ENCRYPTION, name=name), name=name, part=_ENCRYPTION)
    return frozenset(unquote(attribute(node, "URI")) for node in descendants(root, "CipherReference"))


def _write_page(canvas: Canvas, data: bytes, path: str, warnings: list[str]) -> None:
    from selectolax.lexbor import LexborHTMLParser

    try:
        source = decode(data, name=path, declared=declared_charset(data)).text
    except Invalid as e:
        warnings.append(f"a page was left out: {e.message}")
        return
    tree = LexborHTMLParser(_CLOSED_AT_ONCE.sub(r"<\1\2></\1>", source))
    body = tree.body or tree.root
    # Not by parse_html, which chooses the main part of a web page: in a book, every part is.
    writer = BlockWriter(skipped=frozenset(node.mem_id for node in tree.css(_NOT_READ)))
    if body is not None:
        writer.write(body)
    text, elements = writer.finish()
    include(canvas, text, elements)
