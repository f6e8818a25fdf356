"""The packaged model meets the contract, in the process and on a server, and agrees with sentence-transformers."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from assay_adapters.batching import SharedEmbedder
from assay_adapters.models import model_folder
from assay_adapters.openvino_embedder import OpenVinoEmbedder
from assay_adapters.remote_embedder import Protocol, RemoteEmbedder, RemoteModel
from assay_core.errors import Invalid
from assay_core.ports import Embedder, TokenEmbedder
from assay_testing import sample
from assay_testing.conformance.embedder import EmbedderContract, TokenEmbedderContract

pytestmark = [pytest.mark.integration, pytest.mark.slow]
MODEL = "packaged:all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def openvino(models_path: Path) -> OpenVinoEmbedder:
    return OpenVinoEmbedder(model=MODEL, cache_path=models_path)


class TestOpenVino(TokenEmbedderContract):
    @pytest.fixture
    def embedder(self, openvino: OpenVinoEmbedder) -> TokenEmbedder:
        return openvino


class TestShared(TokenEmbedderContract):
    @pytest.fixture
    def embedder(self, openvino: OpenVinoEmbedder) -> TokenEmbedder:
        return SharedEmbedder(openvino)


@pytest.fixture(params=["openai", "tei"])
def remote(request: pytest.FixtureRequest, openvino: OpenVinoEmbedder) -> RemoteEmbedder:
    """A server with the same model, which refuses what is too long for it."""
    protocol: Protocol = request.param

    def answer(asked: httpx.Request) -> httpx.Response:
        texts = json.loads(asked.content)["input" if protocol == "openai" else "inputs"]
        if max(openvino.count_tokens(texts)) + 2 > openvino.max_tokens:
            return httpx.Response(413)
        rows = openvino.embed_passages(texts).tolist()
        data = [{"index": i, "embedding": row} for i, row in enumerate(rows)]
        return httpx.Response(200, json={"data": data} if protocol == "openai" else rows)

    model = RemoteModel(
        name="all-MiniLM-L6-v2",
        dimension=openvino.dimension,
        max_tokens=openvino.max_tokens,
        tokenizer=Path(model_folder(MODEL)),
    )
    return RemoteEmbedder(
        model=model, base_url="http://server", protocol=protocol, transport=httpx.MockTransport(answer)
    )


class TestRemote(EmbedderContract):
    @pytest.fixture
    def embedder(self, remote: RemoteEmbedder) -> Embedder:
        return remote


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
