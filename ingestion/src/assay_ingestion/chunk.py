"""Passages of a document: as large as the embedder can read, within one section, with exact offsets."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from assay_core.collection_settings import Chunking
from assay_core.documents import Chunk, DocumentId, ElementKind, ParsedDocument, chunk_id, text_for_index
from assay_core.ports import Embedder

from assay_ingestion.outline import Piece, Section, heading_text, outline

CHUNKER = "passages/1"
SPECIAL_TOKENS = 2
# Some words are one token whatever their length (WordPiece's [UNK]); English has about 5 characters a token.
CHARS_PER_TOKEN = 16
_PROSE = (ElementKind.PARAGRAPH, ElementKind.LIST)
_COUNT_CHARS = 500_000

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class _Passage:
    path: tuple[str, ...]
    pieces: Sequence[Piece]

    @property
    def start(self) -> int:
        return self.pieces[0].start

    @property
    def end(self) -> int:
        return self.pieces[-1].end


def split(parsed: ParsedDocument, *, document: DocumentId, embedder: Embedder, chunking: Chunking) -> list[Chunk]:
    """Divide a document into passages, in reading order.

    A section with all that is below it is one passage if it fits; else its own text and each section below it are
    divided apart, so that an edit leaves the passages of other sections as they are. `parsed.title` must be short
    (see `with_short_title`), for it is embedded with each passage.
    """
    count = _counting(embedder)
    root = outline(parsed)
    rooms = _rooms(parsed.title, root, count, embedder.max_tokens, chunking.budget_tokens)
    _count_pieces(parsed.text, root, rooms, count)
    passages = _verified(parsed.text, list(_passages(root, [], rooms, chunking.overlap_tokens)), rooms, count)
    return list(_chunks(parsed.text, passages, document=document, recipe=_recipe(parsed, embedder, chunking)))


def with_short_title(parsed: ParsedDocument, embedder: Embedder) -> ParsedDocument:
    """The document with a title of at most a quarter of what the embedder reads."""
    title = heading_text(parsed.title)
    while embedder.count_tokens([title])[0] > embedder.max_tokens // 4:
        title = title[: len(title) // 2].rstrip("… ") + "…"
    return replace(parsed, title=title)


def _recipe(parsed: ParsedDocument, embedder: Embedder, chunking: Chunking) -> str:
    """What makes the passages of equal sections differ. The model is in it, for vectors are kept by chunk id."""
    parts = (parsed.parser, CHUNKER, embedder.model_id, chunking.budget_tokens, chunking.overlap_tokens, parsed.title)
    return "\x1f".join(str(part) for part in parts)


def _counting(embedder: Embedder) -> CountTokens:
    """`count_tokens` in calls of bounded size: encodings take a hundred times the memory of their text."""

    def count(texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        first = size = 0
        for i, text in enumerate(texts):
            if size > _COUNT_CHARS:
                counts += embedder.count_tokens(texts[first:i])
                first, size = i, 0
            size += len(text)
        return counts + embedder.count_tokens(texts[first:]) if texts else []

    return count


def _rooms(
    title: str, root: Section, count: CountTokens, max_tokens: int, budget_tokens: int
) -> dict[tuple[str, ...], int]:
    """Tokens that a passage may have under each heading path; paths that take too much are shortened in place."""
    half = max_tokens // 2
    for section, cost in _with_cost(title, root, count):
        while section.path and cost > half:
            section.path = section.path[1:]
            cost = count([_context(title, section.path)])[0]
    return {
        section.path: min(budget_tokens, max_tokens - SPECIAL_TOKENS - cost)
        for section, cost in _with_cost(title, root, count)
    }


def _with_cost(title: str, root: Section, count: CountTokens) -> list[tuple[Section, int]]:
    sections = list(root.walk())
    return list(zip(sections, count([_context(title, s.path) for s in sections]), strict=True))


def _context(title: str, path: tuple[str, ...]) -> str:
    return text_for_index(title=title, heading_path=path, text="").rstrip()


def _count_pieces(text: str, root: Section, rooms: dict[tuple[str, ...], int], count: CountTokens) -> None:
    """Count every piece, and divide those that are over the budget alone."""
    for section in root.walk():
        max_chars = rooms[section.path] * CHARS_PER_TOKEN
        section.pieces = [small for piece in section.pieces for small in _sliced(text, piece, max_chars)]
    open_sections = [section for section in root.walk() if section.pieces]
    while open_sections:
        pieces = [piece for section in open_sections for piece in section.pieces]
        counts = iter(count([text[p.start : p.end] for p in pieces]))
        for section in open_sections:
            section.pieces = [piece._replace(tokens=next(counts)) for piece in section.pieces]
        open_sections = [s for s in open_sections if _slice_oversized(text, s, rooms[s.path])]


def _slice_oversized(text: str, section: Section, room: int) -> bool:
    """Divide pieces of more than `room` tokens. Returns whether there were any, so that their parts are counted."""
    if all(piece.tokens <= room for piece in section.pieces):
        return False
    smaller: list[Piece] = []
    for piece in section.pieces:
        if piece.tokens <= room:
            smaller.append(piece)
        else:
            length = piece.end - piece.start
            smaller += _sliced(text, piece, max(1, min(length // 2, length * room * 9 // (piece.tokens * 10))))
    section.pieces = smaller
    return True


def _sliced(text: str, piece: Piece, max_chars: int) -> Iterator[Piece]:
    """The piece in slices of up to `max_chars`, cut at white space where there is some."""
    start, marks, severed = piece.start, piece.marks, piece.severed
    while piece.end - start > max_chars:
        cut = _last_space(text, start + max_chars // 2, start + max_chars + 1) or start + max_chars
        end = cut
        while text[end - 1].isspace():
            end -= 1
        yield piece._replace(start=start, end=end, marks=marks, severed=severed)
        start, marks, severed = cut, 0, False
        while text[start].isspace():
            start += 1
    yield piece._replace(start=start, marks=marks, severed=severed)


def _last_space(text: str, start: int, end: int) -> int:
    return next((i for i in range(end - 1, start, -1) if text[i].isspace()), 0)


def _passages(
    section: Section, lead: list[Piece], rooms: dict[tuple[str, ...], int], overlap_tokens: int
) -> Iterator[_Passage]:
    """Passages of a section and of those below it. `lead` are headings above it that have no text of their own."""
    room = rooms[section.path]
    everything = lead + section.everything()
    if not everything:
        return
    if not section.pieces and len(section.children) == 1:
        yield from _passages(section.children[0], lead, rooms, overlap_tokens)
    elif _fit(everything, room):
        yield _Passage(section.path, everything)
    else:
        own = lead + section.pieces
        if any(not _is_heading(piece) for piece in own) or not section.children:
            yield from (_Passage(section.path, group) for group in _fill(own, room, overlap_tokens))
            own = []
        for child in section.children:
            yield from _passages(child, own, rooms, overlap_tokens)
            own = []


def _is_heading(piece: Piece) -> bool:
    return piece.kind in (ElementKind.TITLE, ElementKind.HEADING)


def _size(pieces: Sequence[Piece]) -> int:
    """Tokens of the text from the first piece to the last; a mark counts as one."""
    return sum(p.tokens + p.marks for p in pieces) - pieces[0].marks if pieces else 0


def _fit(pieces: Sequence[Piece], room: int) -> bool:
    short = pieces[-1].end - pieces[0].start <= room * CHARS_PER_TOKEN
    return short and _size(pieces) <= room and not any(p.severed for p in pieces[1:])


def _fill(pieces: list[Piece], room: int, overlap_tokens: int) -> list[list[Piece]]:
    """Divide the text of a section into groups that fit, at paragraph ends where a group is at least half full."""
    whole = Counter[int]()
    for piece in pieces:
        whole[piece.element] += piece.tokens
    groups: list[list[Piece]] = []
    current: list[Piece] = []
    size = 0
    element = -1
    for piece in pieces:
        starts_element = piece.element != element
        element = piece.element
        breaks_well = starts_element and size * 2 >= room and size + whole[element] > room
        if current and (breaks_well or not _follows(current[0], piece, size, room)):
            groups.append(current)
            current = _overlap(current, piece, room, overlap_tokens)
            size = _size(current)
        size += piece.tokens + (piece.marks if current else 0)
        current.append(piece)
    groups.append(current)
    return _without_small_end(groups, room, overlap_tokens)


def _follows(first: Piece, piece: Piece, size: int, room: int) -> bool:
    """Whether a group of `size` tokens that begins with `first` still fits with `piece` at its end."""
    short = piece.end - first.start <= room * CHARS_PER_TOKEN
    return short and size + piece.marks + piece.tokens <= room and not piece.severed


def _overlap(before: list[Piece], following: Piece, room: int, overlap_tokens: int) -> list[Piece]:
    """The last whole sentences of `before` that are repeated at the start of the group of `following`."""
    taken: list[Piece] = []
    if following.kind not in _PROSE or following.severed:
        return taken
    for piece in reversed(before[1:]):
        if piece.kind not in _PROSE or _size([piece, *taken]) > overlap_tokens:
            break
        if not _fit([piece, *taken, following], room):
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
    if own[0].severed or _size(own) * 4 >= room:
        return groups
    joined = before + own
    sizes = list(accumulate(piece.tokens for piece in joined))
    cut = min(range(1, len(joined)), key=lambda i: abs(2 * sizes[i - 1] - sizes[-1]))
    left, right = joined[:cut], joined[cut:]
    right = _overlap(left, right[0], room - _size(right), overlap_tokens) + right
    return [*rest, left, right] if _fit(left, room) and _fit(right, room) else groups


def _verified(
    text: str, passages: list[_Passage], rooms: dict[tuple[str, ...], int], count: CountTokens
) -> list[tuple[_Passage, int]]:
    """Passages with the exact count of their text; halved where a tokenizer counts more for a whole than its parts."""
    verified: list[tuple[_Passage, int]] = []
    for passage, tokens in zip(passages, _exact(text, passages, count), strict=True):
        if tokens > rooms[passage.path] and len(passage.pieces) > 1:
            middle = len(passage.pieces) // 2
            halves = [_Passage(passage.path, passage.pieces[:middle]), _Passage(passage.path, passage.pieces[middle:])]
            verified += _verified(text, halves, rooms, count)
        else:
            verified.append((passage, tokens))
    return verified


def _exact(text: str, passages: Sequence[_Passage], count: CountTokens) -> Iterator[int]:
    """The count of each passage, added up from its pieces where that is exact: tokenizing is most of the work."""
    adds_up = _adds_up(count)
    unsure = [p for p in passages if not adds_up or any(piece.marks for piece in p.pieces[1:])]
    counts = dict(zip(map(id, unsure), count([text[p.start : p.end] for p in unsure]), strict=True))
    for passage in passages:
        tokens = counts.get(id(passage))
        yield _size(passage.pieces) if tokens is None else tokens


def _adds_up(count: CountTokens) -> bool:
    """Whether white space always divides tokens, as it does for WordPiece."""
    left, right = "It was 5 °C (see p. 7).", "Then, unbelievably: «no»?"
    apart = sum(count([left, right]))
    return count([f"{left} {right}", f"{left}\n\n{right}", f"{left}\n  - {right}"]) == [apart, apart, apart + 1]


def _chunks(
    text: str, passages: Sequence[tuple[_Passage, int]], *, document: DocumentId, recipe: str
) -> Iterator[Chunk]:
    seen = Counter[tuple[tuple[str, ...], str]]()
    for ordinal, (passage, tokens) in enumerate(passages):
        own = text[passage.start : passage.end]
        occurrence = seen[passage.path, own]
        seen[passage.path, own] += 1
        pages = [piece.page for piece in passage.pieces if piece.page is not None]
        yield Chunk(
            id=chunk_id(document=document, recipe=recipe, heading_path=passage.path, text=own, occurrence=occurrence),
            document=document,
            ordinal=ordinal,
            text=own,
            start=passage.start,
            end=passage.end,
            heading_path=passage.path,
            page_first=min(pages, default=None),
            page_last=max(pages, default=None),
            tokens=tokens,
        )
