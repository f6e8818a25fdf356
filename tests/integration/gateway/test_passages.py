"""Bulk loads: many passages in a request, one transaction, nothing doubled, a reason for each that is refused."""

import json
import threading
from typing import Any

import httpx
import pytest
from assay_core.documents import VersionState
from assay_core.jobs import JobKind
from assay_ingestion.embed import embed_new_chunks
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.pipeline import Ingestion
from assay_ingestion.prepare import Preparer
from assay_ingestion.rows import RowLoader
from assay_store import documents, jobs, near_duplicates, pipeline
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_language import FakeLanguageDetector
from assay_testing.fake_parser import FakeParser
from sqlalchemy import text

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/passages"
ND = {"Content-Type": "application/x-ndjson"}


async def load(client: httpx.AsyncClient, *passages: dict[str, Any], **params: str) -> httpx.Response:
    body = "\n".join(json.dumps(p) for p in passages)
    return await client.post(URL, content=body, headers=ND, params=params)


def many(count: int) -> list[dict[str, Any]]:
    return [{"id": f"p{n}", "title": f"Title {n}", "text": f"Passage number {n} about leave."} for n in range(count)]


async def listed(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """The documents of the collection by name."""
    page = (await client.get("/v1/collections/handbook/documents?limit=200")).json()
    return {document["name"]: document for document in page["documents"]}


def ingestion(door: Any) -> Ingestion:
    embedder = FakeEmbedder()
    return Ingestion(
        database=door.database,
        blobs=door.blobs,
        vault=door.vault,
        prepare=Preparer(
            vault=door.vault,
            blobs=door.blobs,
            parser=FakeParser(),
            embedder=embedder,
            languages=FakeLanguageDetector(),
        ),
        embedder=embedder,
        keeper=LeaseKeeper(door.database, lease_s=30),
        stop=threading.Event(),
    )


def work(door: Any) -> int:
    with door.database.transaction() as connection:
        held = jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=4, passages=100)
    ingestion(door).ingest(held)
    return len(held)


def sql(door: Any, statement: str) -> list[tuple[Any, ...]]:
    with door.database.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


async def test_passages_have_a_language_too(door: Any, admin: httpx.AsyncClient) -> None:
    texts = {"a": "There are thirty days of leave.", "b": "Der Urlaub ist lang."}
    await load(admin, *({"id": name, "text": text} for name, text in texts.items()))
    work(door)
    found = await listed(admin)
    assert [found[name]["language"] for name in texts] == ["en", "de"]
    detail = (await admin.get(f"/v1/documents/{found['b']['id']}")).json()
    assert [version["language"] for version in detail["versions"]] == ["de"]


async def test_passages_become_documents_without_files(door: Any, admin: httpx.AsyncClient) -> None:
    answer = await load(admin, *many(50), batch="load-1")
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"received": 50, "created": 50, "changed": 0, "unchanged": 0, "refused": []}
    assert sql(door, "SELECT count(*) FROM outbox") == [(1,)]
    assert work(door) == 50
    assert sql(door, "SELECT state, count(*), sum(chunks) FROM versions GROUP BY 1") == [("indexing", 50, 50)]
    assert sql(door, "SELECT state, count(*) FROM jobs GROUP BY 1") == [("done", 50)]
    assert list(door.blobs.keys("")) == []
    with door.database.transaction() as connection:
        pending = pipeline.pending_versions(connection, limit_chunks=100)
        stored = pipeline.chunks_to_index(connection, pending)
        assert pipeline.go_live(connection, pending) == {}
    (rows,), broken = RowLoader(vault=door.vault, blobs=door.blobs, dimension=64).load(stored)
    assert (len(rows.rows), broken) == (50, {})
    expected = FakeEmbedder().embed_passages(list(rows.texts))
    assert (
        max(
            abs(a - b)
            for mine, right in zip(rows.vectors, expected, strict=True)
            for a, b in zip(mine, right, strict=True)
        )
        < 1e-3
    )
    document = (await listed(admin))["p7"]["id"]
    shown = (await admin.get(f"/v1/documents/{document}/versions/1/text")).json()
    assert shown["text"] == "Passage number 7 about leave."
    assert b"leave" not in b"".join(
        bytes(row[0]) + bytes(row[1]) for row in sql(door, "SELECT payload, vector FROM chunks")
    )


