"""Answers as they were given, encrypted, for replay and for the nightly evaluation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.ab_tests import Assigned
from assay_core.documents import CollectionId, TenantId
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from sqlalchemy import Connection, Row, insert, text

from assay_store import ab_tests, visibility
from assay_store.encryption import Vault
from assay_store.tables import answer_documents, answers

READABLE = """
    NOT EXISTS (
        SELECT 1 FROM answer_documents ad
        JOIN documents d ON d.tenant = ad.tenant AND d.id = ad.document
        WHERE ad.tenant = a.tenant AND ad.answer = a.id AND (d.deleted_at IS NOT NULL OR d.acl <> ALL(:acls)))
"""
"""SQL: whether the answer `a` rests only on documents of the rules `:acls`."""


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What is stored of an answer beside its encrypted record."""

    id: str
    collection: CollectionId
    principal: str
    outcome: str
    model: str
    prompt_version: str
    from_cache: bool
    evidence: tuple[EvidenceVersion, ...]
    assigned: Assigned | None = None


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """A stored answer with its record opened."""

    id: str
    collection: CollectionId
    principal: str
    record: bytes
    created_at: datetime


def record(connection: Connection, vault: Vault, facts: AnswerFacts, body: bytes) -> None:
    """Store an answer; it goes when a document that it rests on is deleted, and is not stored if one was meanwhile."""
    tenant = facts.collection.tenant
    if not _all_there(connection, tenant, {e.document.id for e in facts.evidence}):
        return
    key = vault.tenant_key(tenant, "answers")
    connection.execute(
        insert(answers).values(
            tenant=tenant,
            id=facts.id,
            collection=facts.collection.id,
            principal=facts.principal,
            outcome=facts.outcome,
            model=facts.model,
            prompt_version=facts.prompt_version,
            from_cache=facts.from_cache,
            record=key.seal(body, place=f"answer:{facts.id}"),
        )
    )
    pairs = sorted({(e.document.id, e.version) for e in facts.evidence})
    if pairs:
        connection.execute(
            insert(answer_documents),
            [{"tenant": tenant, "answer": facts.id, "document": d, "version": v} for d, v in pairs],
        )
    if facts.assigned is not None:
        ab_tests.add_answer(connection, tenant, facts.assigned, facts.id)


def _all_there(connection: Connection, tenant: TenantId, documents: set[str]) -> bool:
    """Whether no document is deleted, and none can be before this transaction ends."""
    rows = connection.execute(
        text("SELECT id FROM documents WHERE tenant = :t AND id = ANY(:d) AND deleted_at IS NULL FOR SHARE"),
        {"t": tenant, "d": sorted(documents)},
    ).all()
    return len(rows) == len(documents)


def owned(connection: Connection, vault: Vault, principal: Principal, answer: str) -> RecordedAnswer | None:
    """An answer given to this principal, or None."""
    found = _select(
        connection,
        vault,
        principal.tenant,
        "a.id = :id AND a.principal = :p",
        {"id": answer, "p": principal.id},
        limit=1,
    )
    return found[0] if found else None


def by_id(connection: Connection, vault: Vault, collection: CollectionId, answer: str) -> RecordedAnswer | None:
    """An answer given in this collection, to whomever; for evaluation, which shows nobody its text."""
    found = _select(
        connection,
        vault,
        collection.tenant,
        "a.id = :id AND a.collection = :c",
        {"id": answer, "c": collection.id},
        limit=1,
    )
    return found[0] if found else None


def readable(connection: Connection, vault: Vault, principal: Principal, answer: str) -> RecordedAnswer | None:
    """An answer given to whomever, if the principal may see its collection and read every document behind it."""
    found = _select(
        connection,
        vault,
        principal.tenant,
        f"""a.id = :id AND {READABLE} AND EXISTS (
            SELECT 1 FROM collections c WHERE c.tenant = a.tenant AND c.id = a.collection AND c.deleted_at IS NULL
              AND c.default_acl = ANY(:acls))""",
        {"id": answer, "acls": sorted(visibility.readable_acls(connection, principal))},
        limit=1,
    )
    return found[0] if found else None


def recent(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    collection: CollectionId,
    *,
    since_s: float,
    limit: int,
    without: Sequence[str] = (),
) -> list[RecordedAnswer]:
    """The latest answers in a collection, latest first, as far as the principal may read all documents behind them;
    without those from the cache, those to the principals `without`, and those that evaluation asked for."""
    rows = connection.execute(
        text(f"""
            SELECT a.id, a.collection, a.principal, a.record, a.created_at FROM answers a
            WHERE a.tenant = :tenant AND a.collection = :collection AND NOT a.from_cache
              AND a.principal <> ALL(:without)
              AND a.created_at > now() - make_interval(secs => :since_s) AND {READABLE} AND NOT EXISTS (
                  SELECT 1 FROM evaluation_cases e WHERE e.tenant = a.tenant AND e.answer = a.id AND e.question <> a.id)
            ORDER BY a.created_at DESC, a.id LIMIT :limit
        """),
        {
            "tenant": collection.tenant,
            "collection": collection.id,
            "acls": sorted(visibility.readable_acls(connection, principal)),
            "without": list(without),
            "since_s": since_s,
            "limit": limit,
        },
    )
    return _opened(vault, collection.tenant, rows)


def since(
    connection: Connection, vault: Vault, collection: CollectionId, *, hours: float, limit: int
) -> Sequence[RecordedAnswer]:
    """A random sample of the answers of the last `hours`, without those served from the cache."""
    return _select(
        connection,
        vault,
        collection.tenant,
        "a.collection = :c AND NOT a.from_cache AND a.created_at > now() - make_interval(secs => :s)",
        {"c": collection.id, "s": hours * 3600},
        limit=limit,
    )


def _select(
    connection: Connection,
    vault: Vault,
    tenant: TenantId,
    condition: str,
    values: dict[str, object],
    *,
    limit: int,
) -> list[RecordedAnswer]:
    rows = connection.execute(
        text(f"""
            SELECT a.id, a.collection, a.principal, a.record, a.created_at FROM answers a
            WHERE a.tenant = :t AND {condition} ORDER BY random() LIMIT :limit
        """),
        values | {"t": tenant, "limit": limit},
    )
    return _opened(vault, tenant, rows)


def _opened(vault: Vault, tenant: TenantId, rows: Iterable[Row[tuple[object, ...]]]) -> list[RecordedAnswer]:
    key = vault.tenant_key(tenant, "answers")
    return [
        RecordedAnswer(
            id=row.id,
            collection=CollectionId(tenant, row.collection),
            principal=row.principal,
            record=key.open(bytes(row.record), place=f"answer:{row.id}"),
            created_at=row.created_at,
        )
        for row in rows
    ]
