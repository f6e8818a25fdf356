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


def test_settings_are_chosen_shown_and_changed(run: Run, gateway: FakeGateway) -> None:
    run("collections", "create", "docs", "--chunking", "parent-child", "--field", "year=number", "--field", "kind=tags")
    assert gateway.settings["docs"].fields == {"kind": "tags", "year": "number"}
    assert run("collections", "show", "docs", "--json").json["settings"]["chunking"]["strategy"] == "parent-child"
    gateway.due = 5
    changed = run("collections", "set", "docs", "--chunking", "fixed", "--keep-versions-days", "7")
    assert "fixed" in changed.out
    assert "5 documents" in changed.err
    assert "assay collections rechunk docs" in changed.err
    assert gateway.settings["docs"].keep_versions_days == 7
    assert gateway.settings["docs"].fields == {"kind": "tags", "year": "number"}


def test_all_that_is_due_is_divided_anew(run: Run, gateway: FakeGateway) -> None:
    run("collections", "create", "docs")
    gateway.due = 5
    assert run("collections", "rechunk", "docs", "--json").json == {"collection": "docs", "documents": 5}


def test_settings_that_cannot_be_used_are_named(run: Run) -> None:
    run("collections", "create", "docs")
    assert "NAME=TYPE" in run("collections", "set", "docs", "--field", "year").err
    assert "Name a setting" in run("collections", "set", "docs").err
