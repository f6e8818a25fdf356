"""Words and cells found, by cases worked by hand."""

import pytest
from assay_evals.parsing import cells_found, tables, word_recall

EXPECTED = """
| Part | Price |
|------|------:|
| Pump | 46.00 |
| Tube | 3     |
"""


def test_each_word_counts_as_often_as_it_is_expected():
    assert word_recall("a pump and a tube", "A pump, a hose") == pytest.approx(3 / 5)
    assert word_recall("", "anything") == 1.0


def test_markup_of_the_expected_text_is_no_word():
    assert word_recall("<!-- image --> [Pump](http://x.example/tube)", "pump") == 1.0


def test_tables_are_read_without_their_rules():
    assert tables(f"text\n{EXPECTED}\nmore\n\n| x |\n") == [
        [["part", "price"], ["pump", "46 00"], ["tube", "3"]],
        [["x"]],
    ]


@pytest.mark.parametrize(
    ("found", "cells"),
    [
        ([["part", "price"], ["pump", "46 00"], ["tube", "3"]], 6),
        ([["part", "price"], ["tube", "3"], ["pump", "46 00"]], 4),
        ([["price list", ""], ["part", "price"], ["pump", "46 00"], ["tube", "3"]], 6),
        ([["", "part", "price"], ["", "pump", "46 00"]], 0),
        ([["part", "price"], ["pump", "47 00"]], 3),
    ],
)
def test_cells_count_in_their_row_and_column(found: list[list[str]], cells: int):
    (expected,) = tables(EXPECTED)
    assert cells_found(expected, [[["other"]], found]) == cells


def test_no_table_has_no_cells():
    assert cells_found([["a"]], []) == 0
