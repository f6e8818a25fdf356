"""Collections by name, for those who may see them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from assay_core.collection_settings import CollectionSettings
from assay_core.documents import AclId, Collection, CollectionId, DocumentId, TenantId
from assay_core.errors import Conflict, Invalid, NotFound
from assay_core.index_profiles import IndexProfile
from assay_core.jobs import JobKind
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text

from assay_store import outbox, visibility
from assay_store.ids import new_id
from assay_store.jobs import INGEST_TASK
from assay_store.tables import collections

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

_COLUMNS = (
    "c.tenant, c.id, c.name, c.epoch, c.sequence, c.filings, c.default_acl, c.index_kind, c.settings, c.created_at, "
    "c.paused_at"
)
_COUNTS = """
(SELECT count(*) FROM documents d
   WHERE d.tenant = c.tenant AND d.collection = c.id AND d.deleted_at IS NULL) AS documents,
(SELECT coalesce(sum(v.chunks), 0) FROM documents d JOIN versions v
   ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.live_version
   WHERE d.tenant = c.tenant AND d.collection = c.id AND d.deleted_at IS NULL) AS chunks
"""
_SAME = "v.tenant = d.tenant AND v.document = d.id"
_DUE = """
    d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND v.version = d.latest_version
    AND v.state = 'ready' AND v.chunking <> :recipe AND v.blob_key <> ''
"""


def create(
    connection: Connection,
    tenant: TenantId,
    name: str,
    *,
    acl: AclId,
    index_kind: str = "hnsw",
    settings: CollectionSettings | None = None,
) -> Collection:
    """Create a collection.

    Raises:
        Invalid: the name or the index kind cannot be used.
        Conflict: there is one of this name.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot name a collection: use 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter"
            " or digit.",
            code="bad_collection_name",
        )
    profile = IndexProfile.parse(index_kind)
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:t))"), {"t": f"collections:{tenant}"})
    if _row(connection, tenant, name) is not None:
        raise Conflict(f"There is a collection {name!r} already.", code="collection_exists")
    connection.execute(
        insert(collections).values(
            tenant=tenant,
            id=new_id(),
            name=name,
            default_acl=acl,
            index_kind=str(profile),
            settings=(settings or CollectionSettings()).as_json(),
        )
    )
    row = _row(connection, tenant, name)
    assert row is not None
    return _collection(row)


def get(connection: Connection, principal: Principal, name: str) -> Collection:
    """The collection of this name, not counted. Raises `NotFound` if there is none that the principal may see."""
    row = _row(connection, principal.tenant, name)
    if row is None or row.default_acl not in visibility.readable_acls(connection, principal):
        raise NotFound(
            f"There is no collection {name!r}; create it with POST /v1/collections.", code="collection_not_found"
        )
    return _collection(row)


def by_id(connection: Connection, principal: Principal, collection: CollectionId) -> Collection:
    """As `get`, by id."""
    row = connection.execute(
        text(f"SELECT {_COLUMNS} FROM collections c WHERE tenant = :t AND id = :id AND deleted_at IS NULL"),
        {"t": collection.tenant, "id": collection.id},
    ).one_or_none()
    if (
        row is None
        or collection.tenant != principal.tenant
        or row.default_acl not in visibility.readable_acls(connection, principal)
    ):
        raise NotFound(f"There is no collection {collection.id!r}.", code="collection_not_found")
    return _collection(row)


def listing(connection: Connection, principal: Principal) -> list[Collection]:
    """All collections that the principal may see, by name, with their counts."""
    acls = visibility.readable_acls(connection, principal)
    rows = connection.execute(
        text(f"SELECT {_COLUMNS}, {_COUNTS} FROM collections c WHERE tenant = :t AND deleted_at IS NULL ORDER BY name"),
        {"t": principal.tenant},
    )
    return [
        replace(_collection(row), documents=row.documents, chunks=int(row.chunks))
        for row in rows
        if row.default_acl in acls
    ]


def counted(connection: Connection, collection: Collection) -> Collection:
    """The collection with its counts, which takes time with each document that it holds."""
    due = connection.execute(
        text(f"SELECT count(*) FROM documents d JOIN versions v ON {_SAME} WHERE {_DUE}"), _due(collection)
    )
    row = connection.execute(
        text(f"SELECT {_COUNTS} FROM collections c WHERE tenant = :t AND id = :id"),
        {"t": collection.id.tenant, "id": collection.id.id},
    ).one()
    return replace(collection, documents=row.documents, chunks=int(row.chunks), rechunk_due=due.scalar_one())


def change_settings(connection: Connection, collection: Collection, changes: Mapping[str, Any]) -> Collection:
    """Change some of a collection's settings (see `CollectionSettings.changed`). Returns it as it is then.

    Raises:
        Invalid: a setting is unknown or cannot be used.
    """
    return change_settings_by(connection, collection, lambda _: changes)


