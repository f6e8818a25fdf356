"""Who may see what, and which version is live: the one place that decides.

Access rules live in SQL as ACLs that documents with equal rules share. A principal may read an ACL if a rule allows
the principal, one of its groups, or everyone, and no rule denies it. Everything else is invisible.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import AclId, ChunkId, CollectionId, DocumentId, TenantId
from assay_core.errors import NotFound
from assay_core.principals import EVERYONE, Principal
from assay_core.search import EvidenceVersion
from sqlalchemy import Connection, DateTime, Row, bindparam, text

from assay_store.parents import StoredParent, name_of

_READABLE_ACLS = text("""
WITH RECURSIVE identities(id) AS (
    SELECT id FROM principals WHERE tenant = :tenant AND id = :principal AND disabled_at IS NULL
    UNION
    SELECT m.grp FROM memberships m
        JOIN identities i ON m.member = i.id
        JOIN principals g ON g.tenant = m.tenant AND g.id = m.grp AND g.disabled_at IS NULL
        WHERE m.tenant = :tenant
), mine AS (
    SELECT r.acl, r.effect FROM acl_rules r
        WHERE r.tenant = :tenant AND EXISTS (SELECT 1 FROM identities)
          AND (r.principal IN (SELECT id FROM identities) OR r.principal = :everyone)
)
SELECT acl FROM mine GROUP BY acl HAVING bool_and(effect = 'allow')
""")

_LIVE_CHUNKS = text("""
SELECT c.id AS chunk, d.id AS document, d.name_sealed, k.key_wrapped, d.live_version AS version, c.payload,
       vc.start_char, vc.end_char, vc.page_first,
       p.ordinal AS parent, p.start_char AS parent_start, p.end_char AS parent_end, p.page AS parent_page,
       p.payload AS parent_payload
FROM chunks c
JOIN documents d ON d.tenant = c.tenant AND d.id = c.document
JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
JOIN version_chunks vc ON vc.tenant = c.tenant AND vc.chunk = c.id
                      AND vc.document = d.id AND vc.version = d.live_version
LEFT JOIN version_parents p ON p.tenant = vc.tenant AND p.document = vc.document
                           AND p.version = vc.version AND p.ordinal = vc.parent
WHERE c.tenant = :tenant AND c.id = ANY(:chunks)
  AND d.collection = :collection AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
""")

_LIVE_IDS = """
SELECT c.id AS chunk FROM chunks c
JOIN documents d ON d.tenant = c.tenant AND d.id = c.document
WHERE c.tenant = :tenant AND d.collection = :collection AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
  AND EXISTS (
      SELECT 1 FROM version_chunks vc
      WHERE vc.tenant = c.tenant AND vc.chunk = c.id AND vc.document = d.id AND vc.version = d.live_version)
"""

_LIVE_VERSIONS = text("""
SELECT count(*) FROM documents d
JOIN unnest(CAST(:documents AS text[]), CAST(:versions AS int[])) AS e(document, version)
  ON d.id = e.document AND d.live_version = e.version
