"""The scores of a lexical index against those of rank-bm25, on the passages of the sample documents."""

import re
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple, cast

import pytest
from assay_core.ports import LexicalIndex

from assay_testing.ids import new_collection, new_row, scope_of
from assay_testing.sample import documents

K1, B = 1.2, 0.75
_LEAST_LETTERS = 40
_WORDS_ASKED = 8
_EVERY = 7
_MARKS = re.compile(r"[#*|`_-]+")


class Analysis(NamedTuple):
    """The terms of a passage and of a question, as an index sees them."""

    of_passage: Callable[[str], list[str]]
    of_question: Callable[[str], list[str]]


class Bm25OracleContract:
    """Override `index` and `analysis`."""

    @pytest.fixture
    def index(self) -> LexicalIndex:
        raise NotImplementedError

    @pytest.fixture
    def analysis(self) -> Analysis:
        raise NotImplementedError

    def test_passages_are_ordered_as_by_rank_bm25(self, index: LexicalIndex, analysis: Analysis) -> None:
        """Spearman's rank correlation, over all passages for each question, and over those that are found."""
        from rank_bm25 import BM25Okapi

        texts = passages()
        collection = new_collection()
        rows = [new_row(collection) for _ in texts]
        index.upsert(rows, texts)
        oracle = BM25Okapi([analysis.of_passage(text) for text in texts], k1=K1, b=B)
        found: list[float] = []
        for question in questions(texts):
            hits = index.search(scope_of(collection, 1), question, top_k=len(texts), epoch=1)
            scores = {hit.chunk: hit.score for hit in hits}
            expected = [float(score) for score in oracle.get_scores(analysis.of_question(question))]
            assert spearman([scores.get(row.chunk, 0.0) for row in rows], expected) >= 0.99, question
            pairs = [
                (scores[row.chunk], score) for row, score in zip(rows, expected, strict=True) if row.chunk in scores
            ]
            found.append(spearman([own for own, _ in pairs], [score for _, score in pairs]))
        assert len(found) > 30
        assert fmean(found) >= 0.99, sorted(found)


def passages() -> list[str]:
    """Paragraphs of the sample's Markdown and plain text."""
    files = [file for file in documents() if file.suffix in (".md", ".txt")]
    return [part for file in files for part in file.read_text().split("\n\n") if len(part) >= _LEAST_LETTERS]


def questions(texts: Sequence[str]) -> list[str]:
    """The first words of some of the passages."""
    return [_MARKS.sub(" ", " ".join(text.split()[:_WORDS_ASKED])) for text in texts[::_EVERY]]


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """The correlation of their ranks; equal values share the mean of theirs."""
    from scipy.stats import spearmanr

    correlation, _ = cast("tuple[float, float]", spearmanr(one, other))
    return float(correlation)
