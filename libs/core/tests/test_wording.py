"""Exact words in passages."""

import pytest
from assay_core.wording import Wording


@pytest.mark.parametrize(
    ("phrases", "excluded", "text", "fits"),
    [
        ([], [], "anything", True),
        (["Annual leave"], [], "The ANNUAL\n leave of staff", True),
        (["annual leave"], [], "Annual leaves fall", False),
        (["leave"], ["sick"], "sick leave", False),
        ([], ["sick"], "seasick", True),
        (["a.c"], [], "abc", False),
        (["有給"], [], "年次有給休暇", True),
    ],
)
def test_a_text_fits_if_it_holds_what_it_must_and_nothing_else(
    phrases: list[str], excluded: list[str], text: str, fits: bool
) -> None:
    assert Wording(phrases, excluded).fits(text) is fits
