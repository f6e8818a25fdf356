import pytest
from assay_core.ports import Reranker


class RerankerContract:
    """Override `reranker`."""

    @pytest.fixture
    def reranker(self) -> Reranker:
        raise NotImplementedError

    def test_scores_come_in_input_order(self, reranker: Reranker) -> None:
        passages = ["Parental leave is twenty days.", "x", "The pump is blue."]
        forwards = reranker.score("parental leave days", passages)
        backwards = reranker.score("parental leave days", passages[::-1])
        assert len(forwards) == 3
        assert forwards == pytest.approx(backwards[::-1], abs=0.05)

    def test_no_passages_give_no_scores(self, reranker: Reranker) -> None:
        assert reranker.score("anything", []) == []

    def test_long_and_empty_passages_are_scored(self, reranker: Reranker) -> None:
        assert len(reranker.score("pump", ["", "pump " * 5000])) == 2
