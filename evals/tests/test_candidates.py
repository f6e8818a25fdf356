"""Questions with what was found for them, as they are written down and divided."""

from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_evals.candidates import Asked, Found, is_held_back, read, write

ASKED = Asked("handbook", "a.md", "how often?", (Found("Weekly, \u2028 says it.", 0.8, 1), Found("Never.", 0.7)), (2,))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert write(tmp_path / "asked.jsonl", [ASKED, ASKED]) == 2
    assert list(read(tmp_path / "asked.jsonl")) == [ASKED, ASKED]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"asked\.jsonl:1: not JSON"),
        ('{"query": "q", "found": {}}', "'found' and 'missing' are lists"),
        ('{"query": "q", "found": [{"text": "x"}]}', r"asked\.jsonl:1: a passage has 'text', 'score' and 'grade'"),
        ('{"query": "q", "found": ["x"]}', "is no object"),
        ('{"found": []}', "query"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "asked.jsonl").write_text(line + "\n")
    with pytest.raises(Invalid, match=message):
        list(read(tmp_path / "asked.jsonl"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"nowhere\.jsonl.* cannot be read"):
        list(read(tmp_path / "nowhere.jsonl"))


def test_questions_of_one_document_are_held_back_together() -> None:
    asked = [Asked("set", str(number // 5), f"question {number}", ()) for number in range(1000)]
    held = [one for one in asked if is_held_back(one, 0.2)]
    assert 0.1 < len(held) / len(asked) < 0.3
    assert all(is_held_back(one, 0.2) for one in asked if one.document in {h.document for h in held})
