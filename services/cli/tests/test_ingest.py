from pathlib import Path

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


def test_folder_is_searchable_at_the_end(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "a.md").write_text("A")
    (tmp_path / "sub" / "deep" / "b.md").write_text("B")

    outcome = run("ingest", tmp_path, "--collection", "docs", "--json")

    assert outcome.code == 0, outcome.err
    assert set(gateway.collections["docs"]) == {"a.md", "sub/deep/b.md"}
    found = outcome.json
    assert found.pop("seconds") >= 0
    assert found.pop("chunks_per_s") >= 0
    assert found == {
        "collection": "docs",
        "uploaded": 2,
        "unchanged": 0,
        "ready": 2,
        "failed": 0,
        "waiting": 0,
        "chunks": 6,
        "chunks_kept": 0,
        "chunks_added": 6,
        "chunks_removed": 0,
        "failures": [],
    }


def test_hidden_files_and_links_are_passed_over(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("not mine")
    folder = tmp_path / "docs"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("x")
    (folder / ".hidden").write_text("x")
    (folder / "link.md").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "seen.md").write_text("x")

    assert run("ingest", folder, "-c", "docs").code == 0
    assert set(gateway.collections["docs"]) == {"seen.md"}


def test_failures_are_named_with_their_reason_and_exit_code_1(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    for name in ("good.md", "broken.pdf", "empty.txt"):
        (tmp_path / name).write_text("" if name == "empty.txt" else "x")
    gateway.fail["broken.pdf"] = "broken_pdf"

    outcome = run("ingest", tmp_path, "-c", "docs")

    assert outcome.code == 1
    assert outcome.out == ""
    assert "Failed: broken.pdf: broken_pdf: It cannot be read." in outcome.err
    assert "Failed: empty.txt: empty: 'empty.txt' is empty." in outcome.err
    assert "2 uploaded, 0 unchanged, 1 searchable, 2 failed; 3 chunks" in outcome.err


def test_second_time_changes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    run("ingest", tmp_path, "-c", "docs")

    outcome = run("ingest", tmp_path, "-c", "docs", "--json")

    assert outcome.code == 0
    assert (outcome.json["uploaded"], outcome.json["unchanged"], outcome.json["ready"]) == (0, 1, 1)


def test_unchanged_document_that_failed_is_a_failure_again(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_text("A")
    gateway.fail["a.pdf"] = "encrypted"
    run("ingest", tmp_path, "-c", "docs")

    outcome = run("ingest", tmp_path, "-c", "docs", "--json")

    assert outcome.code == 1
    assert outcome.json["failures"] == [
        {"name": "a.pdf", "code": "encrypted", "message": "It cannot be read.", "document_id": "id-a.pdf"}
    ]


def test_no_wait_returns_at_once(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    gateway.looks = 10**9
    outcome = run("ingest", tmp_path, "-c", "docs", "--no-wait", "--json")
    assert outcome.code == 0
    assert outcome.json["waiting"] == 1


def test_many_documents_are_looked_at_page_by_page(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.md").write_text(str(number))

    assert run("ingest", tmp_path, "-c", "docs").code == 0
    assert not [r for r in gateway.requests if r.url.path.startswith("/v1/documents/")]


def test_busy_gateway_is_tried_again(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    gateway.busy = 3
    outcome = run("ingest", tmp_path, "-c", "docs", "--json")
    assert outcome.code == 0, outcome.err
    keys = {r.headers["Idempotency-Key"] for r in gateway.requests if r.method == "POST" and "documents" in r.url.path}
    assert len(keys) == 1


def test_missing_path_is_refused_before_anything_is_sent(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    outcome = run("ingest", tmp_path / "nowhere", "-c", "docs")
    assert outcome.code == 2
    assert f"Error: '{tmp_path}/nowhere' does not exist." in outcome.err
    assert gateway.requests == []


def test_two_files_of_one_name_are_refused(run: Run, tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "index.html").write_text(folder)
    outcome = run("ingest", tmp_path / "x", tmp_path / "y", "-c", "docs", "--json")
    assert outcome.code == 2
    assert outcome.json["error"]["code"] == "same_name"
    assert "Ingest the folder above them" in outcome.err


def test_empty_folder_is_refused(run: Run, tmp_path: Path) -> None:
    assert "There is no file in" in run("ingest", tmp_path, "-c", "docs").err


def test_unknown_collection_without_create_names_the_way_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    outcome = run("ingest", tmp_path, "-c", "docs", "--no-create")
    assert outcome.code == 1
    assert "There is no collection 'docs'. Leave out --no-create" in outcome.err


def test_wrong_key_ends_everything_with_one_message(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    outcome = run("ingest", tmp_path, "-c", "docs", key="assay_wrong")
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        "Error: This API key is not known.",
        "  The key came from ASSAY_API_KEY; --api-key or ASSAY_API_KEY set another one.",
    ]


def test_metadata_goes_with_every_file(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(name)
    options = ("--metadata", "year=2020", "-m", "labels=red,old", "-m", "note=a=b")

    assert run("ingest", tmp_path, "-c", "docs", *options).code == 0

    sent = [r.content for r in gateway.requests if r.method == "POST" and r.url.path.endswith("/documents")]
    assert len(sent) == 2
    assert all(b'{"year": "2020", "labels": "red,old", "note": "a=b"}' in body for body in sent)


def test_metadata_without_a_value_is_refused_before_anything_is_sent(
    run: Run, gateway: FakeGateway, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text("A")
    outcome = run("ingest", tmp_path, "-c", "docs", "--metadata", "year")
    assert outcome.code != 0
    assert "'year' is not NAME=VALUE" in outcome.err
    assert gateway.requests == []
