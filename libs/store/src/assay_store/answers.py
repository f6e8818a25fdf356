"""Answers as they were given, encrypted, for replay and for the nightly evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import CollectionId, TenantId
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from sqlalchemy import Connection, insert, text

from assay_store.encryption import Vault
from assay_store.tables import answer_documents, answers


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


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """A stored answer with its record opened."""

    id: str
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


def since(
    connection: Connection, vault: Vault, collection: CollectionId, *, hours: float, limit: int
) -> Sequence[RecordedAnswer]:
    """A random sample of the answers of the last `hours`, without those served from the cache."""
    return _select(
        connection,
        vault,
        collection.tenant,
        "a.collection = :c AND NOT a.from_cache AND a.created_at > now() - make_interval(hours => :h)",
        {"c": collection.id, "h": hours},
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
            SELECT a.id, a.principal, a.record, a.created_at FROM answers a
            WHERE a.tenant = :t AND {condition} ORDER BY random() LIMIT :limit
        """),
        values | {"t": tenant, "limit": limit},
    )
    key = vault.tenant_key(tenant, "answers")
    return [
        RecordedAnswer(r.id, r.principal, key.open(bytes(r.record), place=f"answer:{r.id}"), r.created_at) for r in rows
    ]
