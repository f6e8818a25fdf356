"""Comments on cells, which openpyxl leaves out where it streams."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay_adapters.parsers.comments import comment_line
from assay_adapters.parsers.opc import Package
from assay_adapters.parsers.xml_tree import attribute, child, children, descendants, number, relation_id

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# What a thread looks like to a program that knows only plain comments: it repeats the thread.
_SHADOW = "[Threaded comment]"


def comments_by_sheet(package: Package) -> dict[str, list[str]]:
    """Lines such as "Comment by Ann: why?", by the title of their sheet."""
    main, root = package.main_part()
    parts = package.relations(main)
    people = {
        attribute(person, "id"): attribute(person, "displayName")
        for person in descendants(package.related(main, "person"), "person")
    }
    found: dict[str, list[str]] = {}
    for sheet in descendants(root, "sheet"):
        relation = parts.get(relation_id(sheet))
        if relation is not None:
            pairs = [*_plain(package.related(relation.part, "comments"))]
            pairs += _threaded(package.related(relation.part, "threadedComment"), people)
            found[attribute(sheet, "name")] = [comment_line(author, text) for author, text in pairs if text]
    return found


def _plain(root: "Element | None") -> Iterator[tuple[str, str]]:
    authors = [node.text or "" for node in children(child(root, "authors"), "author")]
    for comment in children(child(root, "commentList"), "comment"):
        index = number(comment, "authorId", -1)
        text = _text(comment)
        if not text.startswith(_SHADOW):
            author = authors[index] if 0 <= index < len(authors) else ""
            # Excel writes the author's name into the text as well.
            yield author, text.removeprefix(f"{author}:").strip()


def _threaded(root: "Element | None", people: dict[str, str]) -> Iterator[tuple[str, str]]:
    for comment in children(root, "threadedComment"):
        yield people.get(attribute(comment, "personId"), ""), _text(comment)


def _text(node: "Element") -> str:
    return " ".join("".join(node.itertext()).split())