def change_settings_by(
    connection: Connection, collection: Collection, changes: Callable[[CollectionSettings], Mapping[str, Any]]
) -> Collection:
    """Like `change_settings`, with changes that follow from the settings; nobody else changes them meanwhile."""
    at = {"t": collection.id.tenant, "id": collection.id.id}
    found = connection.execute(
        text("SELECT settings FROM collections WHERE tenant = :t AND id = :id FOR UPDATE"), at
    ).scalar_one()
    before = CollectionSettings.stored(found)
    settings = before.changed(changes(before))
    connection.execute(
        text("UPDATE collections SET settings = CAST(:s AS jsonb) WHERE tenant = :t AND id = :id"),
        at | {"s": json.dumps(settings.as_json())},
    )
    return replace(collection, settings=settings)


def rechunk_due(connection: Connection, collection: Collection, *, limit: int) -> list[DocumentId]:
    """Up to `limit` documents whose newest version is ready, but was divided by other settings; they are locked."""
    rows = connection.execute(
        text(f"""
            SELECT d.id FROM documents d JOIN versions v ON {_SAME} WHERE {_DUE}
            ORDER BY d.id LIMIT :limit FOR UPDATE OF d SKIP LOCKED
        """),
        _due(collection) | {"limit": limit},
    )
    return [DocumentId(collection.id.tenant, row.id) for row in rows]


def _due(collection: Collection) -> dict[str, Any]:
    recipe = collection.settings.chunking.recipe
    return {"t": collection.id.tenant, "c": collection.id.id, "recipe": recipe}


def advance_epoch(connection: Connection, collection: CollectionId) -> int:
    """Say that what is searchable has changed. Returns the new epoch."""
    return connection.execute(
        text("UPDATE collections SET epoch = epoch + 1 WHERE tenant = :t AND id = :id RETURNING epoch"),
        {"t": collection.tenant, "id": collection.id},
    ).scalar_one()


def advance_sequence(connection: Connection, collection: CollectionId) -> int:
    """Say that something can be found that could not before; that is a new epoch too. Returns the new sequence.

    Only who holds the lock of the index writer may say so: each sequence is percolated once, in order.
    """
    return connection.execute(
        text("""
            UPDATE collections SET epoch = epoch + 1, sequence = sequence + 1
            WHERE tenant = :t AND id = :id RETURNING sequence
        """),
        {"t": collection.tenant, "id": collection.id},
    ).scalar_one()


def sequence_of(connection: Connection, collection: CollectionId) -> int:
    """The present sequence of a collection, whether it is deleted or not."""
    return connection.execute(
        text("SELECT sequence FROM collections WHERE tenant = :t AND id = :id"),
        {"t": collection.tenant, "id": collection.id},
    ).scalar_one()


def sequences(connection: Connection) -> dict[CollectionId, int]:
    """The present sequence of every collection that is not deleted."""
    rows = connection.execute(text("SELECT tenant, id, sequence FROM collections WHERE deleted_at IS NULL"))
    return {CollectionId(TenantId(row.tenant), row.id): row.sequence for row in rows}


def pause(connection: Connection, collection: CollectionId) -> Collection:
    """Begin no more jobs of a collection's uploads, which are accepted all the same. Repeating it changes nothing."""
    return _set_paused(connection, collection, "coalesce(paused_at, now())")


def resume(connection: Connection, collection: CollectionId) -> Collection:
    """Go on with a paused collection, and wake the workers."""
    resumed = _set_paused(connection, collection, "NULL")
    waiting = connection.execute(
        text("""
            SELECT id FROM jobs WHERE kind = :k AND tenant = :t AND collection = :c AND state = 'waiting' LIMIT 1
        """),
        {"k": JobKind.INGEST, "t": collection.tenant, "c": collection.id},
    ).scalar_one_or_none()
    if waiting is not None:
        outbox.add(connection, tenant=collection.tenant, task=INGEST_TASK, job=waiting)
    return resumed


def _set_paused(connection: Connection, collection: CollectionId, value: str) -> Collection:
    row = connection.execute(
        text(f"UPDATE collections c SET paused_at = {value} WHERE tenant = :t AND id = :id RETURNING {_COLUMNS}"),
        {"t": collection.tenant, "id": collection.id},
    ).one()
    return _collection(row)


def mark_deleted(connection: Connection, collection: CollectionId) -> None:
    """Hide a collection; its documents are deleted one by one by their own jobs."""
    connection.execute(
        text("UPDATE collections SET deleted_at = now(), epoch = epoch + 1 WHERE tenant = :t AND id = :id"),
        {"t": collection.tenant, "id": collection.id},
    )


def _row(connection: Connection, tenant: TenantId, name: str) -> Row[tuple[object, ...]] | None:
    if not _NAME.fullmatch(name):
        return None
    return connection.execute(
        text(f"SELECT {_COLUMNS} FROM collections c WHERE tenant = :t AND name = :n AND deleted_at IS NULL"),
        {"t": tenant, "n": name},
    ).one_or_none()


def _collection(row: Row[tuple[object, ...]]) -> Collection:
    return Collection(
        id=CollectionId(TenantId(row.tenant), row.id),
        name=row.name,
        epoch=row.epoch,
        sequence=row.sequence,
        filings=row.filings,
        default_acl=AclId(row.default_acl),
        created_at=row.created_at,
        index_kind=row.index_kind,
        settings=CollectionSettings.stored(row.settings),
        paused_at=row.paused_at,
    )
