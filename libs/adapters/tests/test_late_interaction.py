"""The reranker by late interaction meets the contract, and sees the few words that answer."""

import pytest
from assay_adapters.late_interaction import LateInteractionReranker
from assay_core.ports import Reranker
from assay_testing.conformance.reranker import RerankerContract
from assay_testing.fake_embedder import FakeEmbedder

LONG = "The canteen opens at noon. Lunch costs 8 EUR. Guests pay 12 EUR. Tables cannot be reserved. "


class TestLateInteractionReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return LateInteractionReranker(FakeEmbedder())


def test_one_right_sentence_in_a_long_passage_beats_a_passage_half_about_it():
    reranker = LateInteractionReranker(FakeEmbedder())
    passages = [LONG + "The blue pump weighs forty kilograms.", "Pump parts are listed below with their prices."]
    first, second = reranker.score("blue pump weighs kilograms", passages)
    assert first > second


def test_each_word_of_the_question_counts_by_its_best_match():
    """Three of four words are in the passage with cosine 1; the fake's vectors of other words are nearly orthogonal."""
    (score,) = LateInteractionReranker(FakeEmbedder(dimension=4096)).score(
        "blue pump weighs tons", ["a blue pump weighs"]
    )
    assert score == pytest.approx(0.75 + 0.1 * 0.75)


def test_a_question_without_words_prefers_nothing():
    first, second = LateInteractionReranker(FakeEmbedder()).score("?!", ["pump", "…"])
    assert first == second
