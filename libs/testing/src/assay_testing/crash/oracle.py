"""START HERE: what must hold after any crash, as a function of what is in the stores and what was acknowledged.

Checked at once after a restart (now) and when all work is done (at rest):

I1   now      every acknowledged document is ready, failed with a reason, or has an open job
I2   at rest  passages in SQL = Milvus = BM25 = what the deterministic chunker gives
I3   now      no id twice in any store or answer
I4   at rest  nothing left over: no row in an index, and no blob, that SQL does not name
I5   now      no phantom: nothing that was never acknowledged
I6   now      every answer shows one version of each document (see `readers`)
I7   at rest  vectors have the right dimension and length one; every field of a row is there and right
I7   at rest  rows carry the access that SQL says, and SQL says the one that was acknowledged last
I8   at rest  an index counts as many rows as it shows
I9   now      cache entries are served only while their versions are live, and are gone once a document is erased
I10  at rest  each acknowledged write has one version, one job and one message, no more and no less
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from assay_testing.crash.readers import Incident

UNIT_TOLERANCE = 0.02  # vectors are kept as fp16
_OPEN = ("waiting", "leased")
_ON_ITS_WAY = ("received", "parsing", "embedding", "indexing")


@dataclass(frozen=True, slots=True)
class VersionFact:
    """A version as SQL has it."""

    document: str
    version: int
    state: str
    error_code: str | None


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """A document as SQL has it; `erased` once its key and all else of it is gone."""

    document: str
    acl: int
    live_version: int | None
    latest_version: int
    deleted: bool
    erased: bool


@dataclass(frozen=True, slots=True)
class JobFact:
    """A job as SQL has it."""

    id: str
    kind: str
    document: str
    version: int | None
    state: str


@dataclass(frozen=True, slots=True)
class DenseRow:
    """A row as Milvus has it."""

    chunk: str
    tenant: str
    collection: str
    acl: int
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All stores of one collection at one moment, and what was acknowledged before it.

    `live_chunks` are those of live versions in reading order, by document; `expected_chunks` what the chunker gives
    for the acknowledged text of the same versions. `messages` counts outbox rows by job. `cached` holds the (document)
    of erased documents that cache entries still name. `damaged` are documents whose blobs are not what was sent.
    `expired` are versions whose time is over. `denied` are those whom SQL keeps out of documents, `acknowledged_denied`
    those whom it was told to. `lexical_acls` has the access of passages in BM25, as far as it was looked for;
    `vector_rows` how many vectors the files of documents with expired versions hold, `named_rows` how many SQL names.
    """

    tenant: str
    collection: str
    dimension: int
    acknowledged: Mapping[tuple[str, int], str]
    deleted: frozenset[str]
    documents: Mapping[str, DocumentFact]
    versions: Mapping[tuple[str, int], VersionFact]
    jobs: Sequence[JobFact]
    messages: Mapping[str, int] = field(default_factory=dict[str, int])
    tombstones: frozenset[str] = frozenset()
    live_chunks: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    expected_chunks: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    dense: Sequence[DenseRow] = ()
    dense_count: int = 0
    lexical: Sequence[str] = ()
    lexical_count: int = 0
    blobs: frozenset[str] = frozenset()
    named_blobs: frozenset[str] = frozenset()
    damaged: Sequence[str] = ()
    cached: Sequence[str] = ()
    seen: frozenset[tuple[str, int]] = frozenset()
    expired: frozenset[tuple[str, int]] = frozenset()
    denied: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    acknowledged_denied: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    lexical_acls: Mapping[str, int] = field(default_factory=dict[str, int])
    vector_rows: Mapping[str, int] = field(default_factory=dict[str, int])
    named_rows: Mapping[str, int] = field(default_factory=dict[str, int])


def violations_now(facts: Facts) -> list[Incident]:
    """What may not even hold for a moment."""
    return [*_lost(facts), *_doubled(facts), *_phantoms(facts)]


