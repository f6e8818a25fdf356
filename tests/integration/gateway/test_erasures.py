"""Erasures over HTTP: receipts, who may see them, legal holds."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from assay_core.errors import Invalid
from assay_runtime.receipts import read_receipt
from assay_store import erasures
from assay_store.database import clock
from sqlalchemy import text

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/documents"


async def upload(client: httpx.AsyncClient, name: str = "a.md") -> str:
    answer = await client.post(URL, data={"name": name}, files={"file": (name, name.encode())})
    assert answer.status_code == 202, answer.text
    return answer.json()["document_id"]


def sql(door: Any, statement: str) -> list[tuple[Any, ...]]:
    with door.database.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


async def test_a_deletion_is_followed_by_its_job_to_a_signed_receipt(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    erasure = (await admin.delete(f"/v1/documents/{document}")).json()["job"]
    shown = (await admin.get(f"/v1/erasures/{erasure}")).json()
    assert (shown["state"], shown["document_id"], shown["requested_by"]) == ("leaving", document, "admin")
    assert shown["key_destroyed_at"] == shown["requested_at"]
    assert sql(door, "SELECT count(*) FROM document_keys") == [(0,)]
    with door.database.transaction() as connection:
        connection.execute(text("UPDATE tombstones SET erased_at = now()"))
        assert erasures.complete(connection, left_before=clock(connection) - timedelta(seconds=1)) == 0
        assert erasures.complete(connection, left_before=clock(connection)) == 1
        erasures.prove(connection, [erasure])
    receipt = (await admin.get(f"/v1/erasures/{erasure}")).json()["receipt"]
    key = (await admin.get("/v1/erasures/public-key")).json()["public_key"]
    said = read_receipt(receipt, key)
    assert (said["sub"], said["document_id"], said["state"], said["tenant"]) == (erasure, document, "proven", "default")
    head, claims, signature = receipt.split(".")
    with pytest.raises(Invalid, match="not signed with this key"):
        read_receipt(f"{head}.{claims[:-4]}AAAA.{signature}", key)


async def test_a_receipt_is_no_token_to_sign_in_with(admin: httpx.AsyncClient, door: Any) -> None:
    erasure = (await admin.delete(f"/v1/documents/{await upload(admin)}")).json()["job"]
    receipt = (await admin.get(f"/v1/erasures/{erasure}")).json()["receipt"]
    async with door.client(receipt) as forged:
        assert (await forged.get("/v1/me")).status_code == 401


async def test_erasures_are_listed_page_by_page_the_open_ones_alone(door: Any, admin: httpx.AsyncClient) -> None:
    documents = [await upload(admin, f"{n}.md") for n in range(3)]
    for document in documents:
        await admin.delete(f"/v1/documents/{document}")
    first = (await admin.get("/v1/erasures?limit=2")).json()
    rest = (await admin.get("/v1/erasures", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [one["document_id"] for one in first["erasures"] + rest["erasures"]] == documents[::-1]
    assert rest["next_cursor"] is None
    sql(
        door,
        f"UPDATE tombstones SET erased_at = now(), complete_at = now() WHERE document = '{documents[0]}' RETURNING 1",
    )
    unfinished = (await admin.get("/v1/erasures?open=true")).json()["erasures"]
    assert [one["document_id"] for one in unfinished] == documents[:0:-1]


async def test_others_see_no_erasures_and_place_no_holds(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    erasure = (await admin.delete(f"/v1/documents/{await upload(admin, 'b.md')}")).json()["job"]
    async with door.client(door.enrol("reader")) as reader:
        for path in ("/v1/erasures", f"/v1/erasures/{erasure}", f"/v1/documents/{document}/hold"):
            assert (await reader.get(path)).status_code == 403, path
        assert (await reader.put(f"/v1/documents/{document}/hold", json={"reason": "x"})).status_code == 403
        assert (await reader.delete(f"/v1/documents/{document}/hold")).status_code == 403
    assert (await admin.get(f"/v1/erasures/{'0' * 32}")).json()["code"] == "erasure_not_found"


async def test_a_held_document_is_invisible_but_keeps_its_key_until_the_hold_is_lifted(
    door: Any, admin: httpx.AsyncClient
) -> None:
    document = await upload(admin)
    held = await admin.put(f"/v1/documents/{document}/hold", json={"reason": "Case 17"})
    assert (held.status_code, held.json()["reason"], held.json()["placed_by"]) == (200, "Case 17", "admin")
    erasure = (await admin.delete(f"/v1/documents/{document}")).json()["job"]
    assert (await admin.get(f"/v1/documents/{document}")).status_code == 404
    assert (await admin.get(f"/v1/erasures/{erasure}")).json()["state"] == "held"
    assert sql(door, "SELECT document FROM document_keys") == [(document,)]
    assert sql(door, "SELECT count(*) FROM jobs WHERE kind = 'delete'") == [(0,)]
    assert (await upload(admin)) != document  # the name is free again
    lifted = await admin.delete(f"/v1/documents/{document}/hold")
    assert lifted.json() == {"document_ids": [document]}
    assert (await admin.get(f"/v1/erasures/{erasure}")).json()["state"] == "leaving"
    assert sql(door, f"SELECT count(*) FROM document_keys WHERE document = '{document}'") == [(0,)]
    assert sql(door, "SELECT id FROM jobs WHERE kind = 'delete'") == [(erasure,)]
    assert (await admin.delete(f"/v1/documents/{document}/hold")).json()["code"] == "hold_not_found"


async def test_a_hold_is_by_whoever_placed_it_first(door: Any, admin: httpx.AsyncClient) -> None:
    document = await held(admin, "a.md")
    async with door.client(door.enrol("ada", "curator")) as curator:
        again = await curator.put(f"/v1/documents/{document}/hold", json={"reason": "Case 18"})
    assert (again.status_code, again.json()["reason"], again.json()["placed_by"]) == (200, "Case 18", "admin")


async def test_lifting_a_hold_of_what_is_not_deleted_deletes_nothing(door: Any, admin: httpx.AsyncClient) -> None:
    document = await upload(admin)
    await admin.put(f"/v1/documents/{document}/hold", json={"reason": "Case 17"})
    await admin.delete(f"/v1/documents/{document}/hold")
    assert (await admin.get(f"/v1/documents/{document}")).status_code == 200
    assert sql(door, "SELECT count(*) FROM document_keys") == [(1,)]


async def held(client: httpx.AsyncClient, name: str, reason: str = "Case 17") -> str:
    document = await upload(client, name)
    assert (await client.put(f"/v1/documents/{document}/hold", json={"reason": reason})).status_code == 200
    return document


async def test_holds_are_listed_with_the_deletions_that_wait_for_them(door: Any, admin: httpx.AsyncClient) -> None:
    kept, deleted = await held(admin, "a.md"), await held(admin, "b.md", "Case 18")
    erasure = (await admin.delete(f"/v1/documents/{deleted}")).json()["job"]
    listed = (await admin.get("/v1/holds")).json()
    assert [(one["document_id"], one["name"], one["erasure_id"], one["reason"]) for one in listed["holds"]] == [
        (deleted, None, erasure, "Case 18"),
        (kept, "a.md", None, "Case 17"),
    ]
    assert listed["next_cursor"] is None
    async with door.client(door.enrol("cleo", "curator", tenant="elsewhere")) as stranger:
        assert (await stranger.get("/v1/holds")).json()["holds"] == []
    async with door.client(door.enrol("carla", "contributor")) as contributor:
        assert (await contributor.get("/v1/holds")).status_code == 403


async def test_a_list_of_holds_goes_on_after_one_that_was_lifted(admin: httpx.AsyncClient) -> None:
    documents = [await held(admin, f"{n}.md") for n in range(3)]
    first = (await admin.get("/v1/holds?limit=2")).json()
    for _ in range(2):
        rest = (await admin.get("/v1/holds", params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [one["document_id"] for one in first["holds"] + rest["holds"]] == documents[::-1]
        assert rest["next_cursor"] is None
        await admin.delete(f"/v1/documents/{first['holds'][1]['document_id']}/hold")


async def test_a_hold_does_not_tell_the_name_of_what_one_may_not_read(door: Any, admin: httpx.AsyncClient) -> None:
    document = await held(admin, "a.md")
    async with door.client(door.enrol("cleo", "curator")) as curator:
        assert (await curator.get("/v1/holds")).json()["holds"][0]["name"] == "a.md"
        rules = {"access": {"allow": ["admin"], "deny": []}}
        assert (await admin.patch(f"/v1/documents/{document}", json=rules)).status_code == 200
        assert (await curator.get("/v1/holds")).json()["holds"][0]["name"] is None


async def test_a_document_says_whether_it_is_held_to_those_who_may_delete_it(
    door: Any, admin: httpx.AsyncClient
) -> None:
    free, document = await upload(admin, "b.md"), await held(admin, "a.md")
    seen: dict[str, tuple[bool | None, bool | None, bool]] = {}
    for role in ("reader", "contributor", "curator"):
        async with door.client(door.enrol(role, role)) as client:
            shown = (await client.get(f"/v1/documents/{document}")).json()
            seen[role] = (
                shown["held"],
                (await client.get(f"/v1/documents/{free}")).json()["held"],
                shown["hold"] is not None,
            )
    assert seen == {"reader": (None, None, False), "contributor": (True, False, False), "curator": (True, False, True)}
    look = {"filter": {"names": ["*"]}, "dry_run": True}
    for body in (look, look | {"dry_run": False}):
        answer = (await admin.post(f"{URL}/delete", json=body)).json()
        assert {one["document_id"]: one["held"] for one in answer["documents"]} == {free: False, document: True}
