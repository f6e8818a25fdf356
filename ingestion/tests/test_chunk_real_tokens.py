"""The sample documents, divided with the tokenizer of the default embedder."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from assay_adapters.models import model_folder
from assay_core.collection_settings import Chunking
from assay_core.documents import DocumentId, TenantId, text_for_index
from assay_ingestion.chunk import split, with_short_title
from assay_testing import sample
from assay_testing.fake_parser import FakeParser
from tokenizers import Tokenizer


class MiniLmTokens:
    """The default embedder without its weights."""

    model_id = "tokens-only"
    dimension = 384
    max_tokens = 256

    def __init__(self) -> None:
        self._tokenizer: Tokenizer = Tokenizer.from_file(f"{model_folder('packaged:all-MiniLM-L6-v2')}/tokenizer.json")
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(one.ids) for one in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        raise NotImplementedError


@pytest.fixture(scope="module")
def embedder() -> MiniLmTokens:
    return MiniLmTokens()


@pytest.mark.parametrize("path", [p for p in sample.documents() if p.suffix == ".md"], ids=lambda p: p.name)
def test_every_passage_is_read_whole_and_counted_exactly(path: Path, embedder: MiniLmTokens) -> None:
    parsed = with_short_title(FakeParser().parse(str(path), name=path.name), embedder)
    chunks = split(parsed, document=DocumentId(TenantId("t"), "d"), embedder=embedder, chunking=Chunking())
    assert [parsed.text[c.start : c.end] for c in chunks] == [c.text for c in chunks]
    assert embedder.count_tokens([c.text for c in chunks]) == [c.tokens for c in chunks]
    texts = [text_for_index(title=parsed.title, heading_path=c.heading_path, text=c.text) for c in chunks]
    assert max(embedder.count_tokens(texts)) + 2 <= embedder.max_tokens