WHERE d.tenant = :tenant AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
""")


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """A chunk of a live, readable version. `payload` and `name_sealed` are encrypted with the document's key.

    `parent` is the larger passage that is read in its place, or None.
    """

    chunk: ChunkId
    document: DocumentId
    name_sealed: bytes
    key_wrapped: bytes
    version: int
    payload: bytes
    start: int
    end: int
    page: int | None
    parent: StoredParent | None


def readable_acls(connection: Connection, principal: Principal) -> frozenset[AclId]:
    """The ACLs that a principal may read; empty for an unknown or disabled one."""
    rows = connection.execute(
        _READABLE_ACLS, {"tenant": principal.tenant, "principal": principal.id, "everyone": EVERYONE}
    )
    return frozenset(AclId(row.acl) for row in rows)


def permissions_digest(acls: frozenset[AclId]) -> str:
    """A short name for a set of readable ACLs, for cache keys."""
    return hashlib.sha256(",".join(str(a) for a in sorted(acls)).encode()).hexdigest()[:32]


def live_chunks(
    connection: Connection, collection: CollectionId, acls: frozenset[AclId], chunks: Sequence[ChunkId]
) -> dict[ChunkId, LiveChunk]:
    """Those of `chunks` that belong to a live version that may be read. A chunk that stands twice in a version is
    returned at one of its places."""
    rows = connection.execute(
        _LIVE_CHUNKS,
        _readable(collection, acls) | {"chunks": [c.id for c in chunks if c.tenant == collection.tenant]},
    )
    found: dict[ChunkId, LiveChunk] = {}
    for row in rows:
        chunk = ChunkId(collection.tenant, row.chunk)
        found[chunk] = LiveChunk(
            chunk=chunk,
            document=DocumentId(collection.tenant, row.document),
            name_sealed=bytes(row.name_sealed),
            key_wrapped=bytes(row.key_wrapped),
            version=row.version,
            payload=bytes(row.payload),
            start=row.start_char,
            end=row.end_char,
            page=row.page_first,
            parent=_parent(row),
        )
    return found


def _readable(collection: CollectionId, acls: frozenset[AclId]) -> dict[str, object]:
    return {"tenant": collection.tenant, "collection": collection.id, "acls": [int(a) for a in acls]}


def _parent(row: Row[tuple[object, ...]]) -> StoredParent | None:
    if row.parent is None:
        return None
    name = name_of(row.document, row.version, row.parent)
    return StoredParent(name, row.parent_start, row.parent_end, row.parent_page, bytes(row.parent_payload))


def live_after(
    connection: Connection,
    collection: CollectionId,
    acls: frozenset[AclId],
    *,
    after: ChunkId | None,
    limit: int,
) -> list[ChunkId]:
    """Chunks of live versions that may be read, by id, from the one after `after`."""
    rows = connection.execute(
        text(f"{_LIVE_IDS} AND c.id > :after ORDER BY c.id LIMIT :limit"),
        _readable(collection, acls) | {"after": after.id if after else "", "limit": limit},
    )
    return [ChunkId(collection.tenant, row.chunk) for row in rows]


def sample_live(
    connection: Connection,
    collection: CollectionId,
    acls: frozenset[AclId],
    since: datetime | None,
    until: datetime | None,
    *,
    limit: int,
) -> list[ChunkId]:
    """A random sample of the chunks of live versions that may be read and that went live from `since` until before
    `until`; None for no bound."""
    went_live = """ AND EXISTS (
        SELECT 1 FROM versions v
        WHERE v.tenant = d.tenant AND v.document = d.id AND v.version = d.live_version
          AND v.stage_at >= coalesce(:since, '-infinity') AND v.stage_at < coalesce(:until, 'infinity'))"""
    rows = connection.execute(
        text(f"{_LIVE_IDS}{went_live} ORDER BY random() LIMIT :limit").bindparams(
            bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True))
        ),
        _readable(collection, acls) | {"since": since, "until": until, "limit": limit},
    )
    return [ChunkId(collection.tenant, row.chunk) for row in rows]


def all_live(
    connection: Connection, tenant: TenantId, acls: frozenset[AclId], evidence: Sequence[EvidenceVersion]
) -> bool:
    """Whether every (document, version) pair is still live and readable."""
    pairs = {(e.document.id, e.version) for e in evidence}
    if any(e.document.tenant != tenant for e in evidence):
        return False
    count = connection.execute(
        _LIVE_VERSIONS,
        {
            "tenant": tenant,
            "acls": [int(a) for a in acls],
            "documents": [d for d, _ in pairs],
            "versions": [v for _, v in pairs],
        },
    ).scalar_one()
    return count == len(pairs)


def require_readable(connection: Connection, principal: Principal, document: DocumentId) -> None:
    """Raise `NotFound` unless the principal may read the document (which may not be live yet)."""
    acls = readable_acls(connection, principal)
    row = connection.execute(
        text("SELECT acl FROM documents WHERE tenant = :t AND id = :d AND deleted_at IS NULL"),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if document.tenant != principal.tenant or row is None or row.acl not in acls:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")


def all_readable(connection: Connection, principal: Principal, documents: Collection[DocumentId]) -> bool:
    """Whether every document is there and may be read, in whatever version."""
    ids = {d.id for d in documents if d.tenant == principal.tenant}
    if any(d.tenant != principal.tenant for d in documents):
        return False
    count = connection.execute(
        text("""
            SELECT count(*) FROM documents
            WHERE tenant = :t AND id = ANY(:ids) AND deleted_at IS NULL AND acl = ANY(:acls)
        """),
        {"t": principal.tenant, "ids": list(ids), "acls": [int(a) for a in readable_acls(connection, principal)]},
    ).scalar_one()
    return count == len(ids)


def reads_more_than(connection: Connection, collection: CollectionId, acls: frozenset[AclId], chunks: int) -> bool:
    """Whether more than so many chunks of live versions may be read."""
    found = connection.execute(
        text(f"SELECT EXISTS ({_LIVE_IDS} OFFSET :chunks LIMIT 1)"),
        _readable(collection, acls) | {"chunks": chunks},
    )
    return bool(found.scalar_one())
