"""Comparisons, baselines and the gate on a real PostgreSQL: what is found, and what is refused as what it is."""

from dataclasses import replace

import pytest
from assay_core.errors import AssayError, Conflict, Denied, Invalid, NotFound
from assay_core.experiments import Finding
from assay_core.principals import Principal
from assay_evaluation import experiments
from assay_evaluation.loop import RunLoop
from assay_store import access, baselines, collections
from sqlalchemy import text

from .conftest import ANN, TENANT, World

pytestmark = pytest.mark.integration
BOB = Principal(TENANT, "bob", "Bob", frozenset({"reader"}))


def done(world: World, dataset: str = "golden", *, limit: int | None = None) -> str:
    run = world.start(dataset, limit=limit)
    while RunLoop(database=world.database, runner=world.runner(), owner="one", lease_s=60, poll_s=1).do_next():
        pass
    return run


def questions(world: World, count: int = 40) -> list[str]:
    asked = world.golden(*(f"q{number:02}" for number in range(count)), unanswerable=["u1", "u2"])
    return [question.question for question in asked]


def break_answers(world: World, asked: list[str]) -> None:
    """Answer these with a sentence that no source holds."""
    world.platform.replies = {one: replace(world.answer(), text="The moon is made of cheese.") for one in asked}


def test_equal_runs_do_not_differ_and_a_drop_is_found_and_stops_the_gate(world: World) -> None:
    asked = questions(world)
    first, same = done(world), done(world)
    break_answers(world, asked[:20])
    worse = done(world)
    with world.database.transaction() as connection:
        quiet = experiments.compare_runs(connection, ANN, baseline=first, run=same)
        found = experiments.compare_runs(connection, ANN, baseline=first, run=worse)
        experiments.name_baseline(connection, ANN, name="main", run=first)
        passed = experiments.gate(connection, ANN, baseline="main", run=same)
        stopped = experiments.gate(connection, ANN, baseline="main", run=worse)
    assert {m.finding for m in quiet.metrics} <= {Finding.UNDECIDED, Finding.NOT_COMPARABLE}
    assert (quiet.questions, quiet.changes, passed.passed) == (42, (), True)
    assert "groundedness" in found.regressions
    assert found.words[0].endswith("questions).")
    assert (stopped.passed, "groundedness is worse" in stopped.reasons) == (False, True)


def test_what_was_changed_between_runs_is_named(world: World) -> None:
    questions(world)
    first = done(world)
    with world.database.transaction() as connection:
        collections.advance_epoch(connection, world.collection)
    world.platform.reply = replace(world.answer(), prompt_version="v2")
    second = done(world)
    with world.database.transaction() as connection:
        found = experiments.compare_runs(connection, ANN, baseline=first, run=second)
    assert [(c.factor, c.after) for c in found.changes] == [("corpus", "1"), ("prompt", "v2")]


def test_questions_that_only_one_run_had_are_counted_and_named(world: World) -> None:
    questions(world)
    whole, part = done(world), done(world, limit=21)
    with world.database.transaction() as connection:
        found = experiments.compare_runs(connection, ANN, baseline=whole, run=part)
    assert (found.questions, len(found.only_in_baseline), found.only_in_run) == (21, 21, ())
    assert any("left out: 21 questions" in line for line in found.words)


def test_what_cannot_be_compared_is_refused_as_what_it_is(world: World) -> None:
    asked = questions(world, 3)
    first = done(world)
    world.golden("q00", "q01")
    changed = done(world)
    world.record_answer("given-1", world.answer())
    traffic = done(world, "traffic")
    waiting = world.start()
    with world.database.transaction() as connection:
        acl = access.acl_for(connection, TENANT)
        other = collections.create(connection, TENANT, "other", acl=acl).id
        connection.execute(
            text("UPDATE evaluation_runs SET collection = :c WHERE id = :r"), {"c": other.id, "r": changed}
        )
        refused = {
            waiting: ("run_not_done", Conflict),
            changed: ("other_collection", Invalid),
            traffic: ("other_dataset", Invalid),
            "0" * 32: ("run_not_found", NotFound),
        }
        for run, (code, kind) in refused.items():
            with pytest.raises(kind) as caught:
                experiments.compare_runs(connection, ANN, baseline=first, run=run)
            assert caught.value.code == code
        connection.execute(
            text("UPDATE evaluation_runs SET collection = :c WHERE id = :r"), {"c": world.collection.id, "r": changed}
        )
        with pytest.raises(Invalid, match="was changed since"):
            experiments.compare_runs(connection, ANN, baseline=first, run=changed)
    assert asked


def test_runs_over_traffic_have_nothing_in_common(world: World) -> None:
    world.record_answer("given-1", world.answer())
    first = done(world, "traffic")
    with world.database.transaction() as connection:
        connection.execute(text("DELETE FROM evaluation_cases"))
        connection.execute(text("UPDATE answers SET created_at = now() - interval '2 days'"))
    world.record_answer("given-2", world.answer())
    second = done(world, "traffic")
    with world.database.transaction() as connection, pytest.raises(Invalid) as caught:
        experiments.compare_runs(connection, ANN, baseline=first, run=second)
    assert caught.value.code == "nothing_in_common"


def test_a_baseline_has_one_run_at_a_time_and_belongs_to_its_collection(world: World) -> None:
    questions(world, 3)
    first, second = done(world), done(world)
    with world.database.transaction() as connection:
        for run in (first, second):
            experiments.name_baseline(connection, ANN, name="main", run=run)
        (named,) = baselines.listing(connection, BOB)
        assert (named.run, named.set_by, named.dataset) == (second, ANN.id, "golden")
        acl = access.acl_for(connection, TENANT)
        other = collections.create(connection, TENANT, "other", acl=acl).id
        connection.execute(
            text("UPDATE evaluation_runs SET collection = :c WHERE id = :r"), {"c": other.id, "r": first}
        )
        with pytest.raises(Invalid) as caught:
            experiments.gate(connection, ANN, baseline="main", run=first)
        assert caught.value.code == "other_collection"
        with pytest.raises(NotFound, match="no baseline 'none'"):
            experiments.gate(connection, ANN, baseline="none", run=second)


@pytest.mark.parametrize(("who", "name", "kind"), [(BOB, "main", Denied), (ANN, "a b", Invalid), (ANN, "", Invalid)])
def test_who_may_not_name_a_baseline(world: World, who: Principal, name: str, kind: type[AssayError]) -> None:
    questions(world, 2)
    run = done(world)
    with world.database.transaction() as connection, pytest.raises(kind):
        experiments.name_baseline(connection, who, name=name, run=run)


def test_a_collection_that_is_closed_to_someone_hides_its_baselines(world: World) -> None:
    questions(world, 2)
    run = done(world)
    with world.database.transaction() as connection:
        experiments.name_baseline(connection, ANN, name="main", run=run)
        secret = access.acl_for(connection, TENANT, allow=["ann"])
        connection.execute(text("UPDATE collections SET default_acl = :a"), {"a": secret})
        assert baselines.listing(connection, BOB) == []
        with pytest.raises(NotFound):
            experiments.compare_runs(connection, BOB, baseline=run, run=run)
