"""Single faults of delivery: a poisonous document, a killed child, a task rung many times, and updates under read."""

import signal
from collections import Counter

import pytest
from assay_core.jobs import MAX_ATTEMPTS
from assay_ingestion.doorbell import Doorbell
from assay_runtime.queue import build_queue
from assay_store import jobs
from assay_testing.crash.ledger import content
from assay_testing.crash.processes import wait_for
from assay_testing.crash.roles import POISON
from assay_testing.crash.world import World, Worlds

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def assert_sound(world: World) -> None:
    world.rest()
    assert world.all_incidents() == []


def test_a_document_that_kills_every_worker_is_buried_after_three_tries_and_harms_no_other(a_world: Worlds) -> None:
    good = 100
    with a_world(delay_s=0.0) as world:
        driver = world.driver()
        for _ in range(good // 2):
            driver.upload()
        poison = driver.put("poison", 1, text=f"# Part\n\nThis is {POISON}.")
        for _ in range(good // 2):
            driver.upload()
        wait_for(lambda: _states(world) == {"ready": good, "failed": 1}, timeout_s=400, what="The end of all work")
        assert world.sql("SELECT document, attempts, error_code FROM jobs WHERE state = 'dead'") == [
            (poison.document, MAX_ATTEMPTS, "worker_died")
        ]
        assert world.sql("SELECT error_code FROM versions WHERE state = 'failed'") == [("gave_up",)]
        assert world.processes.deaths["worker", -signal.SIGKILL] == MAX_ATTEMPTS
        assert_sound(world)


def test_a_parser_that_is_killed_costs_no_document(module_world: World) -> None:
    world = module_world
    driver = world.driver()
    before = Counter(world.processes.deaths)
    killed = 0
    for _ in range(12):
        driver.upload()
        for pid in world.processes.children("worker"):
            world.processes.kill_one(pid)
            killed += 1
    world.rest()
    assert killed > 0
    assert _states(world) == {"ready": len(world.ledger.kept())}
    assert world.processes.deaths == before, "the worker itself lives on"
    assert_sound(world)


def test_a_task_that_is_rung_five_times_at_once_and_later_again_has_one_effect(module_world: World) -> None:
    world = module_world
    world.processes.hold("worker")
    driver = world.driver()
    rung = [driver.upload() for _ in range(5)]
    bell = Doorbell(build_queue(world.servers.env["ASSAY_BROKER__URL"], name="test"))
    for _ in range(5):
        for written in rung:
            bell.ring(jobs.INGEST_TASK, written.jobs[1])
    world.processes.release("worker")
    world.rest()
    before = world.sql("SELECT id, state, attempts, epoch FROM jobs ORDER BY id")
    own = {written.jobs[1] for written in rung}
    assert {(state, attempts) for job, state, attempts, _ in before if job in own} == {("done", 1)}
    for written in rung:
        bell.ring(jobs.INGEST_TASK, written.jobs[1])
    bell.close()
    assert_sound(world)
    assert world.sql("SELECT id, state, attempts, epoch FROM jobs ORDER BY id") == before


def test_readers_see_one_version_of_a_document_at_each_moment_while_it_is_replaced(a_world: Worlds) -> None:
    _replace_under_read(a_world, replacements=25)


@pytest.mark.nightly
def test_readers_see_one_version_at_each_moment_of_five_hundred_replacements(a_world: Worlds) -> None:
    _replace_under_read(a_world, replacements=500)


def _replace_under_read(a_world: Worlds, *, replacements: int) -> None:
    with a_world(delay_s=0.0, readers=8) as world:
        driver = world.driver()
        written = driver.upload()
        world.rest()
        wait_for(lambda: sum(world.readers.answers.values()) > 20, timeout_s=240, what="The first answers")
        for n in range(2, replacements + 2):
            driver.edit(written)
            live = "SELECT count(*) FROM documents WHERE live_version = " + str(n)
            wait_for(lambda live=live: world.sql(live) == [(1,)], timeout_s=240, what=f"Version {n}", every_s=0.02)
        assert_sound(world)
        assert world.sql("SELECT live_version FROM documents") == [(replacements + 1,)]
        assert written.text(replacements + 1) == content(written.name, replacements + 1)
        assert {version for _, version in world.readers.seen} >= {1, replacements + 1}


def _states(world: World) -> dict[str, int]:
    rows = world.sql("""
        SELECT v.state, count(*) FROM documents d JOIN versions v
          ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
        WHERE d.deleted_at IS NULL GROUP BY 1
    """)
    return {str(state): int(str(n)) for state, n in rows}
