from pathlib import Path

from assay_cli.testing import Run
from assay_testing.fake_gateway import NOW, FakeGateway


def fill(run: Run, tmp_path: Path, *names: str) -> None:
    for name in names:
        (tmp_path / name).write_text(name)
    assert run("ingest", tmp_path, "-c", "docs").code == 0


def test_ingest_tells_what_an_edit_kept_added_and_removed(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    again = run("ingest", tmp_path, "-c", "docs")
    assert "0 uploaded, 1 unchanged, 1 searchable, 0 failed; 0 chunks in" in again.err
    (tmp_path / "a.md").write_text("edited")
    assert "3 chunks (2 kept, 1 added, 4 removed) in" in run("ingest", tmp_path, "-c", "docs").err


def test_metadata_and_access_are_set(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    args = ("documents", "set", "a.md", "-c", "docs", "-m", "author=Ada=B", "--without", "old")
    assert run(*args, "--json").json["metadata"] == {"author": "Ada=B"}
    denied = run("documents", "set", "a.md", "-c", "docs", "--deny", "eve", "--json").json
    assert denied["access"] == {"allow": ["everyone"], "deny": ["eve"]}
    assert denied["metadata"] == {"author": "Ada=B"}
    assert b'"metadata"' not in gateway.requests[-1].content
    assert "Say what to change" in run("documents", "set", "a.md", "-c", "docs").err
    assert "'x' is not NAME=VALUE" in run("documents", "set", "a.md", "-c", "docs", "-m", "x").err


def test_a_new_version_is_sent_to_a_document(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md")
    file = tmp_path / "other.md"
    file.write_text("a.md")
    assert "has these bytes already" in run("documents", "replace", "id-a.md", file).err
    file.write_text("new")
    assert "Version 2 of 'a.md' is on its way" in run("documents", "replace", "id-a.md", file).err
    assert "cannot be read" in run("documents", "replace", "id-a.md", tmp_path / "none").err


def test_many_are_deleted_by_filter(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    fill(run, tmp_path, "a1.md", "a2.md", "a3.md", "b.md")
    look = run("documents", "delete", "-c", "docs", "--name", "a*", "--dry-run")
    assert "a3.md" in look.err
    assert "3 documents fit. Nothing was deleted." in look.err
    refused = run("documents", "delete", "-c", "docs", "--name", "a*")
    assert "Delete 3 documents of 'docs' with all versions? There is no terminal" in refused.err
    assert len(gateway.collections["docs"]) == 4
    gone = run("documents", "delete", "-c", "docs", "--name", "a*", "--yes", "--json").json
    assert gone["count"] == 3
    assert list(gateway.collections["docs"]) == ["b.md"]
    keys = [r.headers["Idempotency-Key"] for r in gateway.requests if "Idempotency-Key" in r.headers][-2:]
    assert len(set(keys)) == 2


def test_a_filter_without_collection_is_refused(run: Run) -> None:
    for args in (("--name", "a*"), ("x", "--name", "a*", "-c", "docs"), ("-c", "docs"), ()):
        outcome = run("documents", "delete", *args)
        assert outcome.code == 2
        assert "Name the documents, or give --collection with a filter" in outcome.err


def test_near_duplicates_are_listed_page_by_page(run: Run, tmp_path: Path) -> None:
    fill(run, tmp_path, "a.md", "b.md")
    outcome = run("documents", "duplicates", "-c", "docs")
    assert "a.md" in outcome.out
    assert "90%" in outcome.out
    assert outcome.err == "1 pairs say nearly the same.\n"
    assert len(run("documents", "duplicates", "-c", "docs", "--json").json["pairs"]) == 1


def test_holds_are_listed_also_on_what_is_deleted(run: Run, gateway: FakeGateway) -> None:
    assert "No legal holds." in run("documents", "holds").err
    hold = {"reason": "Case 17", "placed_by": "ada", "placed_at": NOW}
    gateway.holds = [
        {"document_id": "d1", "name": "a.md", "erasure_id": None, **hold},
        {"document_id": "d2", "name": None, "erasure_id": "e2", **hold},
    ]
    assert run("documents", "holds", "--json").json["holds"][1]["erasure_id"] == "e2"
    table = run("documents", "holds").out
    assert all(word in table for word in ("a.md", "Case 17", "ada", "e2"))
    assert len(run("documents", "holds", "--limit", 1, "--json").json["holds"]) == 1
