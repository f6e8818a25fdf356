"""Sources over HTTP: made, listed, changed, run, deleted; secrets never come back."""

from typing import Any

import httpx
import pytest
from assay_core.sources import SourceId
from assay_store import source_runs

pytestmark = pytest.mark.integration

S3 = {"kind": "s3", "endpoint": "https://s3.example", "bucket": "docs", "access_key": "AK"}
WIKI: dict[str, Any] = {
    "name": "wiki",
    "collection": "handbook",
    "place": S3,
    "secrets": {"secret_key": "very-s3cret"},
    "every_s": 900,
}


async def test_a_source_is_made_and_shown_without_its_secret(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/v1/sources", json=WIKI)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["collection"], made["kind"], made["secrets"]) == (
        "wiki",
        "handbook",
        "s3",
        ["secret_key"],
    )
    assert made["settings"]["bucket"] == "docs"
    assert made["next_run_at"]
    listed = await admin.get("/v1/sources")
    assert [source["id"] for source in listed.json()["sources"]] == [made["id"]]
    assert (await admin.get(f"/v1/sources/{made['id']}")).json() == (await admin.get("/v1/sources/wiki")).json()
    assert "very-s3cret" not in answer.text + listed.text
    taken = await admin.post("/v1/sources", json=WIKI)
    assert (taken.status_code, taken.json()["code"]) == (409, "source_exists")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"place": {"kind": "gopher"}}, 422),
        ({"place": {"kind": "s3"}}, 422),
        ({"place": {**S3, "secret_key": "x"}}, 422),
        ({"place": {"kind": "plugin", "connector": "s3"}, "secrets": {}}, 422),
        ({"secrets": {"password": "x"}}, 422),
        ({"collection": "none"}, 404),
        ({"name": "../x"}, 422),
        ({"every_s": -1}, 422),
        ({"access": {"allow": ["nobody-of-this-name"]}}, 400),
    ],
)
async def test_what_makes_no_source_is_refused(admin: httpx.AsyncClient, change: dict[str, Any], status: int) -> None:
    answer = await admin.post("/v1/sources", json=WIKI | change)
    assert answer.status_code == status, answer.text
    assert "very-s3cret" not in answer.text


async def test_a_source_is_changed_in_parts(door: Any, admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/sources", json=WIKI)
    door.enrol("bob", "reader")
    changes: dict[str, Any] = {"every_s": 0, "access": {"allow": ["bob"]}, "secrets": {"secret_key": "an0ther"}}
    changed = (await admin.patch("/v1/sources/wiki", json=changes)).json()
    assert (changed["every_s"], changed["next_run_at"]) == (0, None)
    assert changed["access"] == {"allow": ["bob"], "deny": []}
    assert changed["settings"]["bucket"] == "docs"
    paused = (await admin.patch("/v1/sources/wiki", json={"paused": True, "every_s": 60})).json()
    assert (paused["paused"], paused["next_run_at"]) == (True, None)
    assert (await admin.patch("/v1/sources/wiki", json={"place": {"kind": "folder", "path": "/x"}})).status_code == 422
    assert (await admin.patch("/v1/sources/wiki", json={"access": None})).json()["access"] is None


async def test_runs_are_asked_for_once_and_listed(door: Any, admin: httpx.AsyncClient) -> None:
    made = (await admin.post("/v1/sources", json=WIKI)).json()
    begun = await admin.post("/v1/sources/wiki/runs", json={"confirm_removals": True})
    assert (begun.status_code, begun.json()["state"]) == (202, "waiting")
    again = await admin.post("/v1/sources/wiki/runs", json={})
    assert (again.status_code, again.json()["code"]) == (409, "run_open")
    with door.database.transaction() as connection:
        held = source_runs.lease(connection, owner="x", lease_s=60)
        assert held
        assert held.confirm_removals
        error = source_runs.ItemError("a.md", "too_large", "It is too large.")
        source_runs.add_errors(connection, door.vault, held, [error])
        source_runs.count(connection, held, source_runs.Counts(seen=2, failed=1))
        assert held.source == SourceId(held.source.tenant, made["id"])
    (run,) = (await admin.get("/v1/sources/wiki/runs")).json()["runs"]
    assert (run["seen"], run["failed"], run["errors"][0]["item"]) == (2, 1, "a.md")
    assert (await admin.get("/v1/sources/wiki")).json()["last_run"] == run


async def test_a_source_is_deleted_and_its_documents_stay_or_go(admin: httpx.AsyncClient) -> None:
    for query in ("", "?documents=keep", "?documents=delete"):
        await admin.post("/v1/sources", json=WIKI)
        gone = await admin.delete(f"/v1/sources/wiki{query}")
        assert (gone.status_code, gone.json()) == (202, {"source": "wiki", "documents": 0})
        assert (await admin.get("/v1/sources/wiki")).status_code == 404
    assert (await admin.delete("/v1/sources/wiki?documents=burn")).status_code == 422


async def test_curators_alone_see_sources_and_other_tenants_none(door: Any, admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/sources", json=WIKI)
    async with door.client(door.enrol("bob", "reader", "contributor")) as bob:
        for method, path in [
            ("GET", ""),
            ("GET", "/wiki"),
            ("PATCH", "/wiki"),
            ("DELETE", "/wiki"),
            ("GET", "/wiki/runs"),
        ]:
            body: dict[str, Any] = {"json": {}} if method == "PATCH" else {}
            answer = await bob.request(method, f"/v1/sources{path}", **body)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
    async with door.client(door.enrol("eve", "administrator", tenant="other")) as eve:
        assert (await eve.get("/v1/sources")).json() == {"sources": []}
        for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/runs")]:
            answer = await eve.request(method, f"/v1/sources/wiki{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "source_not_found"), (method, path)
