"""Collections and documents through the gateway: listing, reading passages, watching, deleting, and who may."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from assay_core.documents import (
    Chunk,
    DocumentId,
    Element,
    ElementKind,
    ParsedDocument,
    TenantId,
    VersionState,
    chunk_id,
)
from assay_store import keys, pipeline
from assay_store.pipeline import Source, VectorPlace
from sqlalchemy import text

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/documents"
TEXT = "Leave\n\nEveryone has twenty-eight days. \U0001f334 Unused days lapse in March."


async def upload(client: httpx.AsyncClient, name: str, data: bytes = b"text") -> dict[str, Any]:
    answer = await client.post(URL, files={"file": (name, data)})
    assert answer.status_code == 202, answer.text
    return answer.json()


def ingest(door: Any, document: str, *, version: int = 1, body: str = TEXT) -> None:
    """What the worker and the indexer would write."""
    identity = DocumentId(TenantId("default"), document)
    with door.database.transaction() as connection:
        row = connection.execute(text("SELECT * FROM documents WHERE id = :d"), {"d": document}).one()
        wrapped = keys.wrapped(connection, identity)
        key = door.vault.document_key(identity, wrapped)
        starts = range(0, len(body), 30)
        chunks = [
            Chunk(
                id=chunk_id(document=identity, recipe="t", heading_path=(), text=body[s : s + 30], occurrence=0),
                document=identity,
                ordinal=n,
                text=body[s : s + 30],
                start=s,
                end=min(s + 30, len(body)),
                heading_path=("Leave", "Days"),
                page_first=1,
                page_last=1,
                tokens=7,
            )
            for n, s in enumerate(starts)
        ]
        place = Source(
            document=identity,
            collection=row.collection,
            name="a.md",
            version=version,
            blob_key="",
            size_bytes=1,
            key_wrapped=wrapped,
            deleted=False,
        )
        parsed = ParsedDocument(body, (Element(ElementKind.PARAGRAPH, 0, len(body)),), "Leave", "text/plain", "t/1")
        vectors = {c.id: VectorPlace("v", n) for n, c in enumerate(chunks)}
        pipeline.store_chunks(connection, place, key, parsed, chunks, vectors)
        connection.execute(
            text("UPDATE versions SET state = 'ready', progress = 1 WHERE document = :d AND version = :v"),
            {"d": document, "v": version},
        )
        connection.execute(text("UPDATE documents SET live_version = :v WHERE id = :d"), {"v": version, "d": document})


async def test_collections_are_made_once_and_shown(admin: httpx.AsyncClient) -> None:
    again = await admin.post("/v1/collections", json={"name": "handbook"})
    assert (again.status_code, again.json()["code"]) == (409, "collection_exists")
    bad = await admin.post("/v1/collections", json={"name": "Hand Book!"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_collection_name")
    listed = (await admin.get("/v1/collections")).json()["collections"]
    assert [c["name"] for c in listed] == ["handbook"]
    assert (await admin.get("/v1/collections/handbook")).json() == listed[0]


async def test_making_a_collection_is_idempotent_under_a_key(admin: httpx.AsyncClient) -> None:
    send: dict[str, Any] = {"json": {"name": "manuals"}, "headers": {"Idempotency-Key": "c1"}}
    first, second = await admin.post("/v1/collections", **send), await admin.post("/v1/collections", **send)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content


async def test_a_deleted_collection_is_gone_with_its_documents(door: Any, admin: httpx.AsyncClient) -> None:
    ids = [(await upload(admin, f"{n}.txt"))["document_id"] for n in range(3)]
    gone = await admin.delete("/v1/collections/handbook")
    assert (gone.status_code, gone.json()) == (202, {"collection": "handbook", "documents": 3})
    assert (await admin.get(URL)).status_code == 404
    assert {(await admin.get(f"/v1/documents/{i}")).status_code for i in ids} == {404}
    with door.database.transaction() as connection:
        jobs = connection.execute(text("SELECT count(*) FROM jobs WHERE kind = 'delete'")).scalar_one()
    assert jobs == 3
    assert (await admin.post("/v1/collections", json={"name": "handbook"})).status_code == 201


async def test_a_listing_goes_page_by_page(admin: httpx.AsyncClient) -> None:
    for n in range(5):
        await upload(admin, f"doc-{n}.txt")
    names, cursor, pages = list[str](), None, 0
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get(URL, params=params)).json()
        names += [d["name"] for d in page["documents"]]
        cursor, pages = page["next_cursor"], pages + 1
        assert page["counts"] == {"received": 5}
        if cursor is None:
            break
    assert (names, pages) == ([f"doc-{n}.txt" for n in reversed(range(5))], 3)


async def test_a_cursor_serves_its_own_listing_only(door: Any, admin: httpx.AsyncClient) -> None:
    for n in range(3):
        await upload(admin, f"doc-{n}.txt")
    cursor = (await admin.get(URL, params={"limit": 1})).json()["next_cursor"]
    other_filter = await admin.get(URL, params={"cursor": cursor, "state": "received"})
    changed = await admin.get(URL, params={"cursor": cursor[:-2] + "xx"})
    async with door.client(door.enrol("ben", "reader")) as ben:
        other_person = await ben.get(URL, params={"cursor": cursor})
    for answer in (other_filter, changed, other_person):
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_a_passage_comes_with_its_surroundings(door: Any, admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    ingest(door, document)
    start = TEXT.index("Unused")
    url = f"/v1/documents/{document}/versions/1/text"
    found = (await admin.get(url, params={"start": start, "end": start + 6, "context": 5})).json()
    assert found["text"] == TEXT[start - 5 : start + 11]
    assert (found["start"], found["end"]) == (start - 5, start + 11)
    assert (found["passage_start"], found["passage_end"], found["length"]) == (start, start + 6, len(TEXT))
    whole = (await admin.get(url)).json()
    assert (whole["text"], whole["start"], whole["end"]) == (TEXT, 0, len(TEXT))
    beyond = await admin.get(url, params={"start": 5, "end": 10_000})
    assert (beyond.status_code, beyond.json()["code"]) == (400, "bad_span")
    no_version = await admin.get(f"/v1/documents/{document}/versions/7/text")
    assert (no_version.status_code, no_version.json()["code"]) == (404, "version_not_found")


async def test_text_that_is_not_there_yet_is_said(admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    answer = await admin.get(f"/v1/documents/{document}/versions/1/text")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_text_yet")


async def test_chunks_are_listed_in_order(door: Any, admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    ingest(door, document)
    url = f"/v1/documents/{document}/versions/1/chunks"
    first = (await admin.get(url, params={"limit": 2})).json()
    rest = (await admin.get(url, params={"limit": 50, "cursor": first["next_cursor"]})).json()
    chunks = first["chunks"] + rest["chunks"]
    assert "".join(c["text"] for c in chunks) == TEXT
    assert {c["heading"] for c in chunks} == {"Leave › Days"}
    assert rest["next_cursor"] is None


async def test_progress_is_streamed_to_the_end(door: Any, admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    identity = DocumentId(TenantId("default"), document)

    async def work() -> None:
        await asyncio.sleep(0.3)
        with door.database.transaction() as connection:
            pipeline.set_progress(connection, identity, 1, VersionState.PARSING, 0.1)
        await asyncio.sleep(0.9)
        with door.database.transaction() as connection:
            pipeline.fail(connection, door.vault, identity, 1, code="encrypted", reason="The PDF is encrypted.")

    answer, _ = await asyncio.gather(admin.get(f"/v1/documents/{document}/events"), work())
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [b[1] for b in blocks] == ["event: progress", "event: progress", "event: failed"]
    assert [b[0] for b in blocks] == ["id: 1", "id: 2", "id: 3"]
    last = json.loads(blocks[-1][2].removeprefix("data: "))
    assert (last["state"], last["error_code"]) == ("failed", "encrypted")


async def test_watchers_are_bounded(admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    url = f"/v1/documents/{document}/events"
    watching = [asyncio.create_task(admin.get(url)) for _ in range(3)]
    await asyncio.sleep(0.5)
    refused = await admin.get(url)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    await admin.delete(f"/v1/documents/{document}")
    ended = await asyncio.gather(*watching)
    assert all('"state":"deleted"' in answer.text for answer in ended)
    gone = await admin.get(url)
    assert gone.status_code == 404


async def test_foreign_and_unknown_documents_look_alike(door: Any, admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    ingest(door, document)
    async with door.client(door.enrol("eve", "administrator", tenant="other")) as eve:
        for suffix in ("", "/events", "/versions/1/text", "/versions/1/chunks"):
            foreign = await eve.get(f"/v1/documents/{document}{suffix}")
            unknown = await eve.get(f"/v1/documents/{'0' * 32}{suffix}")
            assert (foreign.status_code, unknown.status_code) == (404, 404)
            a, b = foreign.json(), unknown.json()
            assert a["detail"].replace(document, "") == b["detail"].replace("0" * 32, "")
            assert a["code"] == b["code"]
        assert (await eve.delete(f"/v1/documents/{document}")).status_code == 404
        assert (await eve.get("/v1/collections/handbook")).status_code == 404
        assert (await eve.get("/v1/collections")).json() == {"collections": []}
    assert (await admin.get(f"/v1/documents/{document}")).status_code == 200


async def test_readers_read_and_do_not_write(door: Any, admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "leave.txt"))["document_id"]
    async with door.client(door.enrol("rita", "reader")) as rita:
        assert (await rita.get(f"/v1/documents/{document}")).status_code == 200
        refused = [
            await rita.post("/v1/collections", json={"name": "mine"}),
            await rita.delete("/v1/collections/handbook"),
            await rita.delete(f"/v1/documents/{document}"),
            await rita.post("/v1/evaluations/runs", json={"collection": "handbook", "dataset": "golden"}),
        ]
        assert [(r.status_code, r.json()["code"]) for r in refused] == [(403, "forbidden")] * 4


async def test_settings_of_a_collection_are_chosen_changed_and_shown(door: Any, admin: httpx.AsyncClient) -> None:
    made = await admin.post("/v1/collections", json={"name": "tuned", "settings": {"chunking": {"strategy": "fixed"}}})
    assert (made.status_code, made.json()["settings"]["chunking"]["strategy"]) == (201, "fixed")
    changes = {"settings": {"fields": {"year": "number"}, "keep_versions_days": 7}}
    changed = await admin.patch("/v1/collections/tuned", json=changes)
    assert changed.status_code == 200
    shown = (await admin.get("/v1/collections/tuned")).json()["settings"]
    assert shown == changed.json()["settings"]
    assert (shown["fields"], shown["chunking"]["strategy"], shown["keep_versions_days"]) == (
        {"year": "number"},
        "fixed",
        7,
    )
    refused = await admin.patch("/v1/collections/tuned", json={"settings": {"chunking": {"budget_tokens": 1}}})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_setting")
    async with door.client(door.enrol("writer", "contributor")) as writer:
        assert (await writer.patch("/v1/collections/tuned", json=changes)).status_code == 403
        assert (await writer.post("/v1/collections/tuned/rechunk")).status_code == 403


async def test_another_chunking_says_how_many_documents_are_due(door: Any, admin: httpx.AsyncClient) -> None:
    document = (await upload(admin, "a.md"))["document_id"]
    ingest(door, document)
    changed = await admin.patch("/v1/collections/handbook", json={"settings": {"chunking": {"strategy": "fixed"}}})
    assert changed.json()["rechunk_due"] == 1
    begun = await admin.post("/v1/collections/handbook/rechunk")
    assert (begun.status_code, begun.json()) == (202, {"collection": "handbook", "documents": 1, "remaining": 0})
    shown = (await admin.get(f"/v1/documents/{document}")).json()
    assert (shown["live_version"], shown["version"], shown["state"]) == (1, 2, "received")