async def test_the_same_again_is_unchanged_and_a_change_is_a_version(door: Any, admin: httpx.AsyncClient) -> None:
    await load(admin, *many(5))
    work(door)
    again = many(5)
    again[2]["text"] = "Another text."
    again[3]["metadata"] = {"year": "2026"}
    answer = await load(admin, *again)
    assert answer.json() == {"received": 5, "created": 0, "changed": 1, "unchanged": 4, "refused": []}
    assert sql(door, "SELECT version FROM jobs WHERE state = 'waiting'") == [(2,)]
    assert (await listed(admin))["p3"]["metadata"] == {"year": "2026"}
    work(door)
    with door.database.transaction() as connection:
        pending = pipeline.pending_versions(connection, limit_chunks=100)
        pipeline.go_live(connection, pending)
    assert (await listed(admin))["p2"]["live_version"] == 2


async def test_a_replaced_passage_says_what_it_kept_and_is_history_from_then_on(
    door: Any, admin: httpx.AsyncClient
) -> None:
    long = [f"Sentence {n} of a passage that is longer than any embedder reads at once." for n in range(400)]
    await load(admin, {"id": "short", "text": "Twenty days."}, {"id": "long", "text": " ".join(long)})
    work(door)
    show(door)
    chunks = (await shown(admin))["long"]["chunks"]
    assert chunks > 2
    assert sql(door, "SELECT count(*) FROM versions WHERE replaced_at IS NOT NULL") == [(0,)]

    changed = " ".join([*long[:-1], "The last one is another."])
    await load(admin, {"id": "short", "text": "Thirty days."}, {"id": "long", "text": changed})
    work(door)
    show(door)
    counts = {
        name: [one[f"chunks_{what}"] for what in ("kept", "added", "removed")]
        for name, one in (await shown(admin)).items()
    }
    assert counts == {"long": [chunks - 1, 1, 1], "short": [0, 1, 1]}
    assert sql(door, "SELECT version, replaced_at IS NOT NULL FROM versions GROUP BY 1, 2 ORDER BY 1") == [
        (1, True),
        (2, False),
    ]


async def test_passages_that_say_nearly_the_same_are_told(door: Any, admin: httpx.AsyncClient) -> None:
    words = " ".join(f"word{n}" for n in range(60))
    await load(
        admin,
        {"id": "one", "text": words},
        {"id": "two", "text": f"{words} more"},
        {"id": "other", "text": " ".join(f"another{n}" for n in range(60))},
        {"id": "short", "text": "Too short to tell."},
    )
    work(door)
    show(door)
    (pair,) = (await admin.get("/v1/collections/handbook/duplicates")).json()["pairs"]
    assert {document["name"] for document in pair["documents"]} == {"one", "two"}


async def test_a_collection_that_keeps_one_refuses_a_passage_like_another(door: Any, admin: httpx.AsyncClient) -> None:
    settings = {"settings": {"near_duplicates": "keep_one"}}
    assert (await admin.patch("/v1/collections/handbook", json=settings)).status_code == 200
    words = " ".join(f"word{n}" for n in range(60))
    await load(admin, {"id": "one", "text": words})
    work(door)
    show(door)
    await load(admin, {"id": "two", "text": f"{words} more"}, {"id": "other", "text": words.replace("word", "new")})
    work(door)
    with door.database.transaction() as connection:
        refused = near_duplicates.refused(connection, pipeline.pending_versions(connection, limit_chunks=100))
    assert [document.id for document in refused] == [(await shown(admin))["two"]["id"]]


