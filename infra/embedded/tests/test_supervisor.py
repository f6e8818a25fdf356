import pytest
from assay_core.errors import Invalid, Unavailable
from assay_embedded import settings
from assay_embedded.part import PartStatus
from assay_embedded.supervisor import Supervisor, check_hopeless, stages


def test_those_that_use_others_stop_first() -> None:
    needs = {"postgres": (), "cache": (), "migrate": ("postgres",), "gateway": ("migrate",), "relay": ("migrate",)}
    assert list(stages(needs)) == [["cache", "gateway", "relay"], ["migrate"], ["postgres"]]


def test_needs_of_parts_that_are_left_out_do_not_matter() -> None:
    assert list(stages({"gateway": ("migrate",)})) == [["gateway"]]


def test_waiting_for_a_failed_part_ends_with_its_reason() -> None:
    with pytest.raises(Unavailable, match="no wheel"):
        check_hopeless([PartStatus("cache", "failed", detail="no wheel")])


def test_a_part_that_never_comes_up_is_given_up() -> None:
    check_hopeless([PartStatus("cache", "backoff", restarts=2)])
    with pytest.raises(Unavailable, match="cache does not start"):
        check_hopeless([PartStatus("cache", "backoff", restarts=6)])


def test_a_part_that_was_ready_once_is_not_given_up() -> None:
    check_hopeless([PartStatus("cache", "backoff", restarts=60, ready_after_s=1.0)])


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Invalid, match=r"'redis'.*broker"):
        Supervisor(settings.read(environ={}), names=["redis"])
