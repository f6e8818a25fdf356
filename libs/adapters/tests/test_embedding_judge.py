"""The embedding judge meets the contract, and catches what embeddings alone would not."""

import pytest
from assay_adapters.embedding_judge import EmbeddingJudge
from assay_core.answers import Verdict
from assay_core.ports import Judge
from assay_testing.conformance.judge import JudgeContract
from assay_testing.fake_embedder import FakeEmbedder

SOURCE = "Visitors must wear a badge at all times. The limit is 350 EUR for each night in a hotel."


class TestEmbeddingJudge(JudgeContract):
    @pytest.fixture
    def judge(self) -> Judge:
        return EmbeddingJudge(FakeEmbedder())


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("The limit is 350 EUR for each night in a hotel.", Verdict.SUPPORTED),
        ("The limit is 250 EUR for each night in a hotel.", Verdict.CONTRADICTED),
        ("Visitors must not wear a badge at all times.", Verdict.CONTRADICTED),
        ("Dogs are welcome on Fridays.", Verdict.UNSUPPORTED),
    ],
)
def test_numbers_and_negations_decide(claim: str, verdict: Verdict):
    (judged,) = EmbeddingJudge(FakeEmbedder()).judge_claims([claim], [SOURCE])
    assert judged.verdict is verdict


def test_the_quote_is_the_deciding_sentence():
    (judged,) = EmbeddingJudge(FakeEmbedder()).judge_claims(
        ["The limit is 350 EUR for each night."], ["Intro.", SOURCE]
    )
    assert judged.source == 1
    assert SOURCE[judged.quote_start : judged.quote_end] == "The limit is 350 EUR for each night in a hotel."
