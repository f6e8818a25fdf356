"""What people say of the sentences of answers, against which judges are measured. Labels go with their answer."""

from collections.abc import Callable, Sequence

from assay_core.answers import Answer
from assay_core.documents import CollectionId
from assay_core.feedback import ClaimLabel, Label, LabelledClaim
from assay_core.principals import Principal
from sqlalchemy import Connection, insert, text

from assay_store import answers, visibility
from assay_store.encryption import Vault
from assay_store.tables import claim_labels


def put(connection: Connection, principal: Principal, answer: str, labels: Sequence[ClaimLabel]) -> None:
    """Record a person's labels of an answer, in place of all that they gave before.

    The caller has checked that the principal may read the answer, and that it has these claims.
    """
    at = {"tenant": principal.tenant, "answer": answer, "principal": principal.id}
    connection.execute(
        text("DELETE FROM claim_labels WHERE tenant = :tenant AND answer = :answer AND principal = :principal"), at
    )
    if labels:
        connection.execute(
            insert(claim_labels), [at | {"claim": each.claim, "label": str(each.label)} for each in labels]
        )


def of_answer(connection: Connection, principal: Principal, answer: str) -> list[ClaimLabel]:
    """The labels that this person gave an answer, in its order."""
    rows = connection.execute(
        text("""
            SELECT claim, label FROM claim_labels WHERE tenant = :t AND answer = :a AND principal = :p ORDER BY claim
        """),
        {"t": principal.tenant, "a": answer, "p": principal.id},
    )
    return [ClaimLabel(row.claim, Label(row.label)) for row in rows]


def labelled(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    read_answer: Callable[[bytes], Answer],
    *,
    collection: CollectionId | None = None,
    limit: int,
) -> list[LabelledClaim]:
    """Labelled sentences, latest first, of answers whose documents the principal may read.

    Their sources are the passages that the model was given. Two people's labels of one sentence are two.
    """
    rows = connection.execute(
        text(f"""
            SELECT l.answer, l.claim, l.label, l.principal, a.record FROM claim_labels l
            JOIN answers a ON a.tenant = l.tenant AND a.id = l.answer
            JOIN collections c ON c.tenant = a.tenant AND c.id = a.collection
            WHERE l.tenant = :tenant AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls) AND {answers.READABLE}
              AND (CAST(:collection AS text) IS NULL OR a.collection = :collection)
            ORDER BY l.created_at DESC, l.answer, l.claim, l.principal LIMIT :limit
        """),
        {
            "tenant": principal.tenant,
            "acls": sorted(visibility.readable_acls(connection, principal)),
            "collection": collection and collection.id,
            "limit": limit,
        },
    )
    key = vault.tenant_key(principal.tenant, "answers")
    found: list[LabelledClaim] = []
    for row in rows:
        answer = read_answer(key.open(bytes(row.record), place=f"answer:{row.answer}"))
        claim = answer.claims[row.claim]
        found.append(
            LabelledClaim(
                answer=row.answer,
                claim=row.claim,
                text=answer.text[claim.start : claim.end],
                sources=tuple(hit.text for hit in answer.sources),
                label=Label(row.label),
                labelled_by=row.principal,
                verdict=claim.verdict,
                probability=claim.probability,
            )
        )
    return found