async def shown(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """The documents as the API shows them, by name."""
    found = (await client.get("/v1/collections/handbook/documents")).json()["documents"]
    return {document["name"]: document for document in found}


def show(door: Any) -> None:
    """Make what waits for the indexes live."""
    with door.database.transaction() as connection:
        pipeline.go_live(connection, pipeline.pending_versions(connection, limit_chunks=10_000))


async def test_bad_lines_are_refused_one_by_one(admin: httpx.AsyncClient) -> None:
    body = b'{"id": "a", "text": "fine"}\n{"id": "b"}\nnonsense\n{"id": "c", "text": " "}\n{"id": "a", "text": "x"}'
    answer = await admin.post(URL, content=body, headers=ND)
    found = answer.json()
    assert (answer.status_code, found["created"]) == (202, 1)
    assert [(r["line"], r["code"]) for r in found["refused"]] == [
        (2, "validation"),
        (3, "validation"),
        (4, "empty"),
        (5, "same_name"),
    ]


async def test_too_many_lines_and_other_types_are_refused(admin: httpx.AsyncClient) -> None:
    assert (await load(admin, *many(1001))).json()["code"] == "bad_count"
    assert (await admin.post(URL, content=b"{}")).status_code == 415
    assert (await admin.post(URL, content=b"x" * (17 << 20), headers=ND)).status_code == 413


async def test_a_failed_passage_is_tried_again_in_its_place(door: Any, admin: httpx.AsyncClient) -> None:
    await load(admin, *many(1))
    with door.database.transaction() as connection:
        (held,) = jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=1)
        pipeline.fail(connection, door.vault, held.document, 1, code="gave_up", reason="No.")
        jobs.bury(connection, held, code="gave_up")
        assert documents.retry(connection, door.vault, held.document).version == 1
    assert work(door) == 1
    assert sql(door, "SELECT state, error_code FROM versions") == [(VersionState.INDEXING, None)]


async def test_a_cancelled_passage_is_not_stored_with_the_others(door: Any, admin: httpx.AsyncClient) -> None:
    await load(admin, *many(3))
    with door.database.transaction() as connection:
        held = jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=3)
        documents.cancel(connection, door.vault, held[1].document)
    ingestion(door).ingest(held)
    assert sorted(sql(door, "SELECT state FROM versions")) == [("failed",), ("indexing",), ("indexing",)]
    assert sql(door, "SELECT count(*) FROM chunks") == [(2,)]


async def test_a_batch_is_summed_up_for_who_made_it(door: Any, admin: httpx.AsyncClient) -> None:
    await load(admin, *many(4), batch="load-1")
    found = (await admin.get("/v1/batches/load-1")).json()
    assert (found["documents"], found["open"], found["states"], found["left_s"]) == (4, 4, {"received": 4}, None)
    work(door)
    with door.database.transaction() as connection:
        pipeline.go_live(connection, pipeline.pending_versions(connection, limit_chunks=3))
    found = (await admin.get("/v1/batches/load-1")).json()
    assert (found["open"], found["chunks"], found["chunks_done"]) == (1, 4, 4)
    assert 0.9 < found["progress"] < 1
    assert found["documents_per_s"] > 0
    assert found["left_s"] is not None
    with door.database.transaction() as connection:
        pipeline.go_live(connection, pipeline.pending_versions(connection, limit_chunks=3))
    watched = await admin.get("/v1/batches/load-1/events")
    assert "event: done" in watched.text
    async with door.client(door.enrol("bob", "contributor")) as bob:
        assert (await bob.get("/v1/batches/load-1")).status_code == 404
        assert (await bob.get("/v1/batches/load-1/events")).status_code == 404


def test_nothing_is_embedded_for_who_is_not_wanted() -> None:
    assert embed_new_chunks([], FakeEmbedder(), batch_size=4, on_batch=lambda _done: None) == []
