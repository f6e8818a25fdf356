"""What became of a document and when: numbers only, for its readers only, erased with it."""

from typing import Any

import httpx
import pytest
from assay_core.documents import DocumentId, TenantId, VersionState
from assay_store import pipeline
from assay_store.pipeline import StageProgress
from sqlalchemy import text

from .conftest import ingest

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/documents"


async def upload(client: httpx.AsyncClient) -> DocumentId:
    answer = await client.post(URL, files={"file": ("a.md", b"# Secret\n\nA sentence about leave.")})
    return DocumentId(TenantId("default"), answer.json()["document_id"])


async def test_each_stage_is_kept_with_its_numbers(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    ingest(door)
    with door.database.transaction() as connection:
        pipeline.go_live(connection, pipeline.pending_versions(connection, limit_chunks=9))
    found = (await admin.get(f"/v1/documents/{document.id}/events?history")).json()["events"]
    assert [e["stage"] for e in found] == ["received", "parsing", "embedding", "indexing", "ready"]
    assert [e["at"] for e in found] == sorted(e["at"] for e in found)
    assert found[2]["detail"]["chunks"] == 1
    assert found[3]["detail"] == {"chunks": 1, "embedded": 1}
    assert all(isinstance(value, int | float) for e in found for value in e["detail"].values())


async def test_the_history_is_for_readers_and_goes_with_the_document(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    ingest(door)
    async with door.client(door.enrol("eve", tenant="other")) as eve:
        assert (await eve.get(f"/v1/documents/{document.id}/events?history")).status_code == 404
    await admin.delete(f"/v1/documents/{document.id}")
    assert (await admin.get(f"/v1/documents/{document.id}/events?history")).status_code == 404
    with door.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM document_events")).scalar_one() > 0
        pipeline.erase(connection, document)
        assert connection.execute(text("SELECT count(*) FROM document_events")).scalar_one() == 0


async def test_how_far_and_how_fast_a_document_is(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    with door.database.transaction() as connection:
        so_far = StageProgress(0.3, pages=7, chunks=40, chunks_done=10)
        pipeline.show_progress(connection, VersionState.EMBEDDING, {(document, 1): so_far})
        connection.execute(text("UPDATE versions SET stage_at = updated_at - interval '5 s'"))
    shown = (await admin.get(f"/v1/documents/{document.id}")).json()
    assert (shown["pages"], shown["pages_done"], shown["chunks"], shown["chunks_done"]) == (7, 7, 40, 10)
    assert (shown["chunks_per_s"], shown["left_s"]) == (2.0, 15.0)


async def test_a_version_that_is_final_gets_no_more_history(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    with door.database.transaction() as connection:
        pipeline.fail(connection, door.vault, document, 1, code="broken", reason="No.")
        pipeline.set_progress(connection, document, 1, VersionState.PARSING, 0.1)
    found = (await admin.get(f"/v1/documents/{document.id}/events?history")).json()["events"]
    assert [e["stage"] for e in found] == ["received", "failed"]
