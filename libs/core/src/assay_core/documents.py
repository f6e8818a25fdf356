"""Documents, versions and chunks: what is stored, and how ids are made."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from assay_core.collection_settings import CollectionSettings
from assay_core.metadata import MetadataValue
from assay_core.tables import Table

TenantId = NewType("TenantId", str)
AclId = NewType("AclId", int)


class CollectionId(NamedTuple):
    """A collection of one tenant; `id` is 32 hex digits."""

    tenant: TenantId
    id: str


class DocumentId(NamedTuple):
    """A document of one tenant; `id` is 32 hex digits."""

    tenant: TenantId
    id: str


class ChunkId(NamedTuple):
    """A chunk of one tenant; `id` is 32 hex digits, made by `chunk_id`."""

    tenant: TenantId
    id: str


class VersionState(StrEnum):
    """Where a document version is on its way; `READY` and `FAILED` are final."""

    RECEIVED = "received"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    READY = "ready"
    FAILED = "failed"


class ElementKind(StrEnum):
    """What a parsed element is."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    HEADER = "header"
    FOOTER = "footer"


@dataclass(frozen=True, slots=True)
class Box:
    """Where an element stands on its page: points (1/72 inch) from the top left corner, so `top` < `bottom`."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Element:
    """A piece of a parsed document.

    `start` and `end` are character offsets into the canonical text (`end` exclusive). `page` counts from 1 and is
    None where the format has no pages, `box` where it has no places on them. `level` is the heading level (1 to 6), 0
    for anything else. `table` is set for tables whose cells are known. `heading_path` holds the headings above it,
    outermost first, without its own text; `with_heading_paths` fills it in.
    """

    kind: ElementKind
    start: int
    end: int
    page: int | None = None
    level: int = 0
    box: Box | None = None
    table: Table | None = None
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A parser's result: the canonical text and its elements in reading order, without overlap.

    `language` is added later: see `LanguageDetector`; empty where nobody looked.
    """

    text: str
    elements: tuple[Element, ...]
    title: str
    media_type: str
    parser: str
    pages: int | None = None
    warnings: tuple[str, ...] = ()
    language: str = ""


def with_heading_paths(text: str, elements: Iterable[Element]) -> Iterator[Element]:
    """The elements with the headings above each; a title stands above all headings."""
    path: list[tuple[int, str]] = []
    above: tuple[str, ...] = ()
    for element in elements:
        if element.kind not in (ElementKind.TITLE, ElementKind.HEADING):
            yield replace(element, heading_path=above) if above else element
            continue
        while path and path[-1][0] >= element.level:
            path.pop()
        yield replace(element, heading_path=tuple(heading for _, heading in path))
        path.append((element.level, " ".join(text[element.start : element.end].split())))
        above = tuple(heading for _, heading in path)


@dataclass(frozen=True, slots=True)
class Parent:
    """The larger passage that is read in place of the ones within it: a span of the canonical text."""

    start: int
    end: int
    page: int | None
    heading_path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of one document version.

    `text` equals the canonical text at `start:end` exactly. `heading_path` holds the headings above it, outermost
    first. `tokens` counts `text` with the embedder's own tokenizer. `context` is embedded and indexed with the text,
    but never shown as part of it.
    """

    id: ChunkId
    document: DocumentId
    ordinal: int
    text: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    page_first: int | None
    page_last: int | None
    tokens: int
    parent: Parent | None = None
    context: str = ""


def text_for_index(*, title: str, heading_path: tuple[str, ...], text: str, context: str = "") -> str:
    """The text that is embedded and indexed: title, headings and `context` above, then the passage itself."""
    above = [title] if title else []
    above += [h for h in heading_path if h != title]
    return "\n".join(part for part in (" › ".join(above), context, text) if part or part is text)


def chunk_id(
    *,
    document: DocumentId,
    recipe: str,
    heading_path: tuple[str, ...],
    text: str,
    occurrence: int,
) -> ChunkId:
    """Deterministic id of a chunk, without version or ordinal: an edit elsewhere does not change it.

    Args:
        recipe: parser and chunker with their versions and the title; a change of these makes new chunks.
        occurrence: 0 for the first chunk with this text under this heading path, 1 for the next, …
    """
    digest = hashlib.sha256()
    for part in (document.tenant, document.id, recipe, "\x1e".join(heading_path), text, str(occurrence)):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return ChunkId(document.tenant, digest.hexdigest()[:32])


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents that share settings; `epoch` grows with every change of what is searchable, `sequence`
    with those only by which something is found that was not before, `filings` with those of declared metadata fields
    of what is found.

    `documents`, `chunks` and `rechunk_due` (documents whose searchable version was divided by other settings) are 0
    where nobody asked for them to be counted. `paused_at` is None while its uploads are taken in.
    """

    id: CollectionId
    name: str
    epoch: int
    default_acl: AclId
    created_at: datetime
    documents: int = 0
    chunks: int = 0
    index_kind: str = "hnsw"
    settings: CollectionSettings = field(default_factory=CollectionSettings)
    rechunk_due: int = 0
    paused_at: datetime | None = None
    sequence: int = 0
    filings: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document as its readers see it. `live_version` is None until a version is searchable."""

    id: DocumentId
    collection: CollectionId
    name: str
    acl: AclId
    live_version: int | None
    created_at: datetime
    updated_at: datetime
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])


@dataclass(frozen=True, slots=True)
class Version:
    """One uploaded state of a document, with how far it has come.

    `progress` is between 0 and 1. `error_code` and `error` are set if and only if the state is `FAILED`.
    `chunks_kept`, `chunks_added` and `chunks_removed` compare it with the version that was live before it; they are
    None until it is live itself. `replaced_at` is when a later version went live. While it is embedded, `chunks_done`
    of `chunks` are; it is in its state since `stage_at`. `language` is empty before it was looked for.
    """

    document: DocumentId
    version: int
    state: VersionState
    sha256: str
    size_bytes: int
    media_type: str
    progress: float
    pages: int | None
    chunks: int | None
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    chunks_kept: int | None = None
    chunks_added: int | None = None
    chunks_removed: int | None = None
    replaced_at: datetime | None = None
    chunks_done: int | None = None
    stage_at: datetime | None = None
    language: str = ""
