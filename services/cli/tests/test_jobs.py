from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


def test_what_was_given_up_is_listed_with_its_reason(run: Run, gateway: FakeGateway) -> None:
    gateway.add_job("a.pdf")
    gateway.add_job("b.pdf", state="waiting", code=None)
    outcome = run("jobs", "list")
    assert outcome.code == 0, outcome.err
    assert "encrypted: It cannot be read." in outcome.out
    assert "b.pdf" not in outcome.out
    assert [job["id"] for job in run("jobs", "list", "--state", "waiting", "--json").json["jobs"]] == ["job-b.pdf"]


def test_all_of_a_reason_are_replayed_however_many(run: Run, gateway: FakeGateway) -> None:
    for n in range(5):
        gateway.add_job(f"{n}.pdf", code="timeout")
    gateway.add_job("other.pdf", code="broken")
    assert run("jobs", "replay", "--all", "--reason", "timeout", "--json").json == {"replayed": 5}
    assert [job["document_name"] for job in gateway.jobs if job["state"] == "dead"] == ["other.pdf"]


def test_one_is_replayed_and_one_cancelled_by_id(run: Run, gateway: FakeGateway) -> None:
    gateway.add_job("a.pdf")
    gateway.add_job("b.pdf", state="waiting")
    assert run("jobs", "replay", "job-a.pdf").code == 0
    assert run("jobs", "cancel", "job-b.pdf").code == 0
    assert [job["state"] for job in gateway.jobs] == ["done", "cancelled"]


def test_naming_none_is_refused(run: Run) -> None:
    for command in ("replay", "cancel"):
        outcome = run("jobs", command)
        assert outcome.code == 2
        assert "--all" in outcome.err


def test_a_collection_is_paused_and_resumed(run: Run) -> None:
    run("collections", "create", "docs")
    assert "is paused" in run("collections", "pause", "docs").err
    assert "paused 2026" in run("collections", "list").out
    assert run("collections", "resume", "docs", "--json").json["paused_at"] is None
