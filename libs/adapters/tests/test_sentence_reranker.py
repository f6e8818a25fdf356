"""The sentence reranker meets the contract, and sees the one sentence that answers."""

import pytest
from assay_adapters.sentence_reranker import SentenceReranker
from assay_core.ports import Reranker
from assay_testing.conformance.reranker import RerankerContract
from assay_testing.fake_embedder import FakeEmbedder

LONG = "The canteen opens at noon. Lunch costs 8 EUR. Guests pay 12 EUR. Tables cannot be reserved. "


class TestSentenceReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return SentenceReranker(FakeEmbedder())


def test_one_right_sentence_in_a_long_passage_beats_a_passage_half_about_it():
    reranker = SentenceReranker(FakeEmbedder())
    passages = [LONG + "The blue pump weighs forty kilograms.", "Pump parts are listed below with their prices."]
    first, second = reranker.score("blue pump weighs kilograms", passages)
    assert first > second
