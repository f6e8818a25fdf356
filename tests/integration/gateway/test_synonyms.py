"""Terms that mean the same: decided by curators, suggested by documents that they may read."""

from typing import Any

import httpx
import pytest
from assay_core.search import SearchResult
from assay_core.synonyms import Expansion

pytestmark = pytest.mark.integration
URL = "/v1/collections/handbook/synonyms"


async def test_curators_decide_what_means_the_same(door: Any, admin: httpx.AsyncClient) -> None:
    assert (await admin.get(URL)).json() == {"groups": []}
    added = await admin.post(URL, json={"terms": ["PTO", "paid time off"]})
    assert added.json() == {"groups": [["PTO", "paid time off"]]}
    await admin.post(URL, json={"terms": ["pto", "leave"]})
    settings = (await admin.get("/v1/collections/handbook")).json()["settings"]
    assert settings["synonyms"] == [["PTO", "paid time off", "leave"]]
    removed = await admin.delete(f"{URL}/paid%20time%20off")
    assert removed.json() == {"groups": [["PTO", "leave"]]}
    unknown = await admin.delete(f"{URL}/vacation")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "bad_synonyms")
    async with door.client(door.enrol("rita", "reader")) as reader:
        assert (await reader.post(URL, json={"terms": ["a", "b"]})).status_code == 403
        assert (await reader.get(f"{URL}/candidates")).status_code == 403


@pytest.mark.parametrize(
    ("terms", "status", "code"),
    [
        ([], 422, "validation"),
        (["PTO"], 422, "validation"),
        (["PTO", "pto"], 400, "bad_synonyms"),
        (["PTO", "\U0001f600"], 400, "bad_synonyms"),
        (["PTO", "x" * 101], 400, "bad_synonyms"),
        ([7, 8], 422, "validation"),
    ],
)
async def test_what_is_no_group_is_refused(admin: httpx.AsyncClient, terms: list[Any], status: int, code: str) -> None:
    answer = await admin.post(URL, json={"terms": terms})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_search_says_what_else_it_looked_for(door: Any, admin: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((), {}, expansions=(Expansion("PTO", ("paid time off",)),))
    answer = await admin.post("/v1/collections/handbook/search", json={"query": "PTO", "explain": True})
    assert answer.json()["understood"]["synonyms"] == [{"term": "PTO", "added": ["paid time off"]}]