def violations_at_rest(facts: Facts) -> list[Incident]:
    """What must hold when all work is done; includes `violations_now`."""
    return [
        *violations_now(facts),
        *_unfinished(facts),
        *_differing(facts),
        *_left_over(facts),
        *_malformed(facts),
        *_misruled(facts),
        *_outlived(facts),
        *_miscounted(facts),
        *_cached(facts),
        *_repeated(facts),
    ]


def summary(incidents: Iterable[Incident]) -> dict[str, int]:
    """The figures that are promised to be zero."""
    by_invariant = Counter(incident.invariant for incident in incidents)
    groups = {
        "lost": ("I1", "I2 missing"),
        "doubled": ("I3", "I10"),
        "orphans": ("I4",),
        "phantoms": ("I5",),
        "mixed answers": ("I6",),
        "deleted in answers": ("deleted", "I9"),
    }
    counted = {name: sum(by_invariant.pop(key, 0) for key in keys) for name, keys in groups.items()}
    return counted | {"other": sum(by_invariant.values())}


def _lost(facts: Facts) -> Iterable[Incident]:
    open_jobs = {(job.document, job.version) for job in facts.jobs if job.state in _OPEN}
    dead = {(job.document, job.version) for job in facts.jobs if job.state == "dead"}
    for document, version in facts.acknowledged:
        if document in facts.deleted:
            if document not in facts.tombstones:
                yield Incident("I1", document, "its deletion was acknowledged and is not recorded")
            continue
        found = facts.versions.get((document, version))
        if found is None:
            if (document, version) not in facts.expired:
                yield Incident("I1", document, f"version {version} was acknowledged and is not there")
        elif found.state == "failed" and not found.error_code:
            yield Incident("I1", document, f"version {version} failed without a reason")
        elif found.error_code == "gave_up" and (document, version) not in dead:
            yield Incident("I1", document, f"version {version} was given up and is not among the dead letters")
        elif found.state in _ON_ITS_WAY[:-1] and (document, version) not in open_jobs:
            yield Incident("I1", document, f"version {version} is {found.state} and no job is open for it")


def _doubled(facts: Facts) -> Iterable[Incident]:
    stores = {
        "SQL": [chunk for chunks in facts.live_chunks.values() for chunk in chunks],
        "Milvus": [row.chunk for row in facts.dense],
        "BM25": facts.lexical,
    }
    for store, ids in stores.items():
        for chunk, n in Counter(ids).items():
            if n > 1:
                yield Incident("I3", chunk, f"{n} times in {store}")


def _phantoms(facts: Facts) -> Iterable[Incident]:
    for document, version in facts.versions:
        if (document, version) not in facts.acknowledged:
            yield Incident("I5", document, f"version {version} was never acknowledged")
    for document, version in facts.seen:
        if (document, version) not in facts.acknowledged:
            yield Incident("I5", document, f"version {version} was in an answer and never acknowledged")
    for document in facts.tombstones - facts.deleted:
        yield Incident("I5", document, "it was deleted and nobody asked for that")


def _unfinished(facts: Facts) -> Iterable[Incident]:
    for job in facts.jobs:
        if job.state in _OPEN:
            yield Incident("I1", job.document, f"its {job.kind} job is {job.state}")
    newest = {document: max(v for d, v in facts.acknowledged if d == document) for document in facts.documents}
    for document, found in facts.documents.items():
        if document in facts.deleted:
            if not found.erased:
                yield Incident("I4", document, "it was deleted and is still there")
            continue
        state = facts.versions.get((document, newest[document]))
        if state is not None and state.state == "ready" and found.live_version != newest[document]:
            yield Incident("I1", document, f"version {newest[document]} is ready, {found.live_version} is live")
        if state is not None and state.state in _ON_ITS_WAY:
            yield Incident("I1", document, f"version {newest[document]} stays {state.state}")


def _differing(facts: Facts) -> Iterable[Incident]:
    for document, expected in facts.expected_chunks.items():
        stored = facts.live_chunks.get(document, ())
        if list(stored) != list(expected):
            yield Incident("I2", document, f"SQL has {len(stored)} passages, the chunker gives {len(expected)} others")
    for document in facts.damaged:
        yield Incident("I2", document, "its bytes are not those that were acknowledged")
    wanted = {chunk for chunks in facts.live_chunks.values() for chunk in chunks}
    for store, ids in _indexes(facts).items():
        for chunk in sorted(wanted - ids):
            yield Incident("I2 missing", chunk, f"not in {store}")


