from collections.abc import Callable
from itertools import count
from typing import Protocol

import pytest
from assay_core.documents import AclId
from assay_core.ports import LexicalIndex, Vocabulary
from assay_core.search import IndexRow

from assay_testing.ids import choosing, new_collection, new_row, scope_of

_epochs = count(1)


class WordedIndex(LexicalIndex, Vocabulary, Protocol):
    """A lexical index that tells which words its rows hold."""


class VocabularyContract:
    """Override `make_index`: a function that opens the index, each time on the same data."""

    @pytest.fixture
    def make_index(self) -> Callable[[], WordedIndex]:
        raise NotImplementedError

    @pytest.fixture
    def words(self, make_index: Callable[[], WordedIndex]) -> WordedIndex:
        return make_index()

    def test_rows_that_hold_a_word_are_counted_in_scope_alone(self, words: WordedIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection, acl=acl) for acl in (1, 1, 2)]
        words.upsert(rows, ["pump station", "The pumps", "pump zephyr"])
        asked = ["Pump", "station", "zephyr", "valve"]
        assert words.rows_with(scope_of(collection, 1), asked, epoch=next(_epochs)) == [2, 1, 0, 0]
        assert words.rows_with(scope_of(collection, 1, 2), asked, epoch=next(_epochs)) == [3, 1, 1, 0]
        assert words.rows_with(scope_of(collection), asked, epoch=next(_epochs)) == [0, 0, 0, 0]
        only = choosing(scope_of(collection, 1), [rows[1].chunk])
        assert words.rows_with(only, asked, epoch=next(_epochs)) == [1, 0, 0, 0]

    def test_a_word_that_only_hidden_rows_hold_is_unknown(self, words: WordedIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection, acl=acl) for acl in (1, 1, 2, 2, 2)]
        words.upsert(rows, ["pump station", "pump", "zephyr pump", "zephyr", "zephyr station"])
        asked = ["Pump", "the", "zephyr", "stations", "valve"]
        assert words.unknown(scope_of(collection, 1), asked, epoch=next(_epochs)) == ["zephyr", "valve"]
        assert words.unknown(scope_of(collection, 1, 2), asked, epoch=next(_epochs)) == ["valve"]
        assert words.unknown(scope_of(collection), ["pump"], epoch=next(_epochs)) == ["pump"]
        words.delete(collection, [rows[0].chunk])
        assert words.unknown(scope_of(collection, 1), asked, epoch=next(_epochs)) == ["zephyr", "stations", "valve"]

    def test_a_deleted_row_holds_no_word(self, words: WordedIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2)]
        words.upsert(rows, ["pump", "zephyr"])
        words.delete(collection, [rows[1].chunk])
        assert words.rows_with(scope_of(collection, 1), ["pump", "zephyr"], epoch=next(_epochs)) == [1, 0]
        assert words.rows_like(scope_of(collection, 1), "zephir", "", top_k=5, epoch=next(_epochs)) == []

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("stacion", "station"), ("staton", "station"), ("sttaion", "station"), ("inspecsion", "inspection")],
    )
    def test_a_row_with_a_word_like_it_is_found(self, words: WordedIndex, written: str, meant: str) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2)]
        words.upsert(rows, [f"the {meant} of the pump", "lunch menu"])
        scope = scope_of(collection, 1)
        assert words.rows_like(scope, written, "pump", top_k=5, epoch=next(_epochs)) == [rows[0].chunk]

    def test_those_that_hold_more_of_the_question_come_first(self, words: WordedIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(3)]
        words.upsert(rows, ["station of trains", "station of the blue pump", "station of buses"])
        found = words.rows_like(scope_of(collection, 1), "stacion", "blue pump", top_k=2, epoch=next(_epochs))
        assert found[0] == rows[1].chunk
        assert len(found) == 2

    def test_rows_out_of_scope_are_like_nothing(self, words: WordedIndex) -> None:
        collection, foreign = new_collection(), new_collection()
        words.upsert([IndexRow(new_row(collection).chunk, collection, AclId(2)), new_row(foreign)], ["zephyr"] * 2)
        assert words.rows_like(scope_of(collection, 1), "zephir", "", top_k=5, epoch=next(_epochs)) == []

    @pytest.mark.parametrize("word", ["", "the", "x", "!?", "\0", "😀", "w" * 2_000])
    def test_what_is_no_word_is_like_nothing(self, words: WordedIndex, word: str) -> None:
        collection = new_collection()
        words.upsert([new_row(collection)], ["pump station"])
        assert words.rows_like(scope_of(collection, 1), word, "pump", top_k=5, epoch=next(_epochs)) == []
