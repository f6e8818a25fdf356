"""Documents changed through the gateway: new versions by id, metadata, access, deletion of many; and who may."""

import asyncio
from typing import Any

import httpx
import pytest
from assay_core.principals import EVERYONE
from sqlalchemy import text

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/documents"


async def upload(client: httpx.AsyncClient, name: str, data: bytes = b"text", **fields: str) -> str:
    answer = await client.post(URL, data=fields, files={"file": (name, data)})
    assert answer.status_code == 202, answer.text
    return answer.json()["document_id"]


async def names(client: httpx.AsyncClient) -> list[str]:
    return [document["name"] for document in (await client.get(URL)).json()["documents"]]


def sql(door: Any, statement: str) -> list[tuple[object, ...]]:
    with door.database.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


async def test_a_new_version_is_put_to_a_document_whatever_its_file_is_called(admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "leave.md")
    url = f"/v1/documents/{document}"
    put = await admin.put(url, files={"file": ("other.txt", b"more")})
    assert (put.status_code, put.json()["version"], put.json()["name"]) == (202, 2, "leave.md")
    same = await admin.put(url, files={"file": ("other.txt", b"more")})
    assert (same.status_code, same.json()["unchanged"]) == (200, True)
    versions = (await admin.get(f"{url}/versions")).json()["versions"]
    assert [version["version"] for version in versions] == [2, 1]
    assert await names(admin) == ["leave.md"]


async def test_a_put_under_one_key_makes_one_version(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "leave.md")
    send = [
        admin.put(f"/v1/documents/{document}", files={"file": ("a", b"more")}, headers={"Idempotency-Key": "put-1"})
        for _ in range(4)
    ]
    answers = await asyncio.gather(*send)
    assert {(a.status_code, a.text) for a in answers} == {(202, answers[0].text)}
    assert sql(door, "SELECT max(version) FROM versions") == [(2,)]
    other = await admin.put(
        f"/v1/documents/{document}", files={"file": ("a", b"else")}, headers={"Idempotency-Key": "put-1"}
    )
    assert other.json()["code"] == "idempotency_mismatch"
    assert list(door.blobs.keys("uploads")) == []


async def test_nothing_is_put_to_a_document_that_is_not_there(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "leave.md")
    await admin.delete(f"/v1/documents/{document}")
    for identity in (document, "0" * 32, "x"):
        answer = await admin.put(f"/v1/documents/{identity}", files={"file": ("a", b"more")})
        assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found")
    assert list(door.blobs.keys("uploads")) == []


