"""Search small, read large: passages by structure within larger ones by structure, which are read in their place."""

from collections.abc import Iterator
from itertools import groupby

from assay_ingestion.chunk_pieces import Material, Passage, Path
from assay_ingestion.chunk_structure import fill, is_heading, structured
from assay_ingestion.outline import Piece


def by_parents(material: Material) -> list[Passage]:
    """Passages of up to `budget_tokens`, each within a parent of up to `parent_tokens`."""
    rooms = {path: max(material.chunking.parent_tokens, room) for path, room in material.rooms.items()}
    paths = {piece.element: path for path, piece in material.located()}
    parents = structured(material.root, rooms, 0)
    return [child for parent in parents for child in _children(material, parent, paths)]


def _children(material: Material, parent: Passage, paths: dict[int, Path]) -> Iterator[Passage]:
    for path, pieces in _by_section(parent, paths):
        for group in fill(pieces, material.rooms[path], material.chunking.overlap_tokens):
            yield Passage(path, group, parent)


def _by_section(parent: Passage, paths: dict[int, Path]) -> Iterator[tuple[Path, list[Piece]]]:
    """The pieces of each section; headings without a text of their own go with the section below them."""
    lead: list[Piece] = []
    for path, run in groupby(parent.pieces, key=lambda piece: paths[piece.element]):
        pieces = [*lead, *run]
        if all(is_heading(piece) for piece in pieces):
            lead = pieces
            continue
        yield path, pieces
        lead = []
    if lead:
        yield paths[lead[-1].element], lead
