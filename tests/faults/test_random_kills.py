"""kill -9 at random moments while documents go in, are edited and are deleted, and readers search all the time."""

import random

import pytest
from assay_testing.crash.campaign import random_kills
from assay_testing.crash.world import Worlds

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_ten_random_kills_lose_and_double_nothing(a_world: Worlds) -> None:
    seed = random.randrange(10**6)
    with a_world(seed=seed) as world:
        report = random_kills(world, kills=10, documents=30, seed=seed)
    print(*report.lines(), sep="\n")
    assert not report.failed
    assert sum(world.processes.deaths.values()) == 10


@pytest.mark.nightly
@pytest.mark.parametrize("shard", range(5))
def test_two_hundred_random_kills_lose_and_double_nothing(a_world: Worlds, shard: int) -> None:
    seed = random.randrange(10**6)
    with a_world(seed=seed) as world:
        report = random_kills(world, kills=40, documents=200, seed=seed + shard)
    print(*report.lines(), sep="\n")
    assert not report.failed
