"""By heading and element: a section with all that is below it is one passage if it fits.

Else its own text and each section below it are divided apart, so that an edit leaves the passages of other sections as
they are. Sentences, table rows and lines of code stay whole, unless one alone is over the budget.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate

from assay_core.documents import ElementKind

from assay_ingestion.chunk_pieces import Material, Passage, Path, fit, follows, size
from assay_ingestion.outline import Piece, Section

PROSE = (ElementKind.PARAGRAPH, ElementKind.LIST)


def by_structure(material: Material) -> list[Passage]:
    """Passages by section, in reading order."""
    return list(structured(material.root, material.rooms, material.chunking.overlap_tokens))


def structured(root: Section, rooms: Mapping[Path, int], overlap_tokens: int) -> Iterator[Passage]:
    """Passages of a section and those below it, each within the room of its heading path."""
    return _passages(root, [], rooms, overlap_tokens)


def _passages(section: Section, lead: list[Piece], rooms: Mapping[Path, int], overlap_tokens: int) -> Iterator[Passage]:
    """Passages of a section and of those below it. `lead` are headings above it that have no text of their own."""
    room = rooms[section.path]
    everything = lead + section.everything()
    if not everything:
        return
    if not section.pieces and len(section.children) == 1:
        yield from _passages(section.children[0], lead, rooms, overlap_tokens)
    elif fit(everything, room):
        yield Passage(section.path, everything)
    else:
        own = lead + section.pieces
        if any(not is_heading(piece) for piece in own) or not section.children:
            yield from (Passage(section.path, group) for group in fill(own, room, overlap_tokens))
            own = []
        for child in section.children:
            yield from _passages(child, own, rooms, overlap_tokens)
            own = []


def is_heading(piece: Piece) -> bool:
    return piece.kind in (ElementKind.TITLE, ElementKind.HEADING)


def fill(pieces: list[Piece], room: int, overlap_tokens: int) -> list[list[Piece]]:
    """Divide the text of a section into groups that fit, at paragraph ends where a group is at least half full."""
    whole = Counter[int]()
    for piece in pieces:
        whole[piece.element] += piece.tokens
    groups: list[list[Piece]] = []
    current: list[Piece] = []
    tokens = 0
    element = -1
    for piece in pieces:
        starts_element = piece.element != element
        element = piece.element
        breaks_well = starts_element and tokens * 2 >= room and tokens + whole[element] > room
        if current and (breaks_well or not follows(current[0], piece, tokens, room)):
            groups.append(current)
            current = overlap(current, piece, room, overlap_tokens)
            tokens = size(current)
        tokens += piece.tokens + (piece.marks if current else 0)
        current.append(piece)
    groups.append(current)
    return _without_small_end(groups, room, overlap_tokens)


def overlap(before: list[Piece], following: Piece, room: int, overlap_tokens: int) -> list[Piece]:
    """The last whole sentences of `before` that are repeated at the start of the group of `following`."""
    taken: list[Piece] = []
    if following.kind not in PROSE or following.severed:
        return taken
    for piece in reversed(before[1:]):
        if piece.kind not in PROSE or size([piece, *taken]) > overlap_tokens:
            break
        if not fit([piece, *taken, following], room):
            break
        taken.insert(0, piece)
        if piece.severed:
            break
    return taken


def _without_small_end(groups: list[list[Piece]], room: int, overlap_tokens: int) -> list[list[Piece]]:
    """Share the last two groups evenly if the last one has next to nothing of its own."""
    if len(groups) < 2:
        return groups
    *rest, before, last = groups
    own = [piece for piece in last if piece.start >= before[-1].end]
    if own[0].severed or size(own) * 4 >= room:
        return groups
    joined = before + own
    sizes = list(accumulate(piece.tokens for piece in joined))
    cut = min(range(1, len(joined)), key=lambda i: abs(2 * sizes[i - 1] - sizes[-1]))
    left, right = joined[:cut], joined[cut:]
    right = overlap(left, right[0], room - size(right), overlap_tokens) + right
    return [*rest, left, right] if fit(left, room) and fit(right, room) else groups
