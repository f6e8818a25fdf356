"""Promotion on a real PostgreSQL: what it switches, what it refuses, and what it writes down."""

from dataclasses import replace

import pytest
from assay_core.collection_settings import Answering
from assay_core.errors import AssayError, Conflict, Denied, NotFound
from assay_core.experiments import Promotion
from assay_core.principals import Principal
from assay_evaluation.loop import RunLoop
from assay_evaluation.promotions import promote
from assay_store import access, collections, evaluations, promotions
from assay_store.evaluations import NewRun
from sqlalchemy import text

from .conftest import ANN, TENANT, World

pytestmark = pytest.mark.integration
CARL = Principal(TENANT, "ann", "Ann", frozenset({"evaluator", "curator"}))
BETTER = {"prompt": "cite.v1", "top_k": 8}


def done(world: World, **answering: object) -> str:
    with world.database.transaction() as connection:
        new = NewRun(world.collection, "golden", "local", ANN.id, answering=answering)
        run = evaluations.create(connection, new)
    assert run is not None
    assert RunLoop(database=world.database, runner=world.runner(), owner="one", lease_s=60, poll_s=1).do_next()
    return run.id


def promoted(world: World, run: str, *, who: Principal = CARL, reason: str | None = None) -> Promotion:
    with world.database.transaction() as connection:
        return promote(connection, who, run=run, override_reason=reason)


def answering(world: World) -> Answering:
    with world.database.transaction() as connection:
        return collections.by_id(connection, ANN, world.collection).settings.answering


def worsen(world: World) -> None:
    world.platform.reply = replace(world.answer(), text="The moon is made of cheese.")


@pytest.fixture
def asked(world: World) -> World:
    world.golden(*(f"q{number:02}" for number in range(30)))
    return world


def test_a_run_is_made_with_what_is_tried_and_promotion_switches_to_it(asked: World) -> None:
    first = done(asked)
    assert asked.platform.answering == Answering()
    second = done(asked, **BETTER)
    assert asked.platform.answering == Answering("cite.v1", top_k=8)
    assert answering(asked) == Answering()
    made = promoted(asked, second)
    assert (made.passed, made.baseline, made.before["prompt"], made.switched["prompt"]) == (True, first, "", "cite.v1")
    assert made.recorded["chat_models"] == ["fake-chat"]
    assert made.recorded["index_kind"] == "hnsw"
    assert answering(asked) == Answering("cite.v1", top_k=8)
    done(asked)
    assert asked.platform.answering == Answering("cite.v1", top_k=8)


def test_a_worse_run_is_refused_unless_someone_gives_a_reason(asked: World) -> None:
    done(asked)
    worsen(asked)
    worse = done(asked, **BETTER)
    with pytest.raises(Conflict, match="groundedness is worse") as caught:
        promoted(asked, worse)
    assert caught.value.code == "gate_failed"
    assert answering(asked) == Answering()
    made = promoted(asked, worse, reason="the law changed")
    assert (made.passed, made.override_reason, made.promoted_by) == (False, "the law changed", "ann")
    assert "groundedness is worse" in made.reasons
    assert answering(asked).prompt == "cite.v1"
    with asked.database.transaction() as connection:
        (listed,) = promotions.listing(connection, ANN, collection=asked.collection)
    assert listed == made


def test_without_a_run_of_the_present_nothing_can_take_its_place(asked: World) -> None:
    second = done(asked, **BETTER)
    with pytest.raises(Conflict, match="to hold it against"):
        promoted(asked, second)
    first = done(asked)
    asked.golden("q1", "q2")  # the set is another one since
    third = done(asked, **BETTER)
    with pytest.raises(Conflict, match="to hold it against"):
        promoted(asked, third)
    assert promoted(asked, second).baseline == first


def test_the_first_promotion_may_write_down_what_is_there(asked: World) -> None:
    made = promoted(asked, done(asked))
    assert (made.passed, made.baseline, made.before) == (True, None, dict(made.switched))


@pytest.mark.parametrize("runs", ["waiting", "unknown", "old"])
def test_what_cannot_be_promoted(asked: World, runs: str) -> None:
    kind: type[AssayError] = Conflict
    match runs:
        case "waiting":
            run = asked.start()
        case "unknown":
            run, kind = "0" * 32, NotFound
        case _:
            run, kind = done(asked), AssayError
            with asked.database.transaction() as connection:
                connection.execute(text("UPDATE evaluation_runs SET configuration = configuration - 'mode'"))
    with pytest.raises(kind):
        promoted(asked, run, reason="all the same")


def test_it_takes_a_curator_who_sees_the_collection(asked: World) -> None:
    run = done(asked)
    with pytest.raises(Denied):
        promoted(asked, run, who=ANN)
    bob = Principal(TENANT, "bob", "Bob", frozenset({"curator"}))
    with asked.database.transaction() as connection:
        secret = access.acl_for(connection, TENANT, allow=["ann"])
        connection.execute(text("UPDATE collections SET default_acl = :a"), {"a": secret})
    with pytest.raises(NotFound):
        promoted(asked, run, who=bob)
    with asked.database.transaction() as connection:
        assert promotions.listing(connection, bob) == []
