from pathlib import Path

from assay_cli.testing import Run


def test_chunks_are_shown_with_their_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a")
    assert run("ingest", tmp_path, "-c", "docs").code == 0
    shown = run("chunks", "show", "a.md", "-c", "docs")
    assert "#0 · 8 tokens · 0:10" in shown.out
    assert "The document id-a.md says something" in shown.out
    found = run("chunks", "show", "id-a.md", "--json").json
    assert (found["document_id"], len(found["chunks"])) == ("id-a.md", 1)
