"""Feedback and labels over HTTP: who may say what of which answer, what a review makes of it, and what is erased."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from assay_core.answers import Answer, Claim, Verdict
from assay_core.documents import CollectionId, DocumentId, TenantId
from assay_core.search import EvidenceVersion
from assay_store import access, answers, golden_sets
from assay_store.answers import AnswerFacts
from assay_store.ids import new_id
from assay_testing.answers import answer, citation, hit
from assay_wire import internal
from sqlalchemy import text

from .conftest import ingest

pytestmark = pytest.mark.integration

TENANT = TenantId("default")
FIRST, SECOND = "Leave is twenty days.", "The canteen is blue."


async def answered(door: Any, admin: httpx.AsyncClient, principal: str) -> tuple[str, str]:
    """Store an answer that rests on a document. Returns the ids of both."""
    file = {"file": ("leave.md", f"# Leave\n\n{FIRST} {new_id()}".encode())}
    uploaded = await admin.post("/v1/collections/handbook/documents", files=file)
    document = uploaded.json()["document_id"]
    ingest(door)
    collection = (await admin.get("/v1/collections/handbook")).json()["id"]
    return store(door, principal, collection, document), document


def store(door: Any, principal: str, collection: str, document: str) -> str:
    place = DocumentId(TENANT, document)
    given: Answer = replace(
        answer(f"{FIRST} {SECOND}", sources=(replace(hit("leave.md", FIRST), document=place),)),
        id=new_id(),
        citations=(replace(citation("leave.md", FIRST), document=place),),
        claims=(
            Claim(0, len(FIRST), Verdict.SUPPORTED, 0.9, (1,)),
            Claim(len(FIRST) + 1, len(FIRST) + 1 + len(SECOND), Verdict.UNSUPPORTED, 0.2),
        ),
    )
    facts = AnswerFacts(
        given.id, CollectionId(TENANT, collection), principal, given.outcome, "m", "v1", False,
        (EvidenceVersion(place, 1),),
    )  # fmt: skip
    with door.database.transaction() as connection:
        answers.record(connection, door.vault, facts, internal.answer.dump_json(given))
    return given.id


def hide(door: Any, document: str) -> None:
    with door.database.transaction() as connection:
        secret = access.acl_for(connection, TENANT, allow=["bob"])
        connection.execute(text("UPDATE documents SET acl = :a WHERE id = :d"), {"a": secret, "d": document})


async def test_feedback_becomes_a_case_after_review(door: Any, admin: httpx.AsyncClient) -> None:
    bob = door.client(door.enrol("bob", "reader"))
    eva = door.client(door.enrol("eva", "evaluator"))
    given, _ = await answered(door, admin, "bob")
    said = {"thumb": "down", "corrected_answer": "It is 25 days.", "comment": "old"}
    first = (await bob.post(f"/v1/answers/{given}/feedback", json=said)).json()
    again = await bob.post(f"/v1/answers/{given}/feedback", json=said | {"comment": "new"})
    assert again.status_code == 201
    found = (await eva.get("/v1/feedback", params={"state": "open", "collection": "handbook"})).json()["feedback"]
    assert [(f["id"], f["comment"], f["given_by"]) for f in found] == [(again.json()["id"], "new", "bob")]
    assert first["id"] != found[0]["id"]
    detail = (await eva.get(f"/v1/feedback/{found[0]['id']}")).json()
    assert detail["about"]["answer"] == f"{FIRST} {SECOND}"
    reviewed = (await eva.post(f"/v1/feedback/{found[0]['id']}/review", json={"decision": "accept"})).json()
    assert (reviewed["feedback"]["state"], reviewed["stored"]["dataset"]) == ("accepted", "feedback")
    case = (await eva.get("/v1/evaluations/datasets/handbook/feedback")).json()["content"][0]
    assert (case["answer"], case["passages"][0]["quote"]) == ("It is 25 days.", FIRST)
    twice = await eva.post(f"/v1/feedback/{found[0]['id']}/review", json={"decision": "reject"})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_reviewed")


async def test_cases_are_added_to_those_that_are_there(door: Any, admin: httpx.AsyncClient) -> None:
    url = "/v1/evaluations/datasets/handbook/golden"
    await admin.put(url, json={"questions": [{"id": "q1", "question": "Who?", "answerable": False}]})
    for _ in range(2):
        given, _ = await answered(door, admin, "admin")
        said = (await admin.post(f"/v1/answers/{given}/feedback", json={"thumb": "up"})).json()
        review = {"decision": "accept", "dataset": "golden"}
        assert (await admin.post(f"/v1/feedback/{said['id']}/review", json=review)).status_code == 200
    found = (await admin.get(url)).json()
    assert (found["version"], len(found["content"])) == (3, 3)


async def test_what_is_rejected_makes_nothing(door: Any, admin: httpx.AsyncClient) -> None:
    given, _ = await answered(door, admin, "admin")
    said = (await admin.post(f"/v1/answers/{given}/feedback", json={"comment": "hm"})).json()
    unclear = await admin.post(f"/v1/feedback/{said['id']}/review", json={"decision": "accept"})
    assert (unclear.status_code, unclear.json()["code"]) == (400, "no_answer")
    done = (await admin.post(f"/v1/feedback/{said['id']}/review", json={"decision": "reject"})).json()
    assert (done["feedback"]["state"], done["stored"]) == ("rejected", None)
    assert (await admin.get("/v1/evaluations/datasets/handbook")).json() == {"datasets": []}


async def test_only_who_asked_says_and_only_evaluators_review(door: Any, admin: httpx.AsyncClient) -> None:
    bob, rob = door.client(door.enrol("bob", "reader")), door.client(door.enrol("rob", "reader"))
    eva = door.client(door.enrol("eva", "evaluator"))
    given, _ = await answered(door, admin, "bob")
    for stranger in (rob, eva):
        refused = await stranger.post(f"/v1/answers/{given}/feedback", json={"thumb": "up"})
        assert (refused.status_code, refused.json()["code"]) == (404, "answer_not_found")
    said = (await bob.post(f"/v1/answers/{given}/feedback", json={"thumb": "up"})).json()
    review = await bob.post(f"/v1/feedback/{said['id']}/review", json={"decision": "accept"})
    assert review.json()["code"] == "forbidden"
    assert [f["id"] for f in (await bob.get("/v1/feedback")).json()["feedback"]] == [said["id"]]
    assert (await rob.get("/v1/feedback")).json() == {"feedback": []}
    assert (await rob.get(f"/v1/feedback/{said['id']}")).status_code == 404
    assert (await bob.get("/v1/evaluations/labels")).json()["code"] == "forbidden"


async def test_empty_feedback_is_refused(door: Any, admin: httpx.AsyncClient) -> None:
    given, _ = await answered(door, admin, "admin")
    for nothing in ({}, {"comment": " "}, {"missing_quote": "x"}, {"thumb": "sideways"}):
        assert (await admin.post(f"/v1/answers/{given}/feedback", json=nothing)).status_code == 422
    assert (await admin.get("/v1/feedback")).json() == {"feedback": []}


async def test_evaluators_see_nothing_about_documents_that_they_may_not_read(
    door: Any, admin: httpx.AsyncClient
) -> None:
    bob, eva = door.client(door.enrol("bob", "reader")), door.client(door.enrol("eva", "evaluator"))
    given, document = await answered(door, admin, "bob")
    said = (await bob.post(f"/v1/answers/{given}/feedback", json={"thumb": "up"})).json()
    label = {"labels": [{"claim": 0, "label": "supported"}]}
    assert (await eva.put(f"/v1/answers/{given}/labels", json=label)).status_code == 200
    assert (await eva.get(f"/v1/evaluations/answers/{given}")).json()["answer"] == f"{FIRST} {SECOND}"
    assert (await bob.get(f"/v1/evaluations/answers/{given}")).json()["code"] == "forbidden"
    hide(door, document)
    assert (await eva.get("/v1/feedback")).json() == {"feedback": []}
    assert (await eva.get("/v1/evaluations/labels")).json() == {"claims": []}
    for refused in (
        await eva.get(f"/v1/feedback/{said['id']}"),
        await eva.post(f"/v1/feedback/{said['id']}/review", json={"decision": "accept"}),
        await eva.put(f"/v1/answers/{given}/labels", json=label),
        await eva.get(f"/v1/answers/{given}/labels"),
        await eva.get(f"/v1/evaluations/answers/{given}"),
    ):
        assert refused.status_code == 404


async def test_words_are_sealed_and_go_with_the_document(door: Any, admin: httpx.AsyncClient) -> None:
    given, document = await answered(door, admin, "admin")
    said = (await admin.post(f"/v1/answers/{given}/feedback", json={"comment": "a secret word"})).json()
    await admin.put(f"/v1/answers/{given}/labels", json={"labels": [{"claim": 1, "label": "contradicted"}]})
    with door.database.transaction() as connection:
        rows = connection.execute(text("SELECT feedback::text FROM feedback")).scalars().all()
    assert not any("secret" in row or b"secret".hex() in row for row in rows)
    assert (await admin.delete(f"/v1/documents/{document}")).status_code == 202
    assert (await admin.get(f"/v1/feedback/{said['id']}")).status_code == 404
    with door.database.transaction() as connection:
        left = connection.execute(text("SELECT (SELECT count(*) FROM feedback) + count(*) FROM claim_labels"))
        assert left.scalar_one() == 0


async def test_labels_are_listed_with_what_judges_need(door: Any, admin: httpx.AsyncClient) -> None:
    bob, eva = door.client(door.enrol("bob", "reader")), door.client(door.enrol("eva", "evaluator"))
    given, _ = await answered(door, admin, "bob")
    url = f"/v1/answers/{given}/labels"
    labels = [{"claim": 0, "label": "supported"}, {"claim": 1, "label": "not_enough"}]
    assert (await bob.put(url, json={"labels": [{"claim": 0, "label": "contradicted"}]})).status_code == 200
    assert (await eva.put(url, json={"labels": labels})).json() == {"labels": labels}
    assert (await eva.put(url, json={"labels": labels})).json() == {"labels": labels}
    assert (await eva.get(url)).json() == {"labels": labels}
    assert (await bob.get(url)).json()["labels"][0]["label"] == "contradicted"
    found = (await eva.get("/v1/evaluations/labels", params={"collection": "handbook"})).json()["claims"]
    assert len(found) == 3
    mine = [one for one in found if one["labelled_by"] == "eva"]
    assert [(one["text"], one["label"], one["verdict"]) for one in mine] == [
        (FIRST, "supported", "supported"),
        (SECOND, "not_enough", "unsupported"),
    ]
    assert mine[0]["sources"] == [FIRST]
    for bad in ([{"claim": 2, "label": "supported"}], [labels[0], labels[0]], [{"claim": 0, "label": "maybe"}]):
        assert (await eva.put(url, json={"labels": bad})).status_code in (400, 422)
    assert len((await eva.get("/v1/evaluations/labels")).json()["claims"]) == 3


async def test_traffic_becomes_a_candidate_that_nights_pass_over_until_it_is_approved(
    door: Any, admin: httpx.AsyncClient
) -> None:
    eva = door.client(door.enrol("eva", "evaluator"))
    url = "/v1/evaluations/datasets/handbook/traffic-week"
    empty = await eva.post(f"{url}/sample", json={})
    assert (empty.status_code, empty.json()["code"]) == (400, "empty_sample")
    given, document = await answered(door, admin, "bob")
    drawn = (await eva.post(f"{url}/sample", json={"questions": 5})).json()
    assert (drawn["candidate"], drawn["questions"], drawn["version"]) == (True, 1, 1)
    assert (await eva.post(f"{url}/sample", json={"questions": 5})).json() == drawn
    (case,) = (await eva.get(url)).json()["content"]
    assert (case["id"], case["type"]) == (f"traffic-{given}", "traffic")
    assert reviewed(door) == []
    approved = (await eva.post(f"{url}/approve")).json()
    assert (approved["candidate"], approved["version"]) == (False, 2)
    assert reviewed(door) == ["traffic-week"]
    hide(door, document)
    refused = await eva.post(f"{url}/sample", json={})
    assert refused.json()["code"] == "empty_sample"
    async with door.client(door.enrol("rob", "reader")) as reader:
        for verb in ("sample", "approve"):
            assert (await reader.post(f"{url}/{verb}", json={})).json()["code"] == "forbidden"


def reviewed(door: Any) -> list[str]:
    with door.database.transaction() as connection:
        place = connection.execute(text("SELECT id FROM collections")).scalar_one()
        sets = golden_sets.listing(connection, CollectionId(TENANT, place))
    return [one.name for one in sets if not one.candidate]