async def test_metadata_is_merged_and_names_are_taken_out(admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "leave.md", metadata='{"author": "Ada", "old": "x"}')
    changed = await admin.patch(f"/v1/documents/{document}", json={"metadata": {"year": "2026", "old": None}})
    assert changed.json()["metadata"] == {"author": "Ada", "year": "2026"}
    too_much = await admin.patch(f"/v1/documents/{document}", json={"metadata": {f"n{n}": "x" for n in range(33)}})
    assert (too_much.status_code, too_much.json()["code"]) == (400, "bad_metadata")
    # Each change alone would be small enough; the document must not grow past the bound by several.
    for start in (0, 16):
        answer = await admin.patch(
            f"/v1/documents/{document}", json={"metadata": {f"n{start + n}": "x" for n in range(16)}}
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_metadata")


async def test_who_loses_access_sees_nothing_from_then_on(door: Any, admin: httpx.AsyncClient) -> None:
    reader_key = door.enrol("rita", "reader")
    document = await upload(admin, "leave.md")
    async with door.client(reader_key) as reader:
        assert await names(reader) == ["leave.md"]
        changed = await admin.patch(
            f"/v1/documents/{document}", json={"access": {"allow": [EVERYONE], "deny": ["rita"]}}
        )
        assert changed.json()["access"] == {"allow": [EVERYONE], "deny": ["rita"]}
        assert await names(reader) == []
        for path in ("", "/versions", "/versions/1/text", "/versions/1/chunks", "/events"):
            assert (await reader.get(f"/v1/documents/{document}{path}")).status_code == 404
        again = await admin.patch(f"/v1/documents/{document}", json={"access": {"allow": [EVERYONE]}})
        assert again.status_code == 200
        assert await names(reader) == ["leave.md"]
        # The rules themselves are for curators.
        assert (await reader.get(f"/v1/documents/{document}")).json()["access"] is None
    assert sql(door, "SELECT acl_moved FROM documents") == [(True,)]


async def test_rules_must_name_someone_and_leave_their_maker_in(door: Any, admin: httpx.AsyncClient) -> None:
    door.enrol("rita", "reader")
    document = await upload(admin, "leave.md")
    for access, code in (
        ({"allow": ["nobody"]}, "unknown_principal"),
        ({"allow": ["rita"]}, "locks_you_out"),
        ({"allow": []}, "validation"),
    ):
        answer = await admin.patch(f"/v1/documents/{document}", json={"access": access})
        assert (answer.status_code in (400, 422), answer.json()["code"]) == (True, code)
        assert answer.json().get("unknown") == (["nobody"] if code == "unknown_principal" else None)
    assert sql(door, "SELECT acl_moved FROM documents") == [(False,)]


async def test_changes_need_their_roles(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "leave.md")
    url = f"/v1/documents/{document}"
    filtered = {"filter": {"names": ["*"]}}
    async with door.client(door.enrol("rita", "reader")) as reader:
        refused = [
            await reader.patch(url, json={"metadata": {"a": "b"}}),
            await reader.put(url, files={"file": ("a", b"b")}),
            await reader.delete(url),
            await reader.post(f"{URL}/delete", json=filtered),
        ]
        assert {answer.status_code for answer in refused} == {403}
    async with door.client(door.enrol("carl", "contributor")) as contributor:
        assert (await contributor.patch(url, json={"metadata": {"a": "b"}})).status_code == 200
        assert (await contributor.patch(url, json={"access": {"allow": [EVERYONE]}})).status_code == 403
        assert (await contributor.patch(url, json={"metadata": {"c": "d"}, "access": None})).status_code == 200
    assert await names(admin) == ["leave.md"]


async def test_what_may_not_be_read_cannot_be_changed(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "leave.md")
    await admin.patch(f"/v1/documents/{document}", json={"access": {"allow": [EVERYONE], "deny": ["cora"]}})
    door.enrol("cora", "curator")
    await admin.patch(f"/v1/documents/{document}", json={"access": {"allow": [EVERYONE], "deny": ["cora"]}})
    async with door.client(door.enrol("cora", "curator")) as cora:
        url = f"/v1/documents/{document}"
        answers = [
            await cora.patch(url, json={"metadata": {"a": "b"}}),
            await cora.patch(url, json={"access": {"allow": ["cora"]}}),
            await cora.put(url, files={"file": ("a", b"b")}),
            await cora.delete(url),
        ]
        assert {a.json()["code"] for a in answers} == {"document_not_found"}
        gone = await cora.post(f"{URL}/delete", json={"filter": {"names": ["*"]}})
        assert (gone.status_code, gone.json()["count"]) == (202, 0)
    assert await names(admin) == ["leave.md"]


async def test_many_are_deleted_by_filter_after_a_look(door: Any, admin: httpx.AsyncClient) -> None:
    for name, author in (("a/1.md", "Ada"), ("a/2.md", "Eve"), ("b/1.md", "Ada")):
        await upload(admin, name, metadata=f'{{"author": "{author}"}}')
    look = await admin.post(f"{URL}/delete", json={"filter": {"names": ["a/*"]}, "dry_run": True})
    assert (look.status_code, look.json()["count"]) == (200, 2)
    assert sorted(d["name"] for d in look.json()["documents"]) == ["a/1.md", "a/2.md"]
    assert len(await names(admin)) == 3
    asked = {"filter": {"names": ["a/*"], "metadata": {"author": "Ada"}, "states": ["received"]}}
    headers = {"Idempotency-Key": "k1"}
    gone = await admin.post(f"{URL}/delete", json=asked, headers=headers)
    assert (gone.status_code, gone.json()["count"], gone.json()["more"]) == (202, 1, False)
    (deleted,) = gone.json()["documents"]
    assert sql(door, "SELECT id, document, kind FROM jobs WHERE kind = 'delete'") == [
        (deleted["job"], deleted["document_id"], "delete")
    ]
    assert sorted(await names(admin)) == ["a/2.md", "b/1.md"]
    assert (await admin.post(f"{URL}/delete", json=asked, headers=headers)).text == gone.text
    assert "a/1.md" not in str(sql(door, "SELECT body FROM idempotency_keys WHERE key = 'k1'"))
    ids = [d["id"] for d in (await admin.get(URL)).json()["documents"]]
    both = await admin.post(f"{URL}/delete", json={"filter": {"ids": ids}})
    assert both.json()["count"] == 2
    assert await names(admin) == []


async def test_filters_by_time_and_an_empty_one(admin: httpx.AsyncClient) -> None:
    await upload(admin, "a.md")
    counts = {}
    for when in ("uploaded_before", "uploaded_after"):
        for year in (2000, 2100):
            asked = {"filter": {when: f"{year}-01-01T00:00:00Z"}, "dry_run": True}
            counts[when, year] = (await admin.post(f"{URL}/delete", json=asked)).json()["count"]
    assert counts == {
        ("uploaded_before", 2000): 0,
        ("uploaded_before", 2100): 1,
        ("uploaded_after", 2000): 1,
        ("uploaded_after", 2100): 0,
    }
    empty = await admin.post(f"{URL}/delete", json={"filter": {}})
    assert (empty.status_code, empty.json()["code"]) == (400, "empty_filter")
    assert await names(admin) == ["a.md"]


async def test_a_delete_sent_twice_under_a_key_is_answered_twice(admin: httpx.AsyncClient) -> None:
    document = await upload(admin, "a.md")
    answers = [await admin.delete(f"/v1/documents/{document}", headers={"Idempotency-Key": "gone"}) for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code == 202
    assert answers[0].text == answers[1].text
    assert (await admin.delete(f"/v1/documents/{document}")).status_code == 404
