"""Golden sets in versions: every put of another content makes a new one, and old ones stay readable.

Questions are sealed, as they quote documents. Keyed digests of the names of those documents lie beside them, so that a
question goes when a document is deleted that it quotes or was made from, and is shown to nobody who may not read one.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from assay_core.documents import CollectionId, DocumentId, TenantId
from assay_core.errors import NotFound
from assay_core.evaluation import GoldenQuestion
from assay_core.golden_sets import GoldenSet, check_set, read_question, sha256_of
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text

from assay_store import visibility
from assay_store.encryption import Key, Vault
from assay_store.tables import golden_documents, golden_questions, golden_sets

_UNREADABLE = """
    EXISTS (
        SELECT 1 FROM golden_documents g
        JOIN document_keys k ON k.tenant = g.tenant AND k.collection = g.collection AND k.name_digest = g.name_digest
        JOIN documents d ON d.tenant = k.tenant AND d.id = k.document
        WHERE g.tenant = q.tenant AND g.collection = q.collection AND g.dataset = q.dataset AND g.version = q.version
          AND g.question = q.id AND d.acl <> ALL(:acls))
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a golden set comes from, as whoever stores it says."""

    created_by: str
    licence: str = ""
    source: str = ""
    candidate: bool = False


def put(
    connection: Connection,
    vault: Vault,
    collection: CollectionId,
    name: str,
    questions: Sequence[GoldenQuestion],
    origin: Origin,
) -> GoldenSet:
    """Store a version of a golden set; the newest one again if nothing differs from it.

    Raises:
        Invalid: the name cannot be used, or a question cannot be scored.
    """
    check_set(name, questions)
    _lock(connection, collection, name)
    before = latest(connection, collection, name)
    sha256 = sha256_of(questions)
    if before and not before.erased and _same(before, sha256, origin):
        return before
    place = _place(collection, name, 1 if before is None else before.version + 1)
    row = connection.execute(
        insert(golden_sets)
        .values(**place, sha256=sha256, questions=len(questions), **asdict(origin))
        .returning(golden_sets)
    ).one()
    _write(connection, vault, collection, place, questions)
    return _set(row)


def append(
    connection: Connection,
    vault: Vault,
    collection: CollectionId,
    name: str,
    questions: Sequence[GoldenQuestion],
    origin: Origin,
) -> GoldenSet:
    """Store a version with these questions added to the newest one, in place of those of the same ids."""
    _lock(connection, collection, name)
    before = latest(connection, collection, name)
    kept = {q.id: q for q in _questions(connection, vault, collection, before, "true", {})} if before else {}
    return put(connection, vault, collection, name, [*(kept | {q.id: q for q in questions}).values()], origin)


def approve(connection: Connection, vault: Vault, collection: CollectionId, name: str, *, by: str) -> GoldenSet:
    """Make a reviewed version of a candidate. Raises `NotFound`, or `Invalid` if all its questions were erased."""
    found = find(connection, collection, name)
    return append(connection, vault, collection, name, [], Origin(by, found.licence, found.source))


def find(connection: Connection, collection: CollectionId, name: str, version: int | None = None) -> GoldenSet:
    """A version of a golden set, or the newest. Raises `NotFound`, naming those that there are."""
    found = latest(connection, collection, name)
    if found is None:
        there = ", ".join(one.name for one in listing(connection, collection)) or "none"
        raise NotFound(
            f"This collection has no golden set {name!r}; there are: {there}. Store one with"
            " PUT /v1/evaluations/datasets/{collection}/{dataset}.",
            code="dataset_not_found",
        )
    if version in (None, found.version):
        return found
    for one in versions(connection, collection, name):
        if one.version == version:
            return one
    raise NotFound(
        f"The golden set {name!r} has no version {version}; the newest is {found.version}.", code="dataset_not_found"
    )


def latest(connection: Connection, collection: CollectionId, name: str) -> GoldenSet | None:
    """The newest version of a golden set, or None."""
    return next(iter(versions(connection, collection, name, limit=1)), None)


def versions(
    connection: Connection, collection: CollectionId, name: str, *, limit: int | None = None
) -> list[GoldenSet]:
    """Versions of a golden set, newest first."""
    rows = connection.execute(
        text("""
            SELECT * FROM golden_sets WHERE tenant = :t AND collection = :c AND dataset = :d
            ORDER BY version DESC LIMIT :limit
        """),
        {"t": collection.tenant, "c": collection.id, "d": name, "limit": limit},
    )
    return [_set(row) for row in rows]


def listing(connection: Connection, collection: CollectionId) -> list[GoldenSet]:
    """The newest version of each golden set of a collection, by name."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT ON (dataset) * FROM golden_sets WHERE tenant = :t AND collection = :c
            ORDER BY dataset, version DESC
        """),
        {"t": collection.tenant, "c": collection.id},
    )
    return [_set(row) for row in rows]


def questions_of(
    connection: Connection, vault: Vault, principal: Principal, collection: CollectionId, found: GoldenSet
) -> list[GoldenQuestion]:
    """The questions of a version by id, without those about documents that `principal` may not read."""
    acls = sorted(visibility.readable_acls(connection, principal))
    return _questions(connection, vault, collection, found, f"NOT {_UNREADABLE}", {"acls": acls})


def all_questions(
    connection: Connection, vault: Vault, collection: CollectionId, found: GoldenSet
) -> list[GoldenQuestion]:
    """The questions of a version by id; for the operator, who sees all."""
    return _questions(connection, vault, collection, found, "true", {})


def _questions(
    connection: Connection,
    vault: Vault,
    collection: CollectionId,
    found: GoldenSet,
    condition: str,
    values: dict[str, object],
) -> list[GoldenQuestion]:
    place = _place(collection, found.name, found.version)
    rows = connection.execute(
        text(f"""
            SELECT q.id, q.sealed FROM golden_questions q
            WHERE q.tenant = :tenant AND q.collection = :collection AND q.dataset = :dataset AND q.version = :version
              AND {condition} ORDER BY q.id
        """),
        place | values,
    )
    key = _key(vault, collection.tenant)
    return [_opened(key, place, row.id, bytes(row.sealed)) for row in rows]


def forget(connection: Connection, documents: Sequence[DocumentId]) -> int:
    """Remove the questions that quote documents or were made from them, in every version. Returns how many.

    To be called while the documents' names are still known by their digests.
    """
    rows = connection.execute(
        text("""
            DELETE FROM golden_questions q
            USING golden_documents g, document_keys k,
                  unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS gone(tenant, document)
            WHERE k.tenant = gone.tenant AND k.document = gone.document
              AND g.tenant = k.tenant AND g.collection = k.collection AND g.name_digest = k.name_digest
              AND q.tenant = g.tenant AND q.collection = g.collection AND q.dataset = g.dataset
              AND q.version = g.version AND q.id = g.question
            RETURNING q.tenant, q.collection, q.dataset, q.version
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    ).all()
    for place in sorted({tuple(row) for row in rows}):
        connection.execute(
            text("""
                UPDATE golden_sets SET erased = erased + :n
                WHERE tenant = :t AND collection = :c AND dataset = :d AND version = :v
            """),
            {"n": sum(tuple(row) == place for row in rows)} | dict(zip("tcdv", place, strict=True)),
        )
    return len(rows)


