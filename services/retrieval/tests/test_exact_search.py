"""Recall against exact search: batches add up, equals count, and nothing to find is no number."""

import numpy as np
import pytest
from assay_retrieval.exact_search import ExactSearch, Matrix


def unit(rows: int, *, seed: int) -> Matrix:
    vectors = np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def nearest(query: Matrix, vectors: Matrix, count: int) -> list[float]:
    return sorted((float(c) for c in vectors @ query), reverse=True)[:count]


@pytest.mark.parametrize("batch", [1, 7, 40, 100])
def test_batches_add_up_to_all_vectors(batch: int) -> None:
    queries, vectors = unit(3, seed=1), unit(40, seed=2)
    exact = ExactSearch(queries, top_k=10)
    for start in range(0, 40, batch):
        exact.show(vectors[start : start + batch])
    assert exact.recalls([nearest(q, vectors, 10) for q in queries]) == [1.0, 1.0, 1.0]
    assert exact.recalls([nearest(q, vectors, 13)[3:] for q in queries]) == [0.7, 0.7, 0.7]


def test_one_of_several_equals_is_as_good_as_another() -> None:
    query, vectors = unit(1, seed=1), np.repeat(unit(1, seed=3), 5, axis=0)
    exact = ExactSearch(query, top_k=2)
    exact.show(vectors)
    assert exact.recalls([nearest(query[0], vectors, 2)]) == [1.0]


def test_fewer_vectors_than_asked_for_are_all_of_them() -> None:
    query, vectors = unit(1, seed=1), unit(3, seed=2)
    exact = ExactSearch(query, top_k=10)
    exact.show(vectors)
    assert exact.recalls([nearest(query[0], vectors, 3)]) == [1.0]
    assert exact.recalls([nearest(query[0], vectors, 1)]) == [pytest.approx(1 / 3)]


def test_without_vectors_there_is_no_recall() -> None:
    assert ExactSearch(unit(2, seed=1), top_k=10).recalls([[], []]) == [None, None]
