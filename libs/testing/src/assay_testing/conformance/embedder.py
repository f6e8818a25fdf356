import math

import pytest
from assay_core.ports import Embedder, TokenEmbedder, Vector

TEXTS = [
    "How many days of parental leave do I get?",
    "The pump must be inspected every six months.",
    "Parental leave is twenty days for each parent.",
    "x",
]


def cosine(a: Vector, b: Vector) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


class EmbedderContract:
    """Override `embedder`."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        raise NotImplementedError

    def test_vectors_have_unit_length_and_the_dimension(self, embedder: Embedder) -> None:
        vectors = [*embedder.embed_passages(TEXTS), embedder.embed_query(TEXTS[0])]
        assert all(len(vector) == embedder.dimension for vector in vectors)
        assert [math.sqrt(cosine(v, v)) for v in vectors] == pytest.approx([1.0] * len(vectors), abs=1e-3)

    def test_a_passage_has_the_same_vector_in_any_batch_and_order(self, embedder: Embedder) -> None:
        together = list(embedder.embed_passages(TEXTS))
        backwards = list(embedder.embed_passages(TEXTS[::-1]))[::-1]
        alone = [next(iter(embedder.embed_passages([text]))) for text in TEXTS]
        for a, b, c in zip(together, backwards, alone, strict=True):
            assert cosine(a, b) > 0.999
            assert cosine(a, c) > 0.999

    def test_related_texts_are_closer_than_others(self, embedder: Embedder) -> None:
        query = embedder.embed_query("days of parental leave")
        _, other, related, _ = embedder.embed_passages(TEXTS)
        assert cosine(query, related) > cosine(query, other) + 0.1

    def test_questions_together_have_the_vectors_that_they_have_alone(self, embedder: Embedder) -> None:
        for text, together in zip(TEXTS, embedder.embed_queries(TEXTS), strict=True):
            assert cosine(together, embedder.embed_query(text)) > 0.999

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert len(embedder.embed_queries([])) == 0
        assert len(embedder.embed_passages([])) == 0
        assert embedder.count_tokens([]) == []

    @pytest.mark.parametrize("text", ["", "  ", "\0", "😀 ñ 漢字", "\ud800"])
    def test_any_text_can_be_embedded(self, embedder: Embedder, text: str) -> None:
        assert len(embedder.embed_query(text)) == embedder.dimension
        assert len(embedder.embed_passages([text])) == 1
        assert len(embedder.count_tokens([text])) == 1

    def test_tokens_are_counted_uncut(self, embedder: Embedder) -> None:
        long = "pump " * (3 * embedder.max_tokens)
        assert embedder.count_tokens([long, "pump"]) == [3 * embedder.max_tokens, 1]

    def test_what_exceeds_the_limit_is_cut_at_the_end(self, embedder: Embedder) -> None:
        long = "pump " * (3 * embedder.max_tokens)
        cut, longer = embedder.embed_passages([long, long + "completely different words about leave"])
        assert cosine(cut, longer) > 0.999


class TokenEmbedderContract(EmbedderContract):
    """Override `embedder`."""

    @pytest.fixture
    def embedder(self) -> TokenEmbedder:
        raise NotImplementedError

    def test_each_word_has_a_unit_vector_and_punctuation_has_none(self, embedder: TokenEmbedder) -> None:
        plain, marked, nothing = embedder.embed_tokens(["pump leave", "pump, leave!", "?!"])
        assert [len(list(rows)) for rows in (plain, marked, nothing)] == [2, 2, 0]
        for vector in plain:
            assert len(vector) == embedder.dimension
            assert cosine(vector, vector) == pytest.approx(1.0, abs=1e-2)

    def test_tokens_have_the_same_vectors_in_any_batch(self, embedder: TokenEmbedder) -> None:
        for text, together in zip(TEXTS, embedder.embed_tokens(TEXTS), strict=True):
            (alone,) = embedder.embed_tokens([text])
            for a, b in zip(together, alone, strict=True):
                assert cosine(a, b) > 0.99

    def test_a_word_is_nearest_to_itself(self, embedder: TokenEmbedder) -> None:
        ((question,),) = embedder.embed_tokens(["pump"], query=True)
        ((same,), (other,)) = embedder.embed_tokens(["pump", "leave"])
        assert cosine(question, same) > cosine(question, other) + 0.1

    def test_long_texts_are_cut_and_none_give_none(self, embedder: TokenEmbedder) -> None:
        (rows,) = embedder.embed_tokens(["pump " * (3 * embedder.max_tokens)])
        assert 0 < len(list(rows)) <= embedder.max_tokens
        assert embedder.embed_tokens([]) == []
