"""The passages that a document was divided into."""

from assay_core.documents import DocumentId
from assay_core.errors import NotFound
from assay_core.principals import Principal
from assay_store import documents, reading
from assay_store.encryption import Vault
from assay_wire import public, to_public
from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator
from assay_gateway.cursors import Cursors
from assay_gateway.documents import Cursor, Limit, VersionNumber
from assay_gateway.ids import document_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault, cursors: Cursors) -> APIRouter:
    """Routes of chunks."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    def page(
        connection: Connection, principal: Principal, document: DocumentId, version: int, limit: int, cursor: str | None
    ) -> public.ChunkPage:
        listing = f"chunks\n{document.id}\n{version}"
        after = cursors.read_number(principal, listing, cursor)
        rows = reading.version_chunks(
            connection,
            vault,
            principal,
            document,
            version,
            after_ordinal=-1 if after is None else after,
            limit=limit + 1,
        )
        last = rows[limit - 1].ordinal if len(rows) > limit else None
        return public.ChunkPage(
            version=version,
            chunks=[_chunk(row) for row in rows[:limit]],
            next_cursor=None if last is None else cursors.make(principal, listing, last),
        )

    @router.get("/v1/documents/{id}/versions/{version}/chunks", summary="List a version's chunks in order")
    async def list_version_chunks(
        id: str, version: VersionNumber, principal: Principal = Depends(who), limit: Limit = 50, cursor: Cursor = None
    ) -> public.ChunkPage:
        document = document_id(principal, id)
        return await transactions(lambda c: page(c, principal, document, version, limit, cursor))

    @router.get("/v1/documents/{id}/chunks", summary="List the chunks that readers find, in order")
    async def list_chunks(
        id: str, principal: Principal = Depends(who), limit: Limit = 50, cursor: Cursor = None
    ) -> public.ChunkPage:
        document = document_id(principal, id)

        def read(connection: Connection) -> public.ChunkPage:
            found = documents.get(connection, vault, principal, document)
            if found.live_version is None:
                raise NotFound(f"{found.name!r} cannot be searched yet, so it has no chunks.", code="no_text_yet")
            return page(connection, principal, document, found.live_version, limit, cursor)

        return await transactions(read)

    return router


def _chunk(row: reading.ReadableChunk) -> public.DocumentChunk:
    return public.DocumentChunk(
        chunk_id=row.id,
        ordinal=row.ordinal,
        text=row.text,
        heading=to_public.heading(row.heading_path),
        page=row.page,
        page_last=row.page_last,
        start=row.start,
        end=row.end,
        tokens=row.tokens,
        context=row.context,
        parent=row.parent,
    )
