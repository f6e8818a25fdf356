"""Sources: what is kept in step with a collection, from where, how often. Settings and secrets are sealed together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay_core.documents import AclId, CollectionId, TenantId
from assay_core.errors import Conflict, NotFound
from assay_core.principals import Principal
from assay_core.sources import Access, SourceId
from sqlalchemy import Connection, Row, insert, text
from sqlalchemy.exc import IntegrityError

from assay_store import visibility
from assay_store.database import notify
from assay_store.encryption import Vault
from assay_store.ids import new_id
from assay_store.tables import sources

CHANNEL = "assay_sync"
_PURPOSE = "sources"


@dataclass(frozen=True, slots=True)
class Source:
    """A source. `settings` and `secrets` are the connector's; `every_s` of 0 means only when asked.

    `default_acl` is the collection's, for items of which neither they nor the source say who may read them.
    """

    id: SourceId
    collection: CollectionId
    default_acl: AclId
    name: str
    kind: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    access: Access | None
    every_s: int
    paused: bool
    next_run_at: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewSource:
    """What a source is made of."""

    collection: CollectionId
    name: str
    kind: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    access: Access | None
    every_s: int


def create(connection: Connection, vault: Vault, principal: Principal, new: NewSource) -> Source:
    """Make a source; with a schedule, its first run is due at once. Raises `Conflict` if the name is taken."""
    source = SourceId(principal.tenant, new_id())
    try:
        with connection.begin_nested():
            connection.execute(
                insert(sources).values(
                    tenant=source.tenant,
                    id=source.id,
                    collection=new.collection.id,
                    name=new.name,
                    kind=new.kind,
                    settings=_sealed(vault, source, new.settings, new.secrets),
                    access=_access_json(new.access),
                    every_s=new.every_s,
                    created_by=principal.id,
                )
            )
    except IntegrityError as error:
        raise Conflict(f"There is a source {new.name!r} already; choose another name.", code="source_exists") from error
    _schedule(connection, source)
    return load(connection, vault, source)


def get(connection: Connection, vault: Vault, principal: Principal, source: str) -> Source:
    """A source by name or id, whose collection the principal may read. Raises `NotFound`."""
    row = connection.execute(
        text("""
            SELECT s.*, c.default_acl FROM sources s JOIN collections c ON c.tenant = s.tenant AND c.id = s.collection
            WHERE s.tenant = :t AND (s.name = :s OR s.id = :s) AND c.default_acl = ANY(:acls)
              AND c.deleted_at IS NULL
            ORDER BY s.id = :s LIMIT 1
        """),
        {"t": principal.tenant, "s": source, "acls": _acls(connection, principal)},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no source {source!r}; `assay sources list` shows them.", code="source_not_found")
    return _source(vault, row)


def listing(connection: Connection, vault: Vault, principal: Principal) -> list[Source]:
    """The sources of all collections that the principal may read, by name."""
    rows = connection.execute(
        text("""
            SELECT s.*, c.default_acl FROM sources s JOIN collections c ON c.tenant = s.tenant AND c.id = s.collection
            WHERE s.tenant = :t AND c.default_acl = ANY(:acls) AND c.deleted_at IS NULL ORDER BY s.name
        """),
        {"t": principal.tenant, "acls": _acls(connection, principal)},
    )
    return [_source(vault, row) for row in rows]


def load(connection: Connection, vault: Vault, source: SourceId) -> Source:
    """A source for those who work on it. Raises `NotFound` if it or its collection was deleted."""
    row = connection.execute(
        text("""
            SELECT s.*, c.default_acl FROM sources s JOIN collections c ON c.tenant = s.tenant AND c.id = s.collection
            WHERE s.tenant = :t AND s.id = :s AND c.deleted_at IS NULL
        """),
        {"t": source.tenant, "s": source.id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no source {source.id!r}.", code="source_not_found")
    return _source(vault, row)


def save(connection: Connection, vault: Vault, changed: Source) -> Source:
    """Write what of a source may change: settings, secrets, access, schedule, pause. The next run looks at all anew."""
    connection.execute(
        text("""
            UPDATE sources SET settings = :settings, access = CAST(:access AS jsonb), every_s = :every,
                   paused = :paused, cursor = NULL, updated_at = now() WHERE tenant = :t AND id = :s
        """),
        {
            "settings": _sealed(vault, changed.id, changed.settings, changed.secrets),
            "access": json.dumps(_access_json(changed.access)) if changed.access else None,
            "every": changed.every_s,
            "paused": changed.paused,
            "t": changed.id.tenant,
            "s": changed.id.id,
        },
    )
    _schedule(connection, changed.id)
    return load(connection, vault, changed.id)


def delete(connection: Connection, source: SourceId) -> None:
    """Forget a source with its items, runs and secrets; its documents stay."""
    connection.execute(text("DELETE FROM sources WHERE tenant = :t AND id = :s"), {"t": source.tenant, "s": source.id})


def delete_of(connection: Connection, collection: CollectionId) -> None:
    """Forget the sources of a collection that is deleted, with their secrets."""
    connection.execute(
        text("DELETE FROM sources WHERE tenant = :t AND collection = :c"), {"t": collection.tenant, "c": collection.id}
    )


def cursor(connection: Connection, vault: Vault, source: SourceId) -> str:
    """What the connector told at the end of the last whole run; empty before the first."""
    sealed = connection.execute(
        text("SELECT cursor FROM sources WHERE tenant = :t AND id = :s"), {"t": source.tenant, "s": source.id}
    ).scalar_one_or_none()
    return open_text(vault, source, sealed)


def save_cursor(connection: Connection, vault: Vault, source: SourceId, state: str) -> None:
    connection.execute(
        text("UPDATE sources SET cursor = :c WHERE tenant = :t AND id = :s"),
        {"c": seal_text(vault, source, state), "t": source.tenant, "s": source.id},
    )


def seal_text(vault: Vault, source: SourceId, plain: str) -> bytes:
    """Seal what belongs to a source: names and etags that it told."""
    return vault.tenant_key(source.tenant, _PURPOSE).seal(plain.encode("utf-8", "surrogatepass"), place=source.id)


def open_text(vault: Vault, source: SourceId, sealed: bytes | None) -> str:
    """Open what `seal_text` made; None is empty."""
    if sealed is None:
        return ""
    opened = vault.tenant_key(source.tenant, _PURPOSE).open(bytes(sealed), place=source.id)
    return opened.decode("utf-8", "surrogatepass")


def wake(connection: Connection) -> None:
    """Let the syncer look for work."""
    notify(connection, CHANNEL)


def _schedule(connection: Connection, source: SourceId) -> None:
    connection.execute(
        text("""
            UPDATE sources SET next_run_at = CASE WHEN every_s = 0 OR paused THEN NULL
                   ELSE least(next_run_at, now() + make_interval(secs => CASE WHEN next_run_at IS NULL THEN 0
                                                                               ELSE every_s END)) END
            WHERE tenant = :t AND id = :s
        """),
        {"t": source.tenant, "s": source.id},
    )
    wake(connection)


def _sealed(vault: Vault, source: SourceId, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> bytes:
    return seal_text(vault, source, json.dumps({"settings": dict(settings), "secrets": dict(secrets)}))


def _access_json(access: Access | None) -> dict[str, list[str]] | None:
    return None if access is None else {"allow": list(access.allow), "deny": list(access.deny)}


def _acls(connection: Connection, principal: Principal) -> Sequence[int]:
    return [int(acl) for acl in visibility.readable_acls(connection, principal)]


def _source(vault: Vault, row: Row[tuple[object, ...]]) -> Source:
    tenant = TenantId(row.tenant)
    source = SourceId(tenant, row.id)
    opened = json.loads(open_text(vault, source, row.settings))
    access = row.access
    return Source(
        id=source,
        collection=CollectionId(tenant, row.collection),
        default_acl=AclId(row.default_acl),
        name=row.name,
        kind=row.kind,
        settings=opened["settings"],
        secrets=opened["secrets"],
        access=None if access is None else Access(tuple(access["allow"]), tuple(access["deny"])),
        every_s=row.every_s,
        paused=row.paused,
        next_run_at=row.next_run_at,
        created_by=row.created_by,
        created_at=row.created_at,
    )
