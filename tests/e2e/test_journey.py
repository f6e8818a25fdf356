"""Upload → ask → cited answer → edit → new answer → delete → gone, on the real platform."""

import json
import time
from pathlib import Path
from uuid import uuid4

import pytest
from assay_core.errors import NotFound
from assay_testing import sample
from assay_wire.clients import AssayClient
from assay_wire.public import Answer, Citation
from PIL import Image, ImageDraw, ImageFont

from .conftest import RunningPlatform

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIRST = """# Rules of the lending desk

## Deposit

The deposit for a measuring case is 40 EUR.

## Opening hours

The lending desk opens at 8:30 on weekdays.
"""
EDITED = FIRST.replace("40 EUR", "65 EUR")
QUESTION = "How much is the deposit for a measuring case?"


def ingest(platform: RunningPlatform, path: Path, collection: str) -> None:
    done = platform.assay("ingest", str(path), "--collection", collection, "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def quoted_bytes_are_stored(client: AssayClient, citation: Citation) -> bool:
    """Whether the quote equals the canonical text of its version at its offsets."""
    place = client.document_text(
        citation.document_id, citation.version, start=citation.start, end=citation.end, context=0
    )
    return place.text == citation.quote


def ask(client: AssayClient, collection: str, question: str = QUESTION) -> Answer:
    return client.ask(collection, question)


def test_the_way_of_a_document(generating: RunningPlatform, client: AssayClient, tmp_path: Path):
    collection = f"journey-{uuid4().hex[:8]}"
    path = tmp_path / "lending-desk.md"
    path.write_text(FIRST)
    ingest(generating, path, collection)

    first = ask(client, collection)
    assert "40" in first.answer
    assert first.citations
    assert all(c.document_name == "lending-desk.md" and c.version == 1 for c in first.citations)
    assert all(quoted_bytes_are_stored(client, c) for c in first.citations)

    path.write_text(EDITED)
    ingest(generating, path, collection)
    second = ask(client, collection)
    assert "65" in second.answer
    assert "40" not in second.answer
    assert {c.version for c in second.citations} == {2}
    assert all(quoted_bytes_are_stored(client, c) for c in second.citations)

    document = second.citations[0].document_id
    client.delete_document(document)
    gone = ask(client, collection)
    assert gone.outcome == "nothing_found"
    assert gone.citations == []
    assert client.search(collection, QUESTION, cache="bypass").hits == []
    with pytest.raises(NotFound):
        client.document(document)


def test_deleted_bytes_leave_the_stores(platform: RunningPlatform, client: AssayClient, tmp_path: Path):
    collection = f"erase-{uuid4().hex[:8]}"
    path = tmp_path / "secret.md"
    path.write_text("# Secret\n\nThe canary is called Zebulon.\n")
    ingest(platform, path, collection)
    (document,) = client.documents(collection)
    client.delete_document(document.id)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _files_of(platform.home / "blobs", document.id):
        time.sleep(0.5)
    assert _files_of(platform.home / "blobs", document.id) == []


def _files_of(folder: Path, document: str) -> list[Path]:
    return [path for path in folder.rglob("*") if document in str(path) and path.is_file()]


def test_sending_the_same_bytes_again_changes_nothing(platform: RunningPlatform, client: AssayClient, tmp_path: Path):
    collection = f"same-{uuid4().hex[:8]}"
    path = tmp_path / "lending-desk.md"
    path.write_text(FIRST)
    ingest(platform, path, collection)
    epoch = client.collection(collection).epoch
    done = platform.assay("ingest", str(path), "--collection", collection, "--json")
    assert json.loads(done.stdout)["unchanged"] == 1
    assert client.collection(collection).epoch == epoch


def test_a_scan_is_found_by_its_words(platform: RunningPlatform, tmp_path: Path):
    collection = f"scans-{uuid4().hex[:8]}"
    drawn = Image.new("RGB", (620, 80), "white")
    ImageDraw.Draw(drawn).text(
        (20, 20), "The boiler holds 240 litres.", fill="black", font=ImageFont.load_default(size=30)
    )
    drawn.save(tmp_path / "boiler.tif")
    ingest(platform, tmp_path / "boiler.tif", collection)
    found = platform.assay("search", "How much does the boiler hold?", "--collection", collection, "--json")
    assert "240 litres" in json.loads(found.stdout)["hits"][0]["text"]


def test_a_repeated_question_comes_from_the_cache_until_the_document_changes(
    generating: RunningPlatform, client: AssayClient, tmp_path: Path
):
    collection = f"cache-{uuid4().hex[:8]}"
    path = tmp_path / "lending-desk.md"
    path.write_text(FIRST)
    ingest(generating, path, collection)
    assert ask(client, collection).cache != "hit"
    assert ask(client, collection).cache == "hit"
    path.write_text(EDITED)
    ingest(generating, path, collection)
    changed = ask(client, collection)
    assert changed.cache != "hit"
    assert "65" in changed.answer


def test_sample_documents_are_ingested_and_questions_answered_with_exact_quotes(
    generating: RunningPlatform, client: AssayClient
):
    ingest(generating, sample.documents()[0].parent, "handbook")
    cited = 0
    for question in [q for q in sample.golden() if q.answerable][:6]:
        answer = client.ask("handbook", question.question)
        cited += len(answer.citations)
        assert all(quoted_bytes_are_stored(client, c) for c in answer.citations)
    assert cited > 0


def test_the_command_line_prints_the_documented_members(generating: RunningPlatform):
    found = generating.assay("search", "deposit", "--collection", "handbook", "--top-k", "3", "--json")
    hits = json.loads(found.stdout)["hits"]
    needed = {"rank", "chunk_id", "document_id", "document_name", "version", "page", "heading", "text", "score"}
    assert needed | {"scored_by"} <= set(hits[0])
    asked = generating.assay("ask", "Who may enter the server room?", "--collection", "handbook", "--json")
    assert {"answer", "citations", "verdict", "degraded", "timings_ms"} <= set(json.loads(asked.stdout))
