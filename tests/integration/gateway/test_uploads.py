"""Uploads through the gateway: sealed at rest, recorded in one transaction, idempotent, bounded while they stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Unavailable
from assay_store import keys
from sqlalchemy import text

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/documents"


def form(data: bytes, name: str = "leave.md") -> dict[str, Any]:
    return {"files": {"file": (name, data)}}


async def test_an_upload_is_recorded_and_sealed(door: Any, admin: httpx.AsyncClient) -> None:
    data = b"# Leave\n\nTwenty-eight days.\n" * 1000
    answer = await admin.post(URL, data={"name": "rules/leave.md", "metadata": '{"author": "Ada"}'}, **form(data))
    assert answer.status_code == 202
    upload = answer.json()
    assert (upload["name"], upload["version"], upload["unchanged"]) == ("rules/leave.md", 1, False)
    assert (upload["size_bytes"], upload["state"]) == (len(data), "received")
    assert await plain_bytes(door, upload["document_id"], upload["sha256"]) == data
    for key in door.blobs.keys(""):
        with door.blobs.open(key) as blob:
            assert b"Twenty-eight" not in blob.read()
    with door.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 1
    shown = (await admin.get(f"/v1/documents/{upload['document_id']}")).json()
    assert shown["metadata"] == {"author": "Ada"}
    assert shown["media_type"] == "text/markdown"


async def plain_bytes(door: Any, document: str, sha256: str) -> bytes:
    identity = DocumentId(TenantId("default"), document)
    with door.database.transaction() as connection:
        key = keys.of(connection, door.vault, identity)
    with door.blobs.open(f"documents/default/{document}/{key.digest(sha256)}") as blob:
        return b"".join(key.open_stream(blob))


async def test_the_same_bytes_again_change_nothing(door: Any, admin: httpx.AsyncClient) -> None:
    first = await admin.post(URL, **form(b"same"))
    again = await admin.post(URL, **form(b"same"))
    other = await admin.post(URL, **form(b"other"))
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 202)
    assert again.json()["unchanged"] is True
    assert (again.json()["version"], other.json()["version"]) == (1, 2)
    assert not list(door.blobs.keys("uploads"))


async def test_twenty_first_uploads_of_one_name_make_one_document(door: Any, admin: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(admin.post(URL, **form(f"text {n}".encode())) for n in range(12)))
    assert {a.status_code for a in answers} <= {202, 409}
    assert [a.status_code for a in answers].count(202) >= 2
    good = [a.json() for a in answers if a.status_code == 202]
    assert len({g["document_id"] for g in good}) == 1
    assert sorted(g["version"] for g in good) == list(range(1, len(good) + 1))
    for upload in good:
        assert (await plain_bytes(door, upload["document_id"], upload["sha256"])).startswith(b"text ")
    assert not list(door.blobs.keys("uploads"))


async def test_an_idempotent_upload_is_replayed_byte_for_byte(door: Any, admin: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(admin.post(URL, headers=headers, **form(b"once")) for _ in range(5)))
    assert {a.status_code for a in answers} == {202}
    assert len({a.content for a in answers}) == 1
    later = await admin.post(URL, headers=headers, **form(b"once"))
    assert later.content == answers[0].content
    other = await admin.post(URL, headers=headers, **form(b"other body"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    with door.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM versions")).scalar_one() == 1


async def test_idempotency_keys_are_not_shared_between_tenants(door: Any, admin: httpx.AsyncClient) -> None:
    mine = await admin.post(URL, headers={"Idempotency-Key": "k"}, **form(b"mine"))
    async with door.client(door.enrol("eve", "administrator", tenant="other")) as eve:
        await eve.post("/v1/collections", json={"name": "handbook"})
        theirs = await eve.post(URL, headers={"Idempotency-Key": "k"}, **form(b"mine"))
    assert theirs.status_code == 202
    assert theirs.json()["document_id"] != mine.json()["document_id"]


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"", "empty.txt", 400, "empty"),
        (b"\x7fELF\x02\x01", "tool", 415, "unknown_type"),
        (b"MZ\x90\0\x03\0\0\0%PDF-1.7", "invoice.pdf", 415, "unknown_type"),
        (b"\x1f\x8b\x08rest", "book.tar.gz", 415, "unknown_type"),
        (b"\0\0\0\x20ftypheic", "x.heic", 415, "unknown_type"),
        (b"x" * (3 * 2**20 + 1), "big.txt", 413, "too_large"),
        (b"x" * (5 * 2**20), "bigger.txt", 413, "too_large"),
        (b"text", "n" * 300, 400, "bad_name"),
        (b"text", "../..", 400, "bad_name"),
    ],
)
async def test_what_cannot_be_accepted_is_refused(
    door: Any, admin: httpx.AsyncClient, data: bytes, name: str, status: int, code: str
) -> None:
    answer = await admin.post(URL, data={"name": name}, **form(data, name="f"))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert not list(door.blobs.keys(""))
    with door.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM documents")).scalar_one() == 0


async def test_refusals_say_what_is_accepted(admin: httpx.AsyncClient) -> None:
    program = (await admin.post(URL, **form(b"\x7fELF\x02\x01"))).json()["detail"]
    assert "a program" in program
    assert "Markdown" in program
    assert "TIFF" in program
    large = (await admin.post(URL, **form(b"x" * (3 * 2**20 + 1)))).json()["detail"]
    assert "3,145,728" in large
    assert "ASSAY_UPLOADS__MAX_BYTES" in large


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=" + "b" * 300, b"x"),
        ("multipart/form-data; boundary=b", b"no form"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf'),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n'),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n1\r\n--b--\r\n',
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nno name\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"h: " + b"x" * 40_000 + b"\r\n\r\n--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n' * 100_000 + b"--b--\r\n",
        ),
    ],
)
async def test_broken_forms_are_refused(admin: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    answer = await admin.post(URL, content=body, headers={"Content-Type": content_type})
    assert answer.status_code in (400, 413, 415, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("metadata", ["[]", "{", '{"a": 1}', json.dumps({"a": "x" * 1001}), '{"a": "\\u0000"}'])
async def test_bad_metadata_is_refused(admin: httpx.AsyncClient, metadata: str) -> None:
    answer = await admin.post(URL, data={"metadata": metadata}, **form(b"text"))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_metadata")


async def test_a_stalled_upload_is_given_up(admin: httpx.AsyncClient, door: Any) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nslow'
        await asyncio.sleep(30)
        yield b"\r\n--b--\r\n"

    answer = await admin.post(URL, content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert not list(door.blobs.keys(""))


async def test_a_full_disk_is_said(door: Any, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: str, chunks: Any) -> int:
        next(iter(chunks))
        raise Unavailable("The disk is full.", code="storage_full")

    monkeypatch.setattr(door.blobs, "put", full)
    answer = await admin.post(URL, **form(b"x" * 2**20))
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")


async def test_uploads_need_a_role_and_a_readable_collection(door: Any, admin: httpx.AsyncClient) -> None:
    async with door.client(door.enrol("rita", "reader")) as rita:
        assert (await rita.post(URL, **form(b"x"))).status_code == 403
    missing = await admin.post("/v1/collections/nothing/documents", **form(b"x"))
    assert (missing.status_code, missing.json()["code"]) == (404, "collection_not_found")


async def test_a_deleted_document_can_be_uploaded_anew(door: Any, admin: httpx.AsyncClient) -> None:
    first = (await admin.post(URL, **form(b"one"))).json()
    gone = await admin.delete(f"/v1/documents/{first['document_id']}")
    assert gone.status_code == 202
    assert (await admin.get(f"/v1/documents/{first['document_id']}")).status_code == 404
    anew = (await admin.post(URL, **form(b"one"))).json()
    assert anew["document_id"] != first["document_id"]
    with door.database.transaction() as connection:
        identity = DocumentId(TenantId("default"), first["document_id"])
        assert keys.wrapped(connection, identity) is None


async def test_metadata_takes_the_form_of_the_declared_fields(admin: httpx.AsyncClient) -> None:
    await admin.patch("/v1/collections/handbook", json={"settings": {"fields": {"year": "number", "tags": "tags"}}})
    given = {"year": 2024, "tags": ["a", "b"], "author": "Ada"}
    sent = await admin.post(URL, data={"metadata": json.dumps(given)}, files={"file": ("a.md", b"text")})
    assert sent.status_code == 202, sent.text
    document = f"/v1/documents/{sent.json()['document_id']}"
    assert (await admin.get(document)).json()["metadata"] == given
    bad = await admin.post(URL, data={"metadata": '{"year": "soon"}'}, files={"file": ("b.md", b"text")})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_metadata")
    changed = await admin.patch(document, json={"metadata": {"year": "2025", "tags": None}})
    assert changed.json()["metadata"] == {"year": 2025.0, "author": "Ada"}
    refused = await admin.patch(document, json={"metadata": {"author": 7}})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_metadata")
    unknown = await admin.post("/v1/collections/handbook/search", json={"query": "x", "filter": {"colour": "red"}})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "bad_filter")
