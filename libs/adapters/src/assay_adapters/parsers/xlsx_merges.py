"""Merged cells, which openpyxl leaves out where it streams."""

import re
from collections.abc import Iterator

from assay_adapters.parsers.opc import Package
from assay_adapters.parsers.xml_tree import attribute, descendants, relation_id

Spans = dict[int, dict[int, tuple[int, int]]]

# In whatever order its attributes stand, a reference is all that one has; a prefix is allowed.
_MERGE = re.compile(
    rb"<(?:\w{1,20}:)?mergeCell\s[^<>]{0,100}?ref=[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']"
)
_OVERLAP_BYTES = 200
_MAX_MERGES = 100_000


def merged_cells(package: Package) -> dict[str, Spans]:
    """The rows and columns that cells span, by the title of their sheet, then row and column, from 0."""
    main, root = package.main_part()
    parts = package.relations(main)
    return {
        attribute(sheet, "name"): _spans(package.steps(relation.part))
        for sheet in descendants(root, "sheet")
        if (relation := parts.get(relation_id(sheet))) is not None
    }


def _spans(steps: Iterator[bytes]) -> Spans:
    spans: Spans = {}
    held = b""
    count = 0
    for step in steps:
        held += step
        end = 0
        for found in _MERGE.finditer(held):
            left, top, right, bottom = _index(found[1]), int(found[2]), _index(found[3]), int(found[4])
            spans.setdefault(top - 1, {})[left] = (bottom - top + 1, right - left + 1)
            end = found.end()
            count += 1
        if count > _MAX_MERGES:
            break
        held = held[max(end, len(held) - _OVERLAP_BYTES) :]
    return spans


def _index(letters: bytes) -> int:
    """A column from 0: A, B, …, Z, AA, …"""
    index = 0
    for letter in letters:
        index = 26 * index + letter - ord("A") + 1
    return index - 1