def _write(
    connection: Connection,
    vault: Vault,
    collection: CollectionId,
    place: dict[str, object],
    questions: Sequence[GoldenQuestion],
) -> None:
    key = _key(vault, collection.tenant)
    connection.execute(
        insert(golden_questions),
        [place | {"id": q.id, "sealed": _sealed(key, place, q)} for q in questions],
    )
    named = [
        place | {"question": q.id, "name_digest": vault.name_digest(collection, name)}
        for q in questions
        for name in sorted({*(passage.document for passage in q.passages), *q.about})
    ]
    if named:
        connection.execute(insert(golden_documents), named)


def _same(before: GoldenSet, sha256: str, origin: Origin) -> bool:
    said = (before.licence, before.source, before.candidate)
    return before.sha256 == sha256 and said == (origin.licence, origin.source, origin.candidate)


def _lock(connection: Connection, collection: CollectionId, name: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:k))"), {"k": f"golden:{collection.id}:{name}"})


def _place(collection: CollectionId, name: str, version: int) -> dict[str, object]:
    return {"tenant": collection.tenant, "collection": collection.id, "dataset": name, "version": version}


def _key(vault: Vault, tenant: TenantId) -> Key:
    return vault.tenant_key(tenant, "golden")


def _sealed(key: Key, place: dict[str, object], question: GoldenQuestion) -> bytes:
    plain = json.dumps(asdict(question)).encode()
    return key.seal(plain, place=_seal_place(place, question.id))


def _opened(key: Key, place: dict[str, object], identity: str, sealed: bytes) -> GoldenQuestion:
    return read_question(json.loads(key.open(sealed, place=_seal_place(place, identity))), f"stored {identity!r}")


def _seal_place(place: dict[str, object], identity: str) -> str:
    return f"golden:{place['collection']}:{place['dataset']}:{place['version']}:{identity}"


def _set(row: Row[tuple[object, ...]]) -> GoldenSet:
    return GoldenSet(
        name=row.dataset,
        version=row.version,
        sha256=row.sha256,
        questions=row.questions,
        erased=row.erased,
        licence=row.licence,
        source=row.source,
        created_by=row.created_by,
        created_at=row.created_at,
        candidate=row.candidate,
    )
