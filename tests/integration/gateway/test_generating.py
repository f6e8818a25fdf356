"""Golden sets from documents through the real gateway: what is read is what the asker may read."""

from typing import Any

import httpx
import pytest
from assay_core.errors import Invalid
from assay_core.search import SearchResult
from assay_evals.generating.collection import finder, sources_of
from assay_evals.generating.generate import generate
from assay_testing.answers import hit
from sqlalchemy import text

from .conftest import Live, ingest
from .test_feedback import hide

pytestmark = pytest.mark.integration

POLICY = "# Travel\n\nThe daily allowance is EUR 48 for trips abroad.\n\nThe review takes up to ten working days."
LONG = "# Archive\n\n" + "Nothing of note was written here, day after day. " * 2_500 + "\n\nThe deposit is EUR 7."


async def test_questions_come_from_what_the_asker_may_read(live: Live, admin: httpx.AsyncClient) -> None:
    door: Any = live.door
    ids: dict[str, str] = {}
    for name, body in (("travel.md", POLICY), ("archive.md", LONG)):
        answer = await admin.post("/v1/collections/handbook/documents", files={"file": (name, body.encode())})
        ids[name] = answer.json()["document_id"]
    ingest(door)
    publish(door)
    hits = tuple(
        hit(name, part, rank=rank)
        for rank, (name, part) in enumerate(
            [
                ("travel.md", POLICY.split("\n\n")[1]),
                ("travel.md", POLICY.split("\n\n")[2]),
                ("archive.md", LONG[-30:]),
            ],
            1,
        )
    )
    door.retriever.result = SearchResult(hits, {})
    with live.client() as client:
        sources = sources_of(client, "handbook", limit=10)
        assert [source.name for source in sources] == ["archive.md", "travel.md"]
        assert "The deposit is EUR 7" in sources[0].text, "long texts are read to their end"
        found = generate(sources, 10, find=finder(client, "handbook"), seed=1)
    asked = {question.question for question in found.questions}
    assert asked >= {"How much is the daily allowance?", "How much is the deposit?"}
    hide(door, ids["travel.md"])
    with live.client(door.enrol("eva", "evaluator")) as client:
        seen = sources_of(client, "handbook", limit=10)
        assert [source.name for source in seen] == ["archive.md"]
        with pytest.raises(Invalid, match="no document that you may read"):
            generate([], 10, find=finder(client, "handbook"), seed=1)


def publish(door: Any) -> None:
    """Do as the indexer does when rows are written."""
    with door.database.transaction() as connection:
        connection.execute(text("UPDATE versions SET state = 'ready'"))
        connection.execute(text("UPDATE documents SET live_version = 1"))
