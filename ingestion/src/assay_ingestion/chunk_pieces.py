"""What every strategy is made of: pieces of a document with their tokens, and the room that a passage has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay_core.collection_settings import Chunking
from assay_core.documents import ParsedDocument, text_for_index
from assay_core.ports import Embedder

from assay_ingestion.outline import Piece, Section, outline
from assay_ingestion.table_headers import TableHeaders

SPECIAL_TOKENS = 2
LINE_TOKENS = 48
"""Room for a context line, where the collection wants one."""
# Some words are one token whatever their length (WordPiece's [UNK]); English has about 5 characters a token.
CHARS_PER_TOKEN = 16
_COUNT_CHARS = 500_000

Path = tuple[str, ...]
CountTokens = Callable[[Sequence[str]], list[int]]


class Passage(NamedTuple):
    """Neighbouring pieces, the headings above them, and the larger passage that is read in their place, if any."""

    path: Path
    pieces: Sequence[Piece]
    parent: "Passage | None" = None

    @property
    def start(self) -> int:
        return self.pieces[0].start

    @property
    def end(self) -> int:
        return self.pieces[-1].end

    @property
    def pages(self) -> list[int]:
        return [piece.page for piece in self.pieces if piece.page is not None]


@dataclass(frozen=True, slots=True)
class Material:
    """A document ready to be divided: every piece of `root` is counted and fits the room of its heading path."""

    text: str
    root: Section
    rooms: Mapping[Path, int]
    headers: TableHeaders
    chunking: Chunking
    embedder: Embedder
    count: CountTokens

    def located(self) -> Iterator[tuple[Path, Piece]]:
        """Every piece with its heading path, in reading order."""
        return ((section.path, piece) for section in self.root.walk() for piece in section.pieces)


def material_of(parsed: ParsedDocument, *, embedder: Embedder, chunking: Chunking) -> Material:
    """Outline a document and count its pieces. `parsed.title` must be short, for it is embedded with each passage."""
    count = counting(embedder)
    root = outline(parsed)
    headers = TableHeaders(parsed, budget_tokens=chunking.budget_tokens, max_tokens=embedder.max_tokens, count=count)
    most = embedder.max_tokens - (LINE_TOKENS if chunking.context_lines else 0) - headers.room_tokens
    rooms = rooms_of(parsed.title, root, count, most, chunking.budget_tokens)
    count_pieces(parsed.text, root, rooms, count)
    return Material(parsed.text, root, rooms, headers, chunking, embedder, count)


def counting(embedder: Embedder) -> CountTokens:
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


def rooms_of(title: str, root: Section, count: CountTokens, max_tokens: int, budget_tokens: int) -> dict[Path, int]:
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


def count_pieces(text: str, root: Section, rooms: Mapping[Path, int], count: CountTokens) -> None:
    """Count every piece, and divide those that are over the budget alone."""
    for section in root.walk():
        max_chars = rooms[section.path] * CHARS_PER_TOKEN
        if any(piece.end - piece.start > max_chars for piece in section.pieces):
            section.pieces = [small for piece in section.pieces for small in sliced(text, piece, max_chars)]
    open_sections = [section for section in root.walk() if section.pieces]
    while open_sections:
        pieces = [piece for section in open_sections for piece in section.pieces]
        counts = iter(count([text[p.start : p.end] for p in pieces]))
        for section in open_sections:
            section.pieces = [Piece(*piece[:-1], next(counts)) for piece in section.pieces]
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
            smaller += sliced(text, piece, max(1, min(length // 2, length * room * 9 // (piece.tokens * 10))))
    section.pieces = smaller
    return True


def sliced(text: str, piece: Piece, max_chars: int) -> Iterator[Piece]:
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


def size(pieces: Sequence[Piece]) -> int:
    """Tokens of the text from the first piece to the last; a mark counts as one."""
    return sum(p.tokens + p.marks for p in pieces) - pieces[0].marks if pieces else 0


def fit(pieces: Sequence[Piece], room: int) -> bool:
    short = pieces[-1].end - pieces[0].start <= room * CHARS_PER_TOKEN
    return short and size(pieces) <= room and not any(p.severed for p in pieces[1:])


def follows(first: Piece, piece: Piece, size: int, room: int) -> bool:
    """Whether a group of `size` tokens that begins with `first` still fits with `piece` at its end."""
    short = piece.end - first.start <= room * CHARS_PER_TOKEN
    return short and size + piece.marks + piece.tokens <= room and not piece.severed


def verified(
    text: str, passages: list[Passage], rooms: Mapping[Path, int], count: CountTokens
) -> list[tuple[Passage, int]]:
    """Passages with the exact count of their text; halved where a tokenizer counts more for a whole than its parts."""
    done: list[tuple[Passage, int]] = []
    for passage, tokens in zip(passages, _exact(text, passages, count), strict=True):
        if tokens > rooms[passage.path] and len(passage.pieces) > 1:
            middle = len(passage.pieces) // 2
            parts = (passage.pieces[:middle], passage.pieces[middle:])
            halves = [passage._replace(pieces=part) for part in parts]
            done += verified(text, halves, rooms, count)
        else:
            done.append((passage, tokens))
    return done


def _exact(text: str, passages: Sequence[Passage], count: CountTokens) -> Iterator[int]:
    """The count of each passage, added up from its pieces where that is exact: tokenizing is most of the work."""
    adds_up = _adds_up(count)
    unsure = [p for p in passages if not adds_up or any(piece.marks for piece in p.pieces[1:])]
    counts = dict(zip(map(id, unsure), count([text[p.start : p.end] for p in unsure]), strict=True))
    for passage in passages:
        tokens = counts.get(id(passage))
        yield size(passage.pieces) if tokens is None else tokens


def _adds_up(count: CountTokens) -> bool:
    """Whether white space always divides tokens, as it does for WordPiece."""
    left, right = "It was 5 °C (see p. 7).", "Then, unbelievably: «no»?"
    apart = sum(count([left, right]))
    return count([f"{left} {right}", f"{left}\n\n{right}", f"{left}\n  - {right}"]) == [apart, apart, apart + 1]
