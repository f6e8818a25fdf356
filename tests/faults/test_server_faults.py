"""Servers are killed, frozen and emptied in mid-run: uploads are taken or refused, never half, and all work ends."""

import random

import pytest
from assay_testing.crash import faults
from assay_testing.crash.campaign import server_faults
from assay_testing.crash.world import Worlds

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_one_fault_of_each_server_loses_and_doubles_nothing(a_world: Worlds) -> None:
    seed = random.randrange(10**6)
    with a_world(seed=seed) as world:
        report = server_faults(world, faults.short(), documents=30, seed=seed)
    print(*report.lines(), sep="\n")
    assert not report.failed


@pytest.mark.nightly
def test_many_faults_of_servers_lose_and_double_nothing(a_world: Worlds) -> None:
    seed = random.randrange(10**6)
    with a_world(seed=seed) as world:
        report = server_faults(world, faults.long(), documents=300, seed=seed)
    print(*report.lines(), sep="\n")
    assert not report.failed
