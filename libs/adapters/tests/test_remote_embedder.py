import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from assay_adapters.remote_embedder import Protocol, RemoteEmbedder, RemoteModel
from assay_core.errors import AssayError, Broken, Invalid, Unavailable
from tokenizers import Tokenizer, models, pre_tokenizers, processors

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token for each word that starts with a letter of a to f, and [S] before and after."""
    words = {"[UNK]": 0, "[S]": 1, "a": 2, "b": 3, "c": 4}
    made = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="[S] $A [S]", special_tokens=[("[S]", 1)])
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(file))
    return file


def embedder(tokenizer: Path, handler: Handler, protocol: Protocol = "openai", **more: Any) -> RemoteEmbedder:
    model = RemoteModel(name="m", dimension=2, max_tokens=5, tokenizer=tokenizer, **more)
    return RemoteEmbedder(
        model=model,
        base_url="http://embed/v1",
        protocol=protocol,
        api_key="k",
        transport=httpx.MockTransport(handler),
    )


def openai(rows: list[list[float]]) -> httpx.Response:
    data = [{"index": i, "embedding": row} for i, row in enumerate(rows)]
    return httpx.Response(200, json={"data": data[::-1]})


def test_rows_come_in_the_order_of_the_texts_and_have_unit_length(tokenizer: Path):
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/embeddings"
        assert request.headers["authorization"] == "Bearer k"
        body = json.loads(request.content)
        assert (body["model"], body["encoding_format"]) == ("m", "float")
        return openai([[3.0 * len(text), 4.0] for text in body["input"]])

    texts = ["a" * n for n in range(1, 100)]
    rows = embedder(tokenizer, handler).embed_passages(texts)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(99), abs=1e-6)
    assert list(rows[:, 0] / rows[:, 1]) == pytest.approx([3 * n / 4 for n in range(1, 100)])


def test_tei_speaks_its_own_protocol(tokenizer: Path):
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/embed"
        assert json.loads(request.content) == {"inputs": ["a"], "normalize": True, "truncate": True}
        return httpx.Response(200, json=[[0.0, 2.0]])

    assert list(embedder(tokenizer, handler, "tei").embed_query("a")) == [0.0, 1.0]


def test_texts_are_prompted_and_cut_to_what_fits_with_the_special_tokens(tokenizer: Path):
    sent: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.extend(json.loads(request.content)["input"])
        return openai([[1.0, 0.0]] * len(json.loads(request.content)["input"]))

    remote = embedder(tokenizer, handler, query_prompt="a ", passage_prompt="b ")
    remote.embed_query("c  b a c")
    remote.embed_passages(["c", "c b a c"])
    assert sent == ["a c  b", "b c b", "b c"]
    assert remote.count_tokens(["a b c a b c a", ""]) == [7, 0]


def test_no_texts_ask_nobody(tokenizer: Path):
    def handler(_: httpx.Request) -> httpx.Response:
        raise AssertionError

    assert embedder(tokenizer, handler).embed_passages([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (httpx.Response(503), Unavailable, "tried again"),
        (httpx.Response(429), Unavailable, "tried again"),
        (httpx.Response(401), Invalid, "key"),
        (httpx.Response(404), Invalid, "ASSAY_EMBEDDER__MODEL"),
        (httpx.Response(200, text="hello"), Broken, "protocol"),
        (httpx.Response(200, json={"data": 3}), Broken, "protocol"),
        (httpx.Response(200, json={"data": [{"index": 0, "embedding": ["x", "y"]}]}), Broken, "protocol"),
        (openai([[1.0, 2.0, 3.0]]), Broken, "ASSAY_EMBEDDER__DIMENSION says 2"),
        (openai([[1.0, 2.0], [1.0, 2.0]]), Broken, "1 texts"),
        (httpx.Response(200, text='{"data": [{"index": 0, "embedding": [NaN, 1]}]}'), Broken, "not numbers"),
    ],
)
def test_what_a_server_may_answer(tokenizer: Path, response: httpx.Response, error: type[AssayError], says: str):
    with pytest.raises(error, match=says):
        embedder(tokenizer, lambda _: response).embed_query("a")


def test_a_server_that_is_down_is_asked_again_later(tokenizer: Path):
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Unavailable, match="does not answer: ConnectError") as caught:
        embedder(tokenizer, handler).embed_passages(["a"])
    assert caught.value.retry_after_s == 10.0


def test_a_missing_tokenizer_is_named(tmp_path: Path):
    model = RemoteModel(name="m", dimension=2, max_tokens=5, tokenizer=tmp_path)
    with pytest.raises(Invalid, match=r"tokenizer\.json.*ASSAY_EMBEDDER__TOKENIZER"):
        RemoteEmbedder(model=model, base_url="http://embed")


def test_what_moves_vectors_changes_the_space(tokenizer: Path):
    first = RemoteModel(name="m", dimension=2, max_tokens=5, tokenizer=tokenizer)

    def model_id(**changed: Any) -> str:
        return replace(first, **changed).model_id

    ids = {model_id(), model_id(name="n"), model_id(max_tokens=6), model_id(query_prompt="q"), model_id(dimension=3)}
    assert len(ids) == 5
    assert model_id() == model_id()
