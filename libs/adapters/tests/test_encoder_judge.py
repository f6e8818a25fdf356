"""The trained judge meets the contract, with the weights that ship."""

from pathlib import Path

import pytest
from assay_adapters.encoder_judge import EncoderJudge
from assay_core.answers import Verdict
from assay_core.ports import Judge
from assay_testing.conformance.judge import JudgeContract

pytestmark = pytest.mark.integration
SOURCE = "Visitors must wear a badge at all times. The limit is 350 EUR for each night in a hotel."


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> EncoderJudge:
    return EncoderJudge(cache_path=tmp_path_factory.mktemp("models"))


class TestEncoderJudge(JudgeContract):
    @pytest.fixture
    def judge(self, shipped: EncoderJudge) -> Judge:
        return shipped


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("The limit is 350 EUR for each night in a hotel.", Verdict.SUPPORTED),
        ("The limit is 250 EUR for each night in a hotel.", Verdict.CONTRADICTED),
        ("Visitors must not wear a badge at all times.", Verdict.CONTRADICTED),
        ("Dogs are welcome on Fridays.", Verdict.UNSUPPORTED),
    ],
)
def test_numbers_and_negations_decide(shipped: EncoderJudge, claim: str, verdict: Verdict) -> None:
    (judged,) = shipped.judge_claims([claim], [SOURCE])
    assert (judged.verdict is Verdict.SUPPORTED) == (verdict is Verdict.SUPPORTED), judged


def test_the_quote_is_the_deciding_sentence(shipped: EncoderJudge) -> None:
    (judged,) = shipped.judge_claims(["The limit is 350 EUR for each night."], ["Intro.", SOURCE])
    assert judged.source == 1
    assert SOURCE[judged.quote_start : judged.quote_end] == "The limit is 350 EUR for each night in a hotel."


def test_a_long_source_is_read_to_its_end(shipped: EncoderJudge) -> None:
    filler = " ".join(f"Section {n} describes the archive of the year {1900 + n}." for n in range(300))
    (judged,) = shipped.judge_claims(["Parental leave is twenty days."], [f"{filler} Parental leave is twenty days."])
    assert judged.verdict is Verdict.SUPPORTED
    assert judged.quote_start is not None
    assert judged.quote_start >= len(filler)


def test_neighbours_do_not_change_a_verdict(shipped: EncoderJudge) -> None:
    claims = ["The limit is 350 EUR.", "Visitors wear a badge.", "Dogs are welcome on Fridays."]
    together = shipped.judge_claims(claims, [SOURCE])
    alone = [shipped.judge_claims([claim], [SOURCE])[0] for claim in claims]
    for a, b in zip(together, alone, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=0.05)
        assert a.quote_start == b.quote_start


def test_weights_fit_the_limits() -> None:
    from assay_adapters.models import model_folder

    weights = Path(model_folder("packaged:judge")) / "model.safetensors"
    assert weights.stat().st_size <= 50_000_000
