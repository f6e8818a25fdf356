"""Packages of Office Open XML (ECMA-376 part 2): parts in a ZIP archive, joined by relationships."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.xml_tree import attribute, child, children, parse_xml
from assay_adapters.parsers.zip_safety import entry_steps, open_zip, read_entry

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is the last piece of the relationship's type ("styles", "footnotes"), `part` a path in the package."""

    kind: str
    part: str


class Package:
    """Reads parts when they are asked for; what nobody asks for (pictures) may be damaged or missing."""

    def __init__(self, data: bytes, *, name: str, limits: ParseLimits) -> None:
        self._archive = open_zip(data, name=name, limits=limits)
        self._name = name
        self._relations: dict[str, dict[str, Relation]] = {}
        self._paths = {path.lower().lstrip("/"): path for path in self._archive.namelist()}

    def main_part(self) -> tuple[str, "Element"]:
        """The path and root of the document, workbook or presentation.

        Raises:
            Invalid: broken.
        """
        main = next((part for part in self.parts_of("", "officeDocument")), "")
        root = self.xml(main) if main else None
        if root is None:
            raise Invalid(f"{self._name!r} is damaged: its main part is missing", code="broken")
        return main, root

    def xml(self, part: str) -> "Element | None":
        """The root of a part, None where the package lacks it."""
        path = self._paths.get(part.lower())
        if path is None:
            return None
        return parse_xml(read_entry(self._archive, path, name=self._name), name=self._name, part=part)

    def steps(self, part: str) -> Iterator[bytes]:
        """The bytes of a part a step at a time; none where the package lacks it or it is damaged further on."""
        path = self._paths.get(part.lower())
        return entry_steps(self._archive, path) if path is not None else iter(())

    def relations(self, part: str) -> dict[str, Relation]:
        """What a part ("" is the package) refers to inside the package, by relationship id."""
        if part not in self._relations:
            self._relations[part] = self._read_relations(part)
        return self._relations[part]

    def parts_of(self, part: str, kind: str) -> list[str]:
        """The parts that `part` refers to as this kind."""
        return [relation.part for relation in self.relations(part).values() if relation.kind == kind]

    def related(self, part: str, kind: str) -> "Element | None":
        """The root of the first part of this kind that is there."""
        roots = (self.xml(path) for path in self.parts_of(part, kind))
        return next((root for root in roots if root is not None), None)

    def title(self) -> str:
        """`dc:title` of the core properties."""
        node = child(self.related("", "core-properties"), "title")
        return (node.text or "") if node is not None else ""

    def _read_relations(self, part: str) -> dict[str, Relation]:
        folder, base = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found: dict[str, Relation] = {}
        for node in children(root, "Relationship"):
            if attribute(node, "TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, unquote(attribute(node, "Target"))))
                kind = attribute(node, "Type").rpartition("/")[2]
                found[attribute(node, "Id")] = Relation(kind, target.lstrip("/"))
        return found
