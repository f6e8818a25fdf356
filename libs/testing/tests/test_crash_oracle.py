"""The oracle finds each kind of damage: a healthy platform in a few lines, broken in one way at a time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from assay_core.documents import ChunkId, DocumentId, TenantId
from assay_core.search import Hit, Scorer
from assay_testing.crash.ledger import Ledger, content, marker
from assay_testing.crash.oracle import (
    DenseRow,
    DocumentFact,
    Facts,
    JobFact,
    VersionFact,
    summary,
    violations_at_rest,
    violations_now,
)
from assay_testing.crash.readers import Incident, check_answer

VECTOR = (0.6, 0.8)


def row(chunk: str, **changed: object) -> DenseRow:
    return replace(DenseRow(chunk, "t", "c", 7, VECTOR), **changed)  # pyright: ignore[reportArgumentType] (a test's own)


HEALTHY = Facts(
    tenant="t",
    collection="c",
    dimension=2,
    acknowledged={("a", 1): "job-a1", ("a", 2): "job-a2", ("b", 1): "job-b1", ("gone", 1): "job-g1"},
    deleted=frozenset({"gone"}),
    documents={
        "a": DocumentFact("a", 7, 2, 2, deleted=False, erased=False),
        "b": DocumentFact("b", 7, None, 1, deleted=False, erased=False),
        "gone": DocumentFact("gone", 7, None, 1, deleted=True, erased=True),
    },
    versions={
        ("a", 1): VersionFact("a", 1, "ready", None),
        ("a", 2): VersionFact("a", 2, "ready", None),
        ("b", 1): VersionFact("b", 1, "failed", "gave_up"),
    },
    jobs=(
        JobFact("job-a1", "ingest", "a", 1, "done"),
        JobFact("job-a2", "ingest", "a", 2, "done"),
        JobFact("job-b1", "ingest", "b", 1, "dead"),
        JobFact("job-g1", "ingest", "gone", 1, "done"),
        JobFact("job-g", "delete", "gone", None, "done"),
    ),
    messages={"job-a1": 1, "job-a2": 1, "job-b1": 1, "job-g1": 1},
    tombstones=frozenset({"gone"}),
    live_chunks={"a": ("1", "2")},
    expected_chunks={"a": ("1", "2")},
    dense=(row("1"), row("2")),
    dense_count=2,
    lexical=("1", "2"),
    lexical_count=2,
    blobs=frozenset({"documents/t/a/y"}),
    named_blobs=frozenset({"documents/t/a/y"}),
    seen=frozenset({("a", 1), ("a", 2)}),
)

Damage = Callable[[Facts], Facts]


def without(key: object) -> Damage:
    return lambda f: replace(f, versions={k: v for k, v in f.versions.items() if k != key})


def version(document: str, number: int, **changed: object) -> Damage:
    def damage(f: Facts) -> Facts:
        old = f.versions[document, number]
        return replace(f, versions={**f.versions, (document, number): replace(old, **changed)})  # pyright: ignore[reportArgumentType]

    return damage


def job(id: str, **changed: object) -> Damage:
    return lambda f: replace(f, jobs=[replace(j, **changed) if j.id == id else j for j in f.jobs])  # pyright: ignore[reportArgumentType]


NOW: dict[str, tuple[str, Damage]] = {
    "an acknowledged version that is gone": ("I1", without(("a", 1))),
    "a deletion that was forgotten": ("I1", lambda f: replace(f, tombstones=frozenset())),
    "a failure without a reason": ("I1", version("b", 1, error_code=None)),
    "a document that was given up outside the dead letters": ("I1", job("job-b1", state="done")),
    "a version that nobody works on": ("I1", version("a", 2, state="embedding")),
    "a row twice in Milvus": ("I3", lambda f: replace(f, dense=(*f.dense, row("1")), dense_count=3)),
    "a row twice in BM25": ("I3", lambda f: replace(f, lexical=(*f.lexical, "1"), lexical_count=3)),
    "a passage twice in a version": ("I3", lambda f: replace(f, live_chunks={"a": ("1", "2", "2")})),
    "an answer from what was never acknowledged": ("I5", lambda f: replace(f, seen=frozenset({("x", 1)}))),
    "a deletion that nobody asked for": ("I5", lambda f: replace(f, tombstones=frozenset({"gone", "b"}))),
}
NOW["a version that was never acknowledged"] = (
    "I5",
    lambda f: replace(f, versions={**f.versions, ("a", 3): VersionFact("a", 3, "ready", None)}),
)
AT_REST: dict[str, tuple[str, Damage]] = {
    "a job that does not end": ("I1", job("job-a2", state="leased")),
    "a ready version that is not live": (
        "I1",
        lambda f: replace(f, documents={**f.documents, "a": replace(f.documents["a"], live_version=1)}),
    ),
    "a version that stays on its way": ("I1", version("a", 2, state="indexing")),
    "passages in another order": ("I2", lambda f: replace(f, live_chunks={"a": ("2", "1")})),
    "a passage that the chunker does not give": ("I2", lambda f: replace(f, expected_chunks={"a": ("1",)})),
    "bytes that were changed": ("I2", lambda f: replace(f, damaged=["a"])),
    "a row missing in Milvus": ("I2 missing", lambda f: replace(f, dense=f.dense[:1], dense_count=1)),
    "a row missing in BM25": ("I2 missing", lambda f: replace(f, lexical=("1",), lexical_count=1)),
    "a blob that is gone": ("I2 missing", lambda f: replace(f, blobs=frozenset())),
    "an orphan in Milvus": ("I4", lambda f: replace(f, dense=(*f.dense, row("9")), dense_count=3)),
    "an orphan in BM25": ("I4", lambda f: replace(f, lexical=(*f.lexical, "9"), lexical_count=3)),
    "an orphan among the blobs": ("I4", lambda f: replace(f, blobs=f.blobs | {"vectors/t/a/1-1.f16"})),
    "a deleted document that keeps its key": (
        "I4",
        lambda f: replace(f, documents={**f.documents, "gone": replace(f.documents["gone"], erased=False)}),
    ),
    "an access that only BM25 does not know": ("I7", lambda f: replace(f, lexical_acls={"1": 8})),
    "an access change that was forgotten": ("I7", lambda f: replace(f, acknowledged_denied={"a": ("eve",)})),
    "a version that outlived its time": ("I4", lambda f: replace(f, expired=frozenset({("a", 1)}))),
    "a vector of a passage that went": (
        "I4",
        lambda f: replace(f, vector_rows={"vectors/t/a/2-1.f16": 3}, named_rows={"vectors/t/a/2-1.f16": 2}),
    ),
    "a vector of length zero": ("I7", lambda f: replace(f, dense=(f.dense[0], row("2", vector=(0.0, 0.0))))),
    "a vector of another dimension": ("I7", lambda f: replace(f, dense=(f.dense[0], row("2", vector=(1.0,))))),
    "a row of another tenant": ("I7", lambda f: replace(f, dense=(f.dense[0], row("2", tenant="u")))),
    "a row with other access": ("I7", lambda f: replace(f, dense=(f.dense[0], row("2", acl=8)))),
    "Milvus counts what it does not show": ("I8", lambda f: replace(f, dense_count=3)),
    "BM25 counts what it does not show": ("I8", lambda f: replace(f, lexical_count=1)),
    "a cache entry of an erased document": ("I9", lambda f: replace(f, cached=["gone"])),
    "two jobs for one version": (
        "I10",
        lambda f: replace(f, jobs=[*f.jobs, JobFact("job-x", "ingest", "a", 1, "done")]),
    ),
    "two jobs for one deletion": (
        "I10",
        lambda f: replace(f, jobs=[*f.jobs, JobFact("job-x", "delete", "gone", None, "done")]),
    ),
    "no message for a version": ("I10", lambda f: replace(f, messages={**f.messages, "job-a2": 0})),
}


def test_a_healthy_platform_has_no_violation():
    assert violations_now(HEALTHY) == []
    assert violations_at_rest(HEALTHY) == []


def test_a_version_whose_time_is_over_may_be_gone() -> None:
    gone = without(("a", 1))(replace(HEALTHY, expired=frozenset({("a", 1)})))
    assert violations_at_rest(gone) == []


@pytest.mark.parametrize(("invariant", "damage"), NOW.values(), ids=NOW)
def test_it_is_found_at_once(invariant: str, damage: Damage):
    assert {i.invariant for i in violations_now(damage(HEALTHY))} == {invariant}


@pytest.mark.parametrize(("invariant", "damage"), AT_REST.values(), ids=AT_REST)
def test_it_is_found_at_rest(invariant: str, damage: Damage):
    assert violations_now(damage(HEALTHY)) == []
    assert invariant in {i.invariant for i in violations_at_rest(damage(HEALTHY))}


def test_every_invariant_has_a_test_that_breaks_it():
    broken = {invariant.split()[0] for invariant, _ in [*NOW.values(), *AT_REST.values()]}
    assert broken | {"I6"} == {f"I{n}" for n in range(1, 11)}


def hit(document: str, version: int, text: str, chunk: str) -> Hit:
    tenant = TenantId("t")
    return Hit(
        rank=1,
        chunk=ChunkId(tenant, chunk),
        document=DocumentId(tenant, document),
        document_name="n.md",
        version=version,
        title="",
        text=text,
        start=0,
        end=len(text),
        page=None,
        heading_path=(),
        score=1.0,
        scored_by=Scorer.RRF,
    )


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    for version in (1, 2):
        ledger.note_upload("n", "a", version, edition=version, job=f"job-{version}")
    return ledger


def test_an_answer_of_one_version_is_sound(ledger: Ledger):
    hits = [hit("a", 2, marker("n", s, 2), str(s)) for s in range(2)] + [hit("new", 1, "?", "9")]
    assert check_answer(ledger, hits, started_s=0) == []


@pytest.mark.parametrize(
    ("hits", "invariant"),
    [
        ([hit("a", 1, marker("n", 0, 1), "1"), hit("a", 2, marker("n", 1, 2), "2")], "I6"),
        ([hit("a", 1, marker("n", 1, 2), "2")], "I6"),
        ([hit("a", 2, marker("n", 0, 2), "1"), hit("a", 2, marker("n", 0, 2), "1")], "I3"),
    ],
    ids=["two versions", "a passage of another version", "a passage twice"],
)
def test_an_answer_that_may_not_be_is_found(ledger: Ledger, hits: list[Hit], invariant: str):
    assert {i.invariant for i in check_answer(ledger, hits, started_s=0)} == {invariant}


def test_an_answer_from_a_deleted_document_is_found(ledger: Ledger):
    ledger.note_delete_sent("a")
    hits = [hit("a", 2, marker("n", 0, 2), "1")]
    assert check_answer(ledger, hits, started_s=0) == []
    ledger.note_deleted("a")
    assert [i.invariant for i in check_answer(ledger, hits, started_s=float("inf"))] == ["deleted"]


def test_the_figures_add_up():
    counted = summary(Incident(invariant, "x", "") for invariant in ("I1", "I2 missing", "I3", "I4", "I6", "I7", "R13"))
    assert (counted["lost"], counted["doubled"], counted["orphans"], counted["mixed answers"]) == (2, 1, 1, 1)
    assert counted["other"] == 2


def test_each_edition_differs_in_one_section():
    for edition in range(1, 9):
        before, after = (content("n", e).split("\n\n") for e in (edition, edition + 1))
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
