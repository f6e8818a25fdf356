from assay_core.documents import ChunkId, TenantId
from assay_core.fusion import Candidate
from assay_core.rewriting import WEAK, weakness
from assay_core.search import StageRank
from hypothesis import given
from hypothesis import strategies as st


def candidate(number: int, score: float, *, dense: int = 99, lexical: int = 99) -> Candidate:
    stages = (StageRank("dense", dense, 0.5), StageRank("lexical", lexical, 7.0))
    return Candidate(ChunkId(TenantId("t"), f"{number:032x}"), score, stages)


def test_what_stands_out_in_both_indexes_is_not_weak() -> None:
    clear = [candidate(n, 0.9 if n == 0 else 0.4, dense=n + 1, lexical=n + 1) for n in range(10)]
    flat = [candidate(n, 0.4) for n in range(10)]
    assert weakness(clear) < 0.01
    assert weakness(flat) > 0.5 > WEAK


def test_nothing_found_is_as_weak_as_can_be() -> None:
    assert weakness([]) == 1.0


def test_the_order_of_candidates_is_their_score() -> None:
    found = [candidate(n, 0.1 * n, dense=n + 1) for n in range(9)]
    assert weakness(found) == weakness(found[::-1])


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5), st.integers(0, 5))
def test_a_larger_lead_and_more_agreement_are_never_weaker(one: float, other: float, few: int, many: int) -> None:
    def found(lead: float, agreed: int) -> list[Candidate]:
        rest = [candidate(n, 0.0, dense=n, lexical=n if n <= agreed else 99) for n in range(1, 10)]
        return [candidate(0, lead, dense=10), *rest]

    (low, high), (less, more) = sorted((one, other)), sorted((few, many))
    assert 0 <= weakness(found(high, more)) <= weakness(found(low, less)) <= 1
