"""Terms that mean the same, from the command line."""

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


def test_synonyms_are_added_listed_and_removed(run: Run, gateway: FakeGateway) -> None:
    assert "No terms" in run("synonyms", "list", "-c", "docs").err
    assert "PTO, paid time off" in run("synonyms", "add", "PTO", "paid time off", "-c", "docs").out
    assert run("synonyms", "list", "-c", "docs", "--json").json == {"groups": [["PTO", "paid time off"]]}
    assert run("synonyms", "remove", "paid time off", "-c", "docs").code == 0
    assert gateway.settings["docs"].synonyms == ()


def test_a_candidate_is_used_once_it_is_approved(run: Run, gateway: FakeGateway) -> None:
    assert "paid time off" in run("synonyms", "candidates", "-c", "docs").out
    assert "docs" not in gateway.settings
    assert run("synonyms", "approve", "WAL", "-c", "docs").code == 1
    assert run("synonyms", "approve", "PTO", "-c", "docs").code == 0
    assert gateway.settings["docs"].synonyms == (("PTO", "paid time off"),)
