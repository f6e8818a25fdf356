"""Feedback on answers. Its words are sealed, and go with the answer when a document that this rests on is erased."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from assay_core.documents import CollectionId
from assay_core.errors import Conflict, NotFound
from assay_core.feedback import Feedback, FeedbackState, FeedbackText, Thumb
from assay_core.golden_sets import GoldenSet
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, text

from assay_store import answers, visibility
from assay_store.encryption import Vault
from assay_store.ids import new_id

_SELECT = f"""
    SELECT f.*, a.collection FROM feedback f JOIN answers a ON a.tenant = f.tenant AND a.id = f.answer
    JOIN collections c ON c.tenant = a.tenant AND c.id = a.collection
    WHERE f.tenant = :tenant AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls) AND {answers.READABLE}
"""


def give(
    connection: Connection, vault: Vault, principal: Principal, answer: str, thumb: Thumb | None, words: FeedbackText
) -> Feedback:
    """Record what someone says of an answer, in place of what they said before; then it waits for review again.

    The caller has checked that the answer was given to this principal.
    """
    identity = new_id()
    at = {"t": principal.tenant, "a": answer, "p": principal.id}
    connection.execute(text("DELETE FROM feedback WHERE tenant = :t AND answer = :a AND principal = :p"), at)
    connection.execute(
        text("""
            INSERT INTO feedback (tenant, id, answer, principal, thumb, sealed, state)
            VALUES (:t, :id, :a, :p, :thumb, :sealed, 'open')
        """),
        at | {"id": identity, "thumb": thumb, "sealed": _sealed(vault, principal, identity, words)},
    )
    return get(connection, vault, principal, identity)


def get(connection: Connection, vault: Vault, principal: Principal, identity: str) -> Feedback:
    """One feedback on an answer whose documents the principal may read. Raises `NotFound`."""
    found = _select(connection, vault, principal, "f.id = :id", {"id": identity, "limit": 1})
    if not found:
        raise NotFound(f"There is no feedback {identity!r}.", code="feedback_not_found")
    return found[0]


def listing(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    *,
    collection: CollectionId | None = None,
    state: FeedbackState | None = None,
    by: str | None = None,
    limit: int,
) -> list[Feedback]:
    """Feedback on answers whose documents the principal may read, newest first; `by`: only of this principal."""
    return _select(
        connection,
        vault,
        principal,
        """
        (CAST(:collection AS text) IS NULL OR a.collection = :collection)
        AND (CAST(:state AS text) IS NULL OR f.state = :state)
        AND (CAST(:by AS text) IS NULL OR f.principal = :by)
        """,
        {"collection": collection and collection.id, "state": state, "by": by, "limit": limit},
    )


def close(
    connection: Connection, principal: Principal, identity: str, state: FeedbackState, made: GoldenSet | None
) -> None:
    """Record a review. Raises `Conflict` if it was reviewed already."""
    changed = connection.execute(
        text("""
            UPDATE feedback SET state = :state, reviewed_by = :by, reviewed_at = now(), dataset = :d,
                   dataset_version = :v
            WHERE tenant = :t AND id = :id AND state = 'open'
        """),
        {
            "state": state,
            "by": principal.id,
            "d": made and made.name,
            "v": made and made.version,
            "t": principal.tenant,
            "id": identity,
        },
    ).rowcount
    if not changed:
        raise Conflict(f"Feedback {identity!r} was reviewed already.", code="already_reviewed")


def _select(
    connection: Connection, vault: Vault, principal: Principal, condition: str, values: dict[str, object]
) -> list[Feedback]:
    rows: Sequence[Row[tuple[object, ...]]] = connection.execute(
        text(f"{_SELECT} AND {condition} ORDER BY f.created_at DESC, f.id LIMIT :limit"),
        values | {"tenant": principal.tenant, "acls": sorted(visibility.readable_acls(connection, principal))},
    ).all()
    return [_feedback(vault, principal, row) for row in rows]


def _feedback(vault: Vault, principal: Principal, row: Row[tuple[object, ...]]) -> Feedback:
    key = vault.tenant_key(principal.tenant, "feedback")
    words = json.loads(key.open(bytes(row.sealed), place=f"feedback:{row.id}"))
    return Feedback(
        id=row.id,
        answer=row.answer,
        collection=row.collection,
        principal=row.principal,
        thumb=row.thumb and Thumb(row.thumb),
        text=FeedbackText(**words),
        state=FeedbackState(row.state),
        created_at=row.created_at,
        reviewed_by=row.reviewed_by,
        reviewed_at=row.reviewed_at,
        dataset=row.dataset,
        dataset_version=row.dataset_version,
    )


def _sealed(vault: Vault, principal: Principal, identity: str, words: FeedbackText) -> bytes:
    key = vault.tenant_key(principal.tenant, "feedback")
    return key.seal(json.dumps(asdict(words)).encode(), place=f"feedback:{identity}")
