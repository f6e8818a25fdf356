"""What people see of nights: a list, one report in words, and the same as a page."""

from pathlib import Path

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway

NIGHT = {
    "collection": "docs",
    "night": "2026-03-05",
    "caught_up": False,
    "closed_at": "2026-03-05T02:30:00Z",
    "runs": ["r1"],
    "remarks": [
        {
            "severity": "alarm",
            "about": "groundedness",
            "sentence": "groundedness <b>fell</b>.",
            "causes": ["prompt"],
            "figures": {"now": 0.5},
        }
    ],
    "figures": {"index.recall@10": 0.978},
    "failures": {"questions": "too_few: 3 questions are too few."},
}
QUIET = {**NIGHT, "night": "2026-03-04", "remarks": [], "failures": {}, "caught_up": True}


def test_nights_are_listed(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET nights"] = {"nights": [NIGHT, QUIET]}
    outcome = run("eval", "nights")
    assert (outcome.code, "2026-03-04 (caught up)" in outcome.out, "0.978" in outcome.out) == (0, True, True)
    assert [n["night"] for n in run("eval", "nights", "--json").json["nights"]] == ["2026-03-05", "2026-03-04"]


def test_a_night_with_an_alarm_is_told_in_words_and_exits_with_1(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET nights"] = NIGHT
    outcome = run("eval", "night", "docs", "2026-03-05")
    assert outcome.code == 1
    assert "ALARM: groundedness" in outcome.out
    assert "NOT MEASURED: questions" in outcome.out
    assert gateway.requests[-1].url.path == "/v1/evaluations/nights/docs/2026-03-05"


def test_the_last_night_is_shown_if_none_is_named(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET nights"] = {"nights": [QUIET]}
    outcome = run("eval", "night", "docs")
    assert (outcome.code, "Nothing to remark." in outcome.out) == (0, True)
    gateway.answers["GET nights"] = {"nights": []}
    assert "--begin" in run("eval", "night", "docs").err


def test_a_report_is_written_as_a_page_whose_words_are_escaped(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    gateway.answers["GET nights"] = NIGHT
    run("eval", "night", "docs", "2026-03-05", "--html", str(tmp_path / "night.html"))
    page = (tmp_path / "night.html").read_text()
    assert "groundedness &lt;b&gt;fell&lt;/b&gt;." in page
    assert "<b>fell" not in page
    assert "Not measured" in page


def test_a_night_can_be_begun(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST nights"] = {"runs": []}
    assert run("eval", "night", "docs", "--begin").code == 0
    assert gateway.requests[-1].url.path == "/v1/evaluations/nights/docs"
