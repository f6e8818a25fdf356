"""The documentation of reason codes is the table that the code has."""

from pathlib import Path

from assay_core.reasons import REASONS

ROOT = Path(__file__).parents[2]


def test_the_documented_table_is_the_one_in_use():
    lines = (ROOT / "docs/reason-codes.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert rows == [f"| `{code}` | {one.meaning} | {one.way_out} |" for code, one in REASONS.items()]
