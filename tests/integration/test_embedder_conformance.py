"""The packaged model through OpenVINO meets the contract, and agrees with sentence-transformers."""

from pathlib import Path

import numpy as np
import pytest
from assay_adapters.batching import SharedEmbedder
from assay_adapters.models import model_folder
from assay_adapters.openvino_embedder import OpenVinoEmbedder
from assay_core.errors import Invalid
from assay_core.ports import TokenEmbedder
from assay_testing import sample
from assay_testing.conformance.embedder import TokenEmbedderContract

pytestmark = [pytest.mark.integration, pytest.mark.slow]
MODEL = "packaged:all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def openvino(tmp_path_factory: pytest.TempPathFactory) -> OpenVinoEmbedder:
    return OpenVinoEmbedder(model=MODEL, cache_path=tmp_path_factory.mktemp("models"))


class TestOpenVino(TokenEmbedderContract):
    @pytest.fixture
    def embedder(self, openvino: OpenVinoEmbedder) -> TokenEmbedder:
        return openvino


class TestShared(TokenEmbedderContract):
    @pytest.fixture
    def embedder(self, openvino: OpenVinoEmbedder) -> TokenEmbedder:
        return SharedEmbedder(openvino)


def test_vectors_agree_with_sentence_transformers_in_fp32(openvino: OpenVinoEmbedder):
    from sentence_transformers import SentenceTransformer

    texts = [p for d in sample.documents() if d.suffix == ".md" for p in d.read_text().split("\n\n")][:64]
    reference = SentenceTransformer(model_folder(MODEL), device="cpu").encode(texts, normalize_embeddings=True)
    cosines = (np.asarray(openvino.embed_passages(texts)) * reference).sum(axis=1)
    assert cosines.mean() > 0.9999
    assert cosines.min() > 0.999


def test_an_unknown_packaged_model_is_refused(tmp_path: Path):
    with pytest.raises(Invalid, match="packaged are: all-MiniLM-L6-v2"):
        OpenVinoEmbedder(model="packaged:nothing", cache_path=tmp_path)
