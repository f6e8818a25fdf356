"""The torch adapters meet the contracts; weights of the cross-encoder are untrained, which its port allows."""

from pathlib import Path

import numpy as np
import pytest
from assay_adapters.cross_encoder import CrossEncoderReranker
from assay_adapters.models import model_folder
from assay_adapters.openvino_cross_encoder import OpenVinoCrossEncoder
from assay_adapters.openvino_embedder import OpenVinoEmbedder
from assay_adapters.torch_embedder import TorchEmbedder
from assay_core.errors import Invalid
from assay_core.ports import Reranker, TokenEmbedder
from assay_testing.conformance.embedder import TEXTS, TokenEmbedderContract
from assay_testing.conformance.reranker import RerankerContract

pytestmark = [pytest.mark.integration, pytest.mark.slow]
MODEL = "packaged:all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def torch_embedder() -> TorchEmbedder:
    return TorchEmbedder(model=MODEL)


class TestTorchEmbedder(TokenEmbedderContract):
    @pytest.fixture
    def embedder(self, torch_embedder: TorchEmbedder) -> TokenEmbedder:
        return torch_embedder


def test_torch_and_openvino_share_a_vector_space(torch_embedder: TorchEmbedder, models_path: Path) -> None:
    openvino = OpenVinoEmbedder(model=MODEL, cache_path=models_path)
    assert openvino.model_id == torch_embedder.model_id
    assert openvino.max_tokens == torch_embedder.max_tokens
    cosines = (np.asarray(openvino.embed_passages(TEXTS)) * torch_embedder.embed_passages(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.999


@pytest.fixture(scope="module")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("cross-encoder")
    source = model_folder(MODEL)
    AutoModelForSequenceClassification.from_pretrained(source, num_labels=1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


class TestCrossEncoder(RerankerContract):
    @pytest.fixture
    def reranker(self, cross_encoder_folder: Path) -> Reranker:
        return CrossEncoderReranker(model=str(cross_encoder_folder))


@pytest.fixture(scope="module")
def openvino_cross_encoder(cross_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    return OpenVinoCrossEncoder(model=str(cross_encoder_folder), cache_path=tmp_path_factory.mktemp("converted"))


class TestOpenVinoCrossEncoder(RerankerContract):
    @pytest.fixture
    def reranker(self, openvino_cross_encoder: Reranker) -> Reranker:
        return openvino_cross_encoder


def test_int8_scores_as_the_whole_weights_do(cross_encoder_folder: Path, openvino_cross_encoder: Reranker) -> None:
    passages = [*TEXTS, "The pump is inspected weekly. " * 40, ""]
    whole = CrossEncoderReranker(model=str(cross_encoder_folder), device="cpu").score("pump inspection", passages)
    scores = openvino_cross_encoder.score("pump inspection", passages)
    assert scores == pytest.approx(whole, abs=0.05 * max(1.0, float(np.std(whole))))
    assert np.corrcoef(scores, whole)[0, 1] > 0.98


def test_a_model_that_is_no_reranker_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"gives 2 numbers.*BACKEND=local"):
        OpenVinoCrossEncoder(model=MODEL, cache_path=tmp_path)
    with pytest.raises(Invalid, match="holds no model"):
        OpenVinoCrossEncoder(model=str(tmp_path), cache_path=tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        CrossEncoderReranker(model=str(tmp_path)).score("query", ["passage"])
    with pytest.raises(Invalid):
        TorchEmbedder(model=str(tmp_path))
