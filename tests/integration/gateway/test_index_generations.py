"""Curators have another index built, compared and asked; what cannot be done is said."""

from typing import Any

import httpx
import pytest
from assay_core.index_generations import GenerationState
from assay_store import index_generations

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/index"


def filled(door: Any) -> None:
    """The indexer, as far as it matters here."""
    with door.database.transaction() as connection:
        for one in index_generations.due(connection):
            index_generations.advance(connection, one, GenerationState.READY)


async def states(client: httpx.AsyncClient) -> list[tuple[int, str, str]]:
    return [(g["number"], g["index_kind"], g["state"]) for g in (await client.get(URL)).json()["generations"]]


async def test_an_index_takes_the_place_of_another_and_gives_it_back(door: Any, admin: httpx.AsyncClient) -> None:
    assert await states(admin) == [(1, "hnsw", "active")]
    begun = await admin.post(URL, json={"index_kind": "ivf_sq8"})
    assert (begun.status_code, begun.json()["state"], begun.json()["changed_by"]) == (202, "building", "admin")
    early = await admin.post(f"{URL}/switch", json={})
    assert (early.status_code, early.json()["code"]) == (409, "generation_not_ready")
    filled(door)
    unknown = await admin.post(f"{URL}/switch", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "gate_failed")
    compared = (await admin.post(f"{URL}/compare", json={"dataset": "golden"})).json()
    assert (compared["dataset"], compared["low"], compared["passed"]) == ("golden", -0.018, True)
    switched = await admin.post(f"{URL}/switch", json={"override_reason": "memory"})
    assert (switched.json()["state"], switched.json()["reason"]) == ("active", "memory")
    assert (await admin.get("/v1/collections/handbook")).json()["index_kind"] == "ivf_sq8"
    back = await admin.post(f"{URL}/rollback")
    assert (back.json()["number"], back.json()["state"]) == (1, "active")
    gone = await admin.delete(f"{URL}/beside")
    assert (gone.status_code, gone.json()["state"]) == (202, "leaving")
    assert await states(admin) == [(2, "ivf_sq8", "leaving"), (1, "hnsw", "active")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"index_kind": "hnsw"}, 400, "same_index"),
        ({"index_kind": "annoy"}, 400, "bad_index_kind"),
        ({"index_kind": "hnsw:ef=1"}, 400, "bad_index_kind"),
        ({}, 400, "same_index"),
        ({"language": "xx"}, 400, "bad_index_kind"),
        ({"language": ["de"]}, 422, "validation"),
    ],
)
async def test_what_is_no_other_index_is_refused(
    admin: httpx.AsyncClient, body: dict[str, str], status: int, code: str
) -> None:
    answer = await admin.post(URL, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await states(admin) == [(1, "hnsw", "active")]


async def test_readers_look_and_change_nothing(door: Any, admin: httpx.AsyncClient) -> None:
    async with door.client(door.enrol("rita", "reader")) as reader:
        assert (await reader.get(URL)).status_code == 200
        assert (await reader.post(URL, json={"index_kind": "flat"})).status_code == 403
        for path in (f"{URL}/compare", f"{URL}/switch"):
            assert (await reader.post(path, json={})).status_code == 403
        assert (await reader.post(f"{URL}/rollback")).status_code == 403
        assert (await reader.delete(f"{URL}/beside")).status_code == 403
    with door.database.transaction() as connection:
        assert index_generations.due(connection) == []
    missing = await admin.get("/v1/collections/nowhere/index")
    assert missing.status_code == 404
