"""Golden sets over HTTP: versions, hashes, what is erased, and who may see what."""

import hashlib
from typing import Any

import httpx
import pytest
from assay_core.documents import TenantId
from assay_core.evaluation import GoldenQuestion
from assay_core.golden_sets import as_jsonl, read_question
from assay_gateway.first_run import ADMINISTRATOR
from assay_store import access, collections, golden_sets
from assay_store.golden_sets import Origin
from sqlalchemy import text

from .conftest import ingest

pytestmark = pytest.mark.integration

URL = "/v1/evaluations/datasets/handbook/golden"
QUOTE = "Parental leave is 28 days"
QUESTIONS = [
    {"id": "q1", "question": "How many days?", "answer": "28", "passages": [{"document": "leave.md", "quote": QUOTE}]},
    {"id": "q2", "question": "Who cooks?", "answerable": False, "about": ["canteen.md"]},
    {"id": "q3", "question": "When?", "answerable": False},
]


async def put(client: httpx.AsyncClient, *questions: dict[str, Any], **facts: str) -> dict[str, Any]:
    answer = await client.put(URL, json={"questions": questions, **facts})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def upload(door: Any, client: httpx.AsyncClient, *names: str) -> dict[str, str]:
    """Upload documents of these names. Returns their ids."""
    ids: dict[str, str] = {}
    for name in names:
        body = {"file": (name, f"# Title\n\n{QUOTE}, it says in {name}.".encode())}
        answer = await client.post("/v1/collections/handbook/documents", files=body)
        assert answer.status_code == 202, answer.text
        ids[name] = answer.json()["document_id"]
    ingest(door)
    return ids


async def test_each_change_is_a_version_and_old_ones_stay(admin: httpx.AsyncClient) -> None:
    first = await put(admin, *QUESTIONS, licence="CC0-1.0", source="by hand")
    assert (first["version"], first["questions"], first["licence"]) == (1, 3, "CC0-1.0")
    assert await put(admin, *reversed(QUESTIONS), licence="CC0-1.0", source="by hand") == first
    second = await put(admin, *QUESTIONS[1:])
    assert second["version"] == 2
    newest = (await admin.get(URL)).json()
    assert [q["id"] for q in newest["content"]] == ["q2", "q3"]
    old = (await admin.get(URL, params={"version": 1})).json()
    lines = as_jsonl([read_question(q, "here") for q in old["content"]])
    assert hashlib.sha256(lines.encode()).hexdigest() == old["sha256"] == first["sha256"]
    versions = (await admin.get(f"{URL}/versions")).json()["datasets"]
    assert [one["version"] for one in versions] == [2, 1]
    listed = (await admin.get("/v1/evaluations/datasets/handbook")).json()["datasets"]
    assert [(one["dataset"], one["version"]) for one in listed] == [("golden", 2)]
    assert (await admin.get(URL, params={"version": 3})).json()["code"] == "dataset_not_found"


async def test_what_cannot_be_stored_is_refused(admin: httpx.AsyncClient) -> None:
    assert (await admin.put(URL, json={"questions": []})).status_code == 422
    assert (await admin.put(URL.replace("golden", "a b"), json={"questions": QUESTIONS})).status_code == 422
    assert (await admin.put(URL.replace("handbook", "none"), json={"questions": QUESTIONS})).status_code == 404
    twice = await admin.put(URL, json={"questions": [*QUESTIONS, QUESTIONS[0]]})
    assert (twice.status_code, "question 4" in twice.json()["detail"]) == (400, True)
    assert (await admin.get(URL)).json()["code"] == "dataset_not_found"


async def test_questions_are_sealed_in_the_database(door: Any, admin: httpx.AsyncClient) -> None:
    await put(admin, *QUESTIONS)
    with door.database.transaction() as connection:
        rows = connection.execute(text("SELECT golden_questions::text FROM golden_questions")).scalars().all()
    assert len(rows) == 3
    assert not any(QUOTE.encode().hex() in row or "leave" in row for row in rows)


async def test_questions_go_with_their_documents_in_every_version(door: Any, admin: httpx.AsyncClient) -> None:
    ids = await upload(door, admin, "leave.md", "canteen.md")
    await put(admin, *QUESTIONS)
    await put(admin, *QUESTIONS[:2])
    for name in ("leave.md", "canteen.md"):
        assert (await admin.delete(f"/v1/documents/{ids[name]}")).status_code == 202
    found = (await admin.get(URL, params={"version": 1})).json()
    assert [q["id"] for q in found["content"]] == ["q3"]
    assert (found["questions"], found["erased"], found["hidden"]) == (3, 2, 0)
    assert (await admin.get(URL)).json()["erased"] == 2
    again = await put(admin, QUESTIONS[2])
    assert again["version"] == 3


async def test_nobody_sees_questions_about_documents_that_they_may_not_read(
    door: Any, admin: httpx.AsyncClient
) -> None:
    ids = await upload(door, admin, "leave.md")
    await put(admin, *QUESTIONS)
    key = door.enrol("eva", "evaluator")
    async with door.client(key) as eva:
        assert len((await eva.get(URL)).json()["content"]) == 3
        with door.database.transaction() as connection:
            hide(connection, ids["leave.md"])
        found = (await eva.get(URL)).json()
    assert [q["id"] for q in found["content"]] == ["q2", "q3"]
    assert found["hidden"] == 1


def hide(connection: Any, document: str) -> None:
    secret = access.acl_for(connection, TenantId("default"), allow=["admin"])
    connection.execute(text("UPDATE documents SET acl = :a WHERE id = :d"), {"a": secret, "d": document})


async def test_only_evaluators_may(door: Any, admin: httpx.AsyncClient) -> None:
    await put(admin, *QUESTIONS)
    async with door.client(door.enrol("rob", "reader")) as reader:
        for url in (URL, f"{URL}/versions", "/v1/evaluations/datasets/handbook"):
            assert (await reader.get(url)).json()["code"] == "forbidden"
        assert (await reader.put(URL, json={"questions": QUESTIONS})).json()["code"] == "forbidden"


async def test_questions_are_added_to_a_set_that_keeps_its_licence(admin: httpx.AsyncClient) -> None:
    await put(admin, *QUESTIONS[:2], licence="CC0-1.0", source="by hand")
    added = await admin.post(f"{URL}/questions", json={"questions": [QUESTIONS[2]]})
    assert (added.status_code, added.json()["version"], added.json()["questions"]) == (201, 2, 3)
    assert (added.json()["licence"], added.json()["source"]) == ("CC0-1.0", "by hand")
    fresh = await admin.post(f"{URL}-2/questions", json={"questions": [QUESTIONS[0]], "source": "review"})
    assert (fresh.json()["version"], fresh.json()["source"]) == (1, "review")


async def test_a_candidate_is_not_approved_by_adding_to_it(door: Any, admin: httpx.AsyncClient) -> None:
    with door.database.transaction() as connection:
        place = collections.get(connection, ADMINISTRATOR, "handbook")
        case = GoldenQuestion("q1", "Who?", "", False)
        golden_sets.put(connection, door.vault, place.id, "golden", [case], Origin("admin", candidate=True))
    refused = await admin.post(f"{URL}/questions", json={"questions": [QUESTIONS[2]]})
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_not_approved")


@pytest.mark.usefixtures("admin")
async def test_only_evaluators_add_questions(door: Any) -> None:
    async with door.client(door.enrol("bob", "reader")) as bob:
        refused = await bob.post(f"{URL}/questions", json={"questions": [QUESTIONS[0]]})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
