"""PowerPoint presentations since 2007 (also with macros, which are not read).

Each slide is a page; its title is a heading of level 2. Charts are tables of their values. Slide numbers and dates are
left out, footers are written once. The package is read without python-pptx: that refuses presentations with macros,
and reads every picture into memory.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay_core.documents import ParsedDocument

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.comments import comment_line
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.opc import Package
from assay_adapters.parsers.pptx_shapes import SlideWriter, placeholder, shapes, text_of
from assay_adapters.parsers.titles import best_title
from assay_adapters.parsers.xml_tree import attribute, bounded_nesting, child, children, descendants, relation_id

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PARSER = "pptx/2"
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def parse_pptx(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The visible slides in order, each with its notes and comments.

    Raises:
        Invalid: encrypted, broken, too_many_pages or too_large.
    """
    package = Package(data, name=name, limits=limits)
    main, root = package.main_part()
    slides = [relation_id(node) for node in children(child(root, "sldIdLst"), "sldId")]
    limits.check_pages(name, len(slides))
    canvas, footers, left_out = Canvas(), set[str](), list[str]()
    relations, authors = package.relations(main), _authors(package, main)
    with bounded_nesting(name):
        for page, slide_id in enumerate(slides, start=1):
            part = relations[slide_id].part if slide_id in relations else ""
            slide = package.xml(part)
            if slide is None:
                left_out.append(f"slide {page} is missing from the file")
            elif attribute(slide, "show") in ("0", "false"):
                left_out.append(f"slide {page} is hidden and was left out")
            else:
                SlideWriter(canvas, package, part, page=page, footers=footers, name=name, limits=limits).write(slide)
                _write_remarks(canvas, package, part, page, authors)
            limits.check_chars(name, canvas.length)
    text, elements = canvas.finish()
    title = best_title(package.title(), text, elements)
    return ParsedDocument(text, elements, title, MEDIA_TYPE, PARSER, len(slides) or None, tuple(left_out))


def _write_remarks(canvas: Canvas, package: Package, part: str, page: int, authors: dict[str, str]) -> None:
    """Write a slide's notes, and what reviewers said of it."""
    tree = child(package.related(part, "notesSlide"), "cSld", "spTree")
    for shape in shapes(tree) if tree is not None else ():
        notes = text_of(child(shape, "txBody")) if placeholder(shape) == "body" else ""
        if notes:
            canvas.paragraph(f"Notes: {notes}", page=page)
    for author, text in _comments(package.related(part, "comments"), authors):
        canvas.paragraph(comment_line(author, text), page=page)


def _comments(root: "Element | None", authors: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Old comments have a `text`, those of a thread a `txBody`; replies lie inside of the comment."""
    for comment in descendants(root, "cm", "reply"):
        body = child(comment, "txBody")
        plain = child(comment, "text")
        text = text_of(body) if body is not None else ((plain.text or "") if plain is not None else "")
        if text.strip():
            yield authors.get(attribute(comment, "authorId"), ""), text.strip()


def _authors(package: Package, main: str) -> dict[str, str]:
    roots = [package.related(main, kind) for kind in ("commentAuthors", "authors")]
    nodes = [node for root in roots for node in descendants(root, "cmAuthor", "author")]
    return {attribute(node, "id"): attribute(node, "name") for node in nodes}
