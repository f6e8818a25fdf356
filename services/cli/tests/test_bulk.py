import gzip
import json
from pathlib import Path

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


def corpus(path: Path, count: int, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ({"_id": f"d{n}", "title": f"Title {n}", "text": f"Text {n}.", **more} for n in range(count))
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_a_beir_folder_is_loaded_in_large_requests(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    corpus(tmp_path / "beir" / "corpus.jsonl", 1200, metadata={"year": 2020})
    outcome = run("ingest", tmp_path / "beir", "-c", "docs", "--bulk", "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["created"], outcome.json["ready"]) == (1200, 1200)
    sent = [r for r in gateway.requests if r.url.path.endswith("/passages")]
    assert len(sent) == 3
    assert json.loads(sent[0].content.splitlines()[0]) == {
        "id": "d0",
        "title": "Title 0",
        "text": "Text 0.",
        "metadata": {"year": "2020"},
    }
    assert len({r.url.params["batch"] for r in sent}) == 1


def test_metadata_of_the_call_fills_in_and_lists_become_tags(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    path = corpus(tmp_path / "a.jsonl", 1, metadata={"year": 2020, "labels": ["red", "old"]})
    assert run("ingest", path, "-c", "docs", "--bulk", "-m", "year=1999", "-m", "kind=memo").code == 0
    (sent,) = [r for r in gateway.requests if r.url.path.endswith("/passages")]
    assert json.loads(sent.content)["metadata"] == {"year": "2020", "labels": "red,old", "kind": "memo"}


def test_a_second_run_skips_what_is_there(run: Run, tmp_path: Path) -> None:
    path = corpus(tmp_path / "a.jsonl", 10)
    run("ingest", path, "-c", "docs", "--bulk")
    assert run("ingest", path, "-c", "docs", "--bulk", "--json").json["unchanged"] == 10


def test_compressed_lines_and_a_limit(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    packed = gzip.compress(corpus(folder / "plain.jsonl", 10).read_bytes())
    (folder / "corpus.jsonl.gz").write_bytes(packed)
    assert run("ingest", folder, "-c", "docs", "--bulk", "--limit", "4", "--json").json["created"] == 4
    assert len(gateway.collections["docs"]) == 4


def test_a_full_queue_is_waited_for(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    gateway.busy = 5
    outcome = run("ingest", corpus(tmp_path / "a.jsonl", 3), "-c", "docs", "--bulk", "--json")
    assert (outcome.code, outcome.json["created"]) == (0, 3)


def test_a_line_that_cannot_be_used_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "text": "fine"}\n{"id": 2}\n')
    outcome = run("ingest", path, "-c", "docs", "--bulk")
    assert outcome.code == 2
    assert "Line 2 of" in outcome.err
    assert "`text`" in outcome.err


def test_many_files_are_a_bulk_load_and_few_are_not(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"{number}.md").write_text(str(number))
    run("ingest", tmp_path, "-c", "docs", "--no-wait")
    run("ingest", tmp_path / "1.md", "-c", "docs", "--no-wait")
    uploads = [r for r in gateway.requests if r.url.path.endswith("/documents") and r.method == "POST"]
    assert [b'name="priority"' in r.content for r in uploads] == [True] * 101 + [False]
