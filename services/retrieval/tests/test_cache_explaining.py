import pytest
from assay_core.search import CacheEntry, CacheNeighbour, CacheView
from assay_retrieval.cache_explaining import explanation_of, served_by

NEAR = CacheNeighbour(CacheEntry("q", b"", (), made_at=3, similarity=0.99), None)
REFUSED = CacheNeighbour(CacheEntry("other", b"", (), made_at=3, similarity=0.995), "numbers")
LATER = CacheNeighbour(CacheEntry("q", b"", (), made_at=9, similarity=1.0), None)


@pytest.mark.parametrize(
    ("view", "live", "verdict", "said"),
    [
        (CacheView(None, 0.97, ()), None, "miss", "Nothing is kept"),
        (CacheView(2, 0.97, (NEAR,)), True, "passed_by", "sequence 3"),
        (CacheView(3, 0.97, ()), None, "miss", "No question was asked"),
        (CacheView(3, 0.97, (REFUSED,)), None, "miss", "numbers"),
        (CacheView(3, 0.97, (LATER,)), None, "miss", "sequence"),
        (CacheView(3, 0.97, (NEAR,)), False, "miss", "changed, deleted or hidden"),
        (CacheView(3, 0.97, (REFUSED, NEAR)), True, "hit", "means the same"),
    ],
)
def test_what_decides_is_said(view: CacheView, live: bool | None, verdict: str, said: str):
    found = explanation_of(view, sequence=3, live=live)
    assert (found.verdict, said in found.reason) == (verdict, True)


def test_a_look_up_takes_the_nearest_that_no_look_refuses():
    view = CacheView(3, 0.97, (REFUSED, LATER, NEAR))
    assert served_by(view, sequence=3) == NEAR.entry
