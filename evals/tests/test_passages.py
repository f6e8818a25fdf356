from math import log2

from assay_evals.passages import ReadPassage, Span, found_early, read_within, recall_within

ANSWER = [Span("a", 100, 110)]


def passage(start: int, end: int, tokens: int, document: str = "a") -> ReadPassage:
    return ReadPassage(Span(document, start, end), tokens)


def test_reading_ends_where_the_next_passage_is_over_the_budget() -> None:
    ranking = [passage(0, 50, 60), passage(0, 50, 60), passage(50, 90, 30), passage(90, 200, 50)]
    assert [(before, p.span.start) for before, p in read_within(ranking, 100)] == [(0, 0), (60, 50)]
    assert recall_within(ranking, ANSWER, 100) == 0
    assert recall_within(ranking, ANSWER, 140) == 1


def test_half_an_answer_is_none() -> None:
    assert recall_within([passage(0, 105, 10), passage(105, 200, 10)], ANSWER, 100) == 0
    assert recall_within([passage(0, 200, 10, "b")], ANSWER, 100) == 0


def test_what_is_found_after_more_reading_counts_for_less() -> None:
    first, later = [passage(90, 200, 100)], [passage(0, 50, 200), passage(90, 200, 100)]
    assert found_early(first, ANSWER, 500) == 1
    assert found_early(later, ANSWER, 500) == 1 / log2(4)
    assert found_early(later, ANSWER, 200) == 0
