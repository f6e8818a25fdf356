import pytest
from assay_evals.cache_rates import Lookup, rates


def test_only_hits_that_were_asked_again_can_be_wrong() -> None:
    seen = [Lookup(False), Lookup(True), Lookup(True, wrong=False), Lookup(True, wrong=True)]
    assert rates(seen) == {"cache_hit_rate": pytest.approx(0.75), "cache_wrong_hit_rate": pytest.approx(0.5)}


def test_what_was_not_counted_has_no_rate() -> None:
    assert rates([]) == {}
    assert rates([Lookup(True)]) == {"cache_hit_rate": 1}
