from pathlib import Path

import pytest
from assay_adapters.embedders import describe_embedder, open_embedder, with_tokens
from assay_adapters.remote_embedder import RemoteEmbedder
from assay_core.errors import Invalid
from assay_runtime.settings import EmbedderSettings
from assay_testing.fake_embedder import FakeEmbedder
from tokenizers import Tokenizer, models


@pytest.fixture
def remote(tmp_path: Path) -> EmbedderSettings:
    Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    return EmbedderSettings(
        backend="openai", model="bge", url="http://x/v1", dimension=8, max_tokens=512, tokenizer=tmp_path
    )


def test_a_remote_embedder_is_described_without_asking_it(remote: EmbedderSettings, tmp_path: Path):
    embedder = open_embedder(remote, cache_path=tmp_path)
    assert isinstance(embedder, RemoteEmbedder)
    space = describe_embedder(remote)
    assert (space.model_id, space.dimension) == (embedder.model_id, 8)


def test_what_is_missing_for_a_remote_embedder_is_named(remote: EmbedderSettings):
    with pytest.raises(Invalid, match="needs ASSAY_EMBEDDER__URL, ASSAY_EMBEDDER__DIMENSION"):
        describe_embedder(remote.model_copy(update={"url": "", "dimension": 0}))


def test_the_same_weights_have_one_space_in_every_process():
    assert describe_embedder(EmbedderSettings()) == describe_embedder(EmbedderSettings(backend="torch"))
    assert describe_embedder(EmbedderSettings()).dimension == 384


def test_an_unknown_backend_is_refused(tmp_path: Path):
    with pytest.raises(Invalid, match="use openvino, torch, openai or tei"):
        open_embedder(EmbedderSettings(backend="magic"), cache_path=tmp_path)


def test_only_a_local_model_shows_its_tokens():
    with pytest.raises(Invalid, match="ASSAY_RERANKER__MODEL"):
        with_tokens(FakeEmbedder())
