"""Learning a fusion from questions whose right ranking is known."""

from collections.abc import Callable
from hashlib import sha256
from random import Random

import pytest
from assay_core.collection_settings import Searching
from assay_core.documents import ChunkId, TenantId
from assay_core.errors import Invalid
from assay_core.search import IndexHit
from assay_evals.fusion_learning import AskedQuestion, LearnedFusion, learn_fusion

NAMES = "abcdefghijkl"


def chunk(name: str) -> ChunkId:
    return ChunkId(TenantId(""), name)


def question(number: int, *, dense_finds: bool) -> AskedQuestion:
    """The one index has the gold passage first; in the other it is last, below everything else."""
    draw = Random(number)
    others = draw.sample(NAMES, len(NAMES))
    right, wrong = ["gold", *others], [*draw.sample(others, len(others)), "gold"]
    dense, lexical = (right, wrong) if dense_finds else (wrong, right)
    rankings = {
        "dense": [IndexHit(chunk(name), 0.9 - rank / 20) for rank, name in enumerate(dense)],
        "lexical": [IndexHit(chunk(name), 20.0 - rank) for rank, name in enumerate(lexical)],
    }
    return AskedQuestion(f"q{number}", rankings, {chunk("gold"): frozenset({0})}, (1,))


def questions(dense_finds: Callable[[int], bool], count: int = 100) -> list[AskedQuestion]:
    return [question(number, dense_finds=dense_finds(number)) for number in range(count)]


@pytest.mark.parametrize("best", [True, False])
def test_the_index_that_finds_gets_the_weight(best: bool):
    found = learn_fusion(questions(lambda _: best), Searching(fusion="rrf", dense_weight=0.5))
    assert (found.learned.dense_weight > 0.5) is best
    assert found.passed
    assert found.ndcg_learned == 1.0 > found.ndcg_present
    assert found.low <= found.difference <= found.high
    assert found.learned_on + found.held_back == 100


def test_what_is_best_already_stays():
    present = Searching(dense_weight=1.0)
    found = learn_fusion(questions(lambda _: True), present)
    assert not found.differs
    assert (found.difference, found.low, found.high, found.passed) == (0.0, 0.0, 0.0, True)


def test_what_holds_on_the_learning_half_only_is_refused():
    present = Searching(fusion="rrf", dense_weight=0.5)
    plain = questions(lambda _: True)
    learned_on = {one.id for one in plain if _is_learned_on(one.id)}
    twisted = [question(number, dense_finds=f"q{number}" in learned_on) for number in range(100)]
    found = learn_fusion(twisted, present)
    assert found.differs
    assert not found.passed


def test_too_few_questions_say_nothing():
    with pytest.raises(Invalid, match="each half needs 20"):
        learn_fusion(questions(lambda _: True, count=25), Searching())


def test_a_gate_takes_a_mean_that_is_no_worse_and_an_interval_near_it():
    def learned(difference: float, low: float) -> LearnedFusion:
        return LearnedFusion(50, 50, Searching(), Searching(dense_weight=0.5), 0.5, 0.5, difference, low, 0.1)

    assert learned(0.0, -0.019).passed
    assert not learned(-0.001, -0.019).passed
    assert not learned(0.01, -0.02).passed


def _is_learned_on(identity: str) -> bool:
    return sha256(identity.encode()).digest()[0] % 2 == 0
