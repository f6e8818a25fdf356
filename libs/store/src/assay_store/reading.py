"""Stored texts opened for those who may read them."""

from dataclasses import dataclass

from assay_core.documents import Document, DocumentId
from assay_core.errors import NotFound
from assay_core.principals import Principal
from sqlalchemy import Connection, text

from assay_store import documents, keys
from assay_store.encryption import Key, Vault
from assay_store.payloads import ChunkPayload


@dataclass(frozen=True, slots=True)
class ReadableChunk:
    """A chunk of one version with its place in that version's canonical text.

    `parent` is the span that is read in its place; `context` is indexed with the text and not part of it.
    """

    id: str
    ordinal: int
    text: str
    heading_path: tuple[str, ...]
    page: int | None
    page_last: int | None
    start: int
    end: int
    tokens: int
    context: str
    parent: tuple[int, int] | None


def version_text(
    connection: Connection, vault: Vault, principal: Principal, document: DocumentId, version: int
) -> tuple[Document, str]:
    """The canonical text of a version. Raises `NotFound` if it is not there, not yet, or not to be read."""
    found, key = _opened(connection, vault, principal, document)
    row = connection.execute(
        text("SELECT state, text FROM versions WHERE tenant = :t AND document = :d AND version = :v"),
        {"t": document.tenant, "d": document.id, "v": version},
    ).one_or_none()
    if row is None:
        raise _no_version(connection, found, version)
    if row.text is None:
        raise NotFound(
            f"Version {version} of {found.name!r} has no text; its state is {row.state!r}.", code="no_text_yet"
        )
    return found, key.open(bytes(row.text), place=f"text:{document.id}:{version}").decode()


def version_chunks(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    document: DocumentId,
    version: int,
    *,
    after_ordinal: int,
    limit: int,
) -> list[ReadableChunk]:
    """Chunks of a version in order, after `after_ordinal` (-1: from the start). Raises `NotFound`."""
    _, key = _opened(connection, vault, principal, document)
    rows = connection.execute(
        text("""
            SELECT c.id, c.payload, c.tokens, vc.ordinal, vc.start_char, vc.end_char, vc.page_first, vc.page_last,
                   p.start_char AS parent_start, p.end_char AS parent_end
            FROM version_chunks vc JOIN chunks c ON c.tenant = vc.tenant AND c.id = vc.chunk
            LEFT JOIN version_parents p ON p.tenant = vc.tenant AND p.document = vc.document
                 AND p.version = vc.version AND p.ordinal = vc.parent
            WHERE vc.tenant = :t AND vc.document = :d AND vc.version = :v AND vc.ordinal > :after
            ORDER BY vc.ordinal LIMIT :limit
        """),
        {"t": document.tenant, "d": document.id, "v": version, "after": after_ordinal, "limit": limit},
    )
    opened = [(row, ChunkPayload.open(key, row.id, bytes(row.payload))) for row in rows]
    return [
        ReadableChunk(
            id=row.id,
            ordinal=row.ordinal,
            text=payload.text,
            heading_path=payload.heading_path,
            page=row.page_first,
            page_last=row.page_last,
            start=row.start_char,
            end=row.end_char,
            tokens=row.tokens,
            context=payload.context,
            parent=None if row.parent_start is None else (row.parent_start, row.parent_end),
        )
        for row, payload in opened
    ]


def _no_version(connection: Connection, found: Document, version: int) -> NotFound:
    """Why there is no such version: it has gone, or there never was one."""
    latest: int = connection.execute(
        text("SELECT latest_version FROM documents WHERE tenant = :t AND id = :d"),
        {"t": found.id.tenant, "d": found.id.id},
    ).scalar_one()
    if 1 <= version <= latest:
        return NotFound(
            f"Version {version} of {found.name!r} was replaced and is not kept any more; what was cited of it is in"
            " the answers that cite it. Replaced versions stay for the collection's keep_versions_days.",
            code="version_gone",
        )
    return NotFound(f"{found.name!r} has no version {version}.", code="version_not_found")


def _opened(connection: Connection, vault: Vault, principal: Principal, document: DocumentId) -> tuple[Document, Key]:
    found = documents.get(connection, vault, principal, document)
    return found, keys.of(connection, vault, document)
