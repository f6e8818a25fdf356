"""A process dies at each named step, once; soon after, everything is right again."""

import pytest
from assay_testing.crash.campaign import crash_points
from assay_testing.crash.points import CASES, Case, once_each
from assay_testing.crash.world import World

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize("case", once_each(), ids=str)
def test_nothing_is_lost_or_doubled_by_a_death_at(case: Case, module_world: World) -> None:
    report = crash_points(module_world, [case])
    assert not report.failed, "\n".join(report.lines())


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_lost_or_doubled_by_any_death_at(case: Case, module_world: World) -> None:
    report = crash_points(module_world, [case])
    assert not report.failed, "\n".join(report.lines())
