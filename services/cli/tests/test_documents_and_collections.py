from pathlib import Path

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


def fill(run: Run, tmp_path: Path, *names: str) -> None:
    for name in names:
        (tmp_path / name).write_text(name)
    assert run("ingest", tmp_path, "-c", "docs").code == 0


def test_list_tells_documents_and_counts(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md", "b.md")
    found = run("documents", "list", "-c", "docs", "--json").json
    assert [document["name"] for document in found["documents"]] == ["a.md", "b.md"]
    assert found["counts"] == {"ready": 2}


def test_list_for_people(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    outcome = run("documents", "list", "-c", "docs")
    assert "id-a.md" in outcome.out
    assert outcome.err == "1 ready\n"


def test_show_by_name_or_id(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    assert run("documents", "show", "id-a.md", "--json").json["name"] == "a.md"
    assert run("documents", "show", "a.md", "-c", "docs", "--json").json["id"] == "id-a.md"
    assert "nothing yet" not in run("documents", "show", "a.md", "-c", "docs").out


def test_unknown_name_names_the_way_out(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    outcome = run("documents", "show", "z.md", "-c", "docs")
    assert outcome.code == 1
    assert "'docs' has no document 'z.md'; `assay documents list --collection docs` shows all." in outcome.err


def test_delete_needs_a_yes(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    refused = run("documents", "delete", "a.md", "-c", "docs")
    assert refused.code == 2
    assert "add --yes" in refused.err
    assert run("documents", "delete", "a.md", "-c", "docs", "--yes", "--json").json == {
        "deleted": [{"document_id": "id-a.md", "job": "job"}]
    }
    assert gateway.collections["docs"] == {}


def test_failed_documents_are_tried_again(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    gateway.fail = {"b.md": "crashed"}
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(name)
    assert run("ingest", tmp_path, "-c", "docs").code == 1
    assert run("documents", "retry", "-c", "docs", "--failed", "--json").json == {
        "retried": [{"document_id": "id-b.md", "version": 2, "job": "job"}]
    }
    assert "did not fail" in run("documents", "retry", "a.md", "-c", "docs").err
    assert "--failed" in run("documents", "retry").err


def test_collections_come_and_go(run: Run, gateway: FakeGateway) -> None:
    assert run("collections", "create", "docs", "--json").json["name"] == "docs"
    assert run("collections", "list", "--json").json["collections"][0]["name"] == "docs"
    assert "docs" in run("collections", "list").out
    assert run("collections", "create", "docs").err == "Error: There is a collection 'docs' already.\n"
    assert run("collections", "delete", "docs", "--yes").code == 0
    assert gateway.collections == {}
    assert run("collections", "delete", "docs", "--yes").code == 1