def _left_over(facts: Facts) -> Iterable[Incident]:
    wanted = {chunk for chunks in facts.live_chunks.values() for chunk in chunks}
    for store, ids in _indexes(facts).items():
        for chunk in sorted(ids - wanted):
            yield Incident("I4", chunk, f"an orphan in {store}")
    for key in sorted(facts.blobs - facts.named_blobs):
        yield Incident("I4", key, "a blob that nothing names")
    for key in sorted(facts.named_blobs - facts.blobs):
        yield Incident("I2 missing", key, "a blob that SQL names is gone")


def _malformed(facts: Facts) -> Iterable[Incident]:
    acls = _acls(facts)
    for row in facts.dense:
        length = math.sqrt(sum(x * x for x in row.vector))
        if len(row.vector) != facts.dimension or abs(length - 1.0) > UNIT_TOLERANCE:
            yield Incident("I7", row.chunk, f"{len(row.vector)} numbers of length {length:.3f}")
        if (row.tenant, row.collection) != (facts.tenant, facts.collection) or row.acl != acls.get(row.chunk, row.acl):
            yield Incident("I7", row.chunk, "its tenant, collection or access is not what SQL says")


def _misruled(facts: Facts) -> Iterable[Incident]:
    acls = _acls(facts)
    for chunk, acl in facts.lexical_acls.items():
        if acl != acls.get(chunk, acl):
            yield Incident("I7", chunk, "its access in BM25 is not what SQL says")
    for document, denied in facts.acknowledged_denied.items():
        if document not in facts.deleted and facts.denied.get(document, ()) != denied:
            kept_out = facts.denied.get(document, ())
            yield Incident("I7", document, f"{denied} were to be kept out, and {kept_out} are")


def _outlived(facts: Facts) -> Iterable[Incident]:
    for document, version in facts.expired & facts.versions.keys():
        yield Incident("I4", document, f"version {version} is still there, and its time is over")
    for key, rows in facts.vector_rows.items():
        if rows != facts.named_rows.get(key, 0):
            yield Incident("I4", key, f"it holds {rows} vectors, of which SQL names {facts.named_rows.get(key, 0)}")


def _acls(facts: Facts) -> dict[str, int]:
    return {
        chunk: facts.documents[document].acl
        for document, chunks in facts.live_chunks.items()
        if document in facts.documents
        for chunk in chunks
    }


def _miscounted(facts: Facts) -> Iterable[Incident]:
    for store, counted, shown in (
        ("Milvus", facts.dense_count, len(facts.dense)),
        ("BM25", facts.lexical_count, len(facts.lexical)),
    ):
        if counted != shown:
            yield Incident("I8", store, f"it counts {counted} rows and shows {shown}")


def _cached(facts: Facts) -> Iterable[Incident]:
    for document in facts.cached:
        yield Incident("I9", document, "it was erased and a cache entry names it")


def _repeated(facts: Facts) -> Iterable[Incident]:
    ingests = Counter((job.document, job.version) for job in facts.jobs if job.kind == "ingest")
    deletes = Counter(job.document for job in facts.jobs if job.kind == "delete")
    for (document, version), job in facts.acknowledged.items():
        if ingests[document, version] != 1:
            yield Incident("I10", document, f"version {version} has {ingests[document, version]} jobs")
        if facts.messages.get(job, 0) != 1:
            yield Incident("I10", document, f"version {version} has {facts.messages.get(job, 0)} messages")
    for document in facts.deleted:
        if deletes[document] != 1:
            yield Incident("I10", document, f"it has {deletes[document]} jobs that delete it")


def _indexes(facts: Facts) -> dict[str, set[str]]:
    return {"Milvus": {row.chunk for row in facts.dense}, "BM25": set(facts.lexical)}
