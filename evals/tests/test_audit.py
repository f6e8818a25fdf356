"""Cached answers beside fresh ones."""

from dataclasses import replace

import pytest
from assay_core.answers import Answer, Outcome
from assay_evals.audit import agree
from assay_testing.answers import answer, hit
from assay_testing.fake_judge import FakeJudge

FRESH = answer("Leave is twenty days.", sources=(hit("leave.md", "Leave is twenty days for each parent."),))
SILENT = replace(FRESH, outcome=Outcome.NOTHING_FOUND, text="The documents do not tell.")


@pytest.mark.parametrize(
    ("cached", "fresh", "agreed"),
    [
        (FRESH, FRESH, True),
        (replace(FRESH, text="Each parent: twenty days."), FRESH, True),
        (replace(FRESH, text="Leave is twenty days. The canteen is closed."), FRESH, False),
        (SILENT, FRESH, False),
        (FRESH, SILENT, False),
        (SILENT, SILENT, True),
    ],
)
def test_an_answer_agrees_if_a_fresh_one_bears_out_all_of_it(cached: Answer, fresh: Answer, *, agreed: bool) -> None:
    assert agree(cached, fresh, FakeJudge()) is agreed
