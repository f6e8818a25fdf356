from collections import Counter

import pytest
from assay_core.sampling import length_of, stratified
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = "a" * 60 + "b" * 30 + "c" * 9 + "d"


def kind(item: tuple[int, str]) -> str:
    return item[1]


ITEMS = list(enumerate(KINDS))


def test_shares_are_in_proportion_and_the_rare_are_there() -> None:
    drawn = stratified(ITEMS, 20, stratum=kind, seed=1)
    assert Counter(k for _, k in drawn) == {"a": 12, "b": 6, "c": 1, "d": 1}
    assert drawn == sorted(drawn)


def test_where_there_is_no_room_the_largest_are_taken() -> None:
    assert {k for _, k in stratified(ITEMS, 2, stratum=kind, seed=1)} == {"a", "b"}


def test_the_seed_decides() -> None:
    assert stratified(ITEMS, 20, stratum=kind, seed=1) == stratified(ITEMS, 20, stratum=kind, seed=1)
    assert stratified(ITEMS, 20, stratum=kind, seed=1) != stratified(ITEMS, 20, stratum=kind, seed=2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=60), st.integers(0, 70), st.integers())
def test_a_sample_is_of_the_size_and_of_the_items(items: list[int], size: int, seed: int) -> None:
    drawn = stratified(list(enumerate(items)), size, stratum=lambda item: item[1], seed=seed)
    assert len(drawn) == min(size, len(items))
    assert len(set(drawn)) == len(drawn)
    if size >= len(set(items)):
        assert {k for _, k in drawn} == set(items)


@pytest.mark.parametrize(("words", "length"), [(1, "short"), (7, "short"), (8, "medium"), (15, "medium"), (16, "long")])
def test_lengths(words: int, length: str) -> None:
    assert length_of("word " * words) == length
