"""Jobs over HTTP: the list of what was given up, replaying, cancelling, pausing, and being told to wait."""

from typing import Any

import httpx
import pytest
from assay_core.documents import TenantId
from assay_core.errors import Exhausted
from assay_core.jobs import JobKind
from assay_gateway.admission import Admission
from assay_gateway.settings import QueueSettings
from assay_gateway.transactions import Transactions
from assay_store import access, jobs, pipeline
from sqlalchemy import text

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/documents"


async def upload(client: httpx.AsyncClient, name: str, **fields: str) -> dict[str, Any]:
    answer = await client.post(URL, data={"name": name, **fields}, files={"file": (name, name.encode())})
    assert answer.status_code == 202, answer.text
    return answer.json()


def give_up_all(door: Any, code: str) -> None:
    """As a worker does that cannot take any of the waiting documents in."""
    with door.database.transaction() as connection:
        for held in jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=50):
            pipeline.fail(connection, door.vault, held.document, held.version or 1, code=code, reason="No.")
            jobs.bury(connection, held, code=code)


async def test_what_was_given_up_is_listed_page_by_page_and_replayed(door: Any, admin: httpx.AsyncClient) -> None:
    for n in range(3):
        await upload(admin, f"{n}.md")
    give_up_all(door, "timeout")
    await upload(admin, "other.md")
    give_up_all(door, "broken")
    page = (await admin.get("/v1/jobs?limit=3")).json()
    rest = (await admin.get("/v1/jobs", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert [j["document_name"] for j in page["jobs"] + rest["jobs"]] == ["other.md", "2.md", "1.md", "0.md"]
    assert rest["next_cursor"] is None
    assert page["jobs"][0]["error_code"] == "broken"
    only = (await admin.get("/v1/jobs?reason=timeout&collection=handbook")).json()["jobs"]
    assert len(only) == 3
    one = await admin.post(f"/v1/jobs/{only[0]['id']}/replay")
    assert (one.status_code, one.json()["version"]) == (202, 2)
    replayed = await admin.post("/v1/jobs/replay", json={"reason": "timeout"})
    assert replayed.json() == {"replayed": 2, "more": False}
    assert [j["document_name"] for j in (await admin.get("/v1/jobs")).json()["jobs"]] == ["other.md"]
    assert len((await admin.get("/v1/jobs?state=waiting")).json()["jobs"]) == 3
    assert (await admin.post(f"/v1/jobs/{only[0]['id']}/replay")).status_code == 409


async def test_cancelling_by_job_and_by_document(door: Any, admin: httpx.AsyncClient) -> None:
    first, second = await upload(admin, "a.md"), await upload(admin, "b.md")
    gone = await admin.delete(f"/v1/jobs/{first['job']}")
    assert (gone.status_code, gone.json()) == (202, {"document_id": first["document_id"], "version": 1})
    assert (await admin.post(f"/v1/documents/{second['document_id']}/cancel")).status_code == 202
    shown = (await admin.get(f"/v1/documents/{second['document_id']}")).json()
    assert (shown["state"], shown["error_code"]) == ("failed", "cancelled")
    again = await admin.post(f"/v1/documents/{second['document_id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_in_work")
    with door.database.transaction() as connection:
        assert jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=5) == []
    assert (await admin.post("/v1/jobs/replay", json={"state": "cancelled"})).json()["replayed"] == 2


async def test_others_see_and_touch_nothing(door: Any, admin: httpx.AsyncClient) -> None:
    made = await upload(admin, "secret.md")
    with door.database.transaction() as connection:
        acl = access.acl_for(connection, TenantId("default"), allow=["admin"])
        connection.execute(text("UPDATE documents SET acl = :acl"), {"acl": acl})
    async with door.client(door.enrol("bob", "contributor")) as bob:
        assert (await bob.get("/v1/jobs?state=waiting")).json()["jobs"] == []
        assert (await bob.delete(f"/v1/jobs/{made['job']}")).status_code == 404
        assert (await bob.post(f"/v1/jobs/{made['job']}/replay")).status_code == 404
        assert (await bob.post(f"/v1/documents/{made['document_id']}/cancel")).status_code == 404
        assert (await bob.post("/v1/collections/handbook/pause")).status_code == 403
    async with door.client(door.enrol("eve", tenant="other")) as eve:
        assert (await eve.delete(f"/v1/jobs/{made['job']}")).status_code in (403, 404)


async def test_a_paused_collection_accepts_uploads_that_wait(door: Any, admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/v1/collections/handbook/pause")).json()["paused_at"]
    await upload(admin, "a.md")
    with door.database.transaction() as connection:
        assert jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=5) == []
    assert (await admin.post("/v1/collections/handbook/resume")).json()["paused_at"] is None
    with door.database.transaction() as connection:
        assert len(jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=5)) == 1


async def test_priority_and_batch_are_kept_and_checked(door: Any, admin: httpx.AsyncClient) -> None:
    await upload(admin, "a.md", priority="bulk", batch="load-1")
    (job,) = (await admin.get("/v1/jobs?state=waiting&batch=load-1")).json()["jobs"]
    assert (job["priority"], job["batch"]) == ("bulk", "load-1")
    for fields, code in (({"priority": "urgent"}, "bad_priority"), ({"batch": "no spaces"}, "bad_batch")):
        answer = await admin.post(URL, data=fields, files={"file": ("b.md", b"b")})
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    async with door.client(door.enrol("bob", "contributor")) as bob:
        answer = await bob.post(URL, data={"batch": "load-1"}, files={"file": ("b.md", b"b")})
        assert (answer.status_code, answer.json()["code"]) == (409, "batch_taken")


async def test_whoever_brings_too_much_is_told_to_wait(door: Any, admin: httpx.AsyncClient) -> None:
    limits = QueueSettings(tenant_jobs=2, all_jobs=3, tenant_bytes=1000, min_free_bytes=0)
    now_s = 0.0
    admission = Admission(
        transactions=Transactions(door.database, size=1), blobs=door.blobs, limits=limits, clock=lambda: now_s
    )
    with door.database.transaction() as connection:
        who = access.authenticate(connection, door.admin_key)
    await admission.admit(who, size_bytes=5000)
    with pytest.raises(Exhausted, match="tenant_bytes") as refused:
        await admission.admit(who, size_bytes=1)
    assert (refused.value.code, refused.value.retry_after_s) == ("queue_full", 10.0)
    now_s = 60.0
    await upload(admin, "a.md")
    await admission.admit(who)
    with pytest.raises(Exhausted, match="tenant_jobs"):
        await admission.admit(who)
    with pytest.raises(Exhausted, match="min_free_bytes") as full:
        await Admission(
            transactions=Transactions(door.database, size=1),
            blobs=door.blobs,
            limits=QueueSettings(min_free_bytes=1 << 60),
        ).admit(who)
    assert full.value.code == "storage_full"
