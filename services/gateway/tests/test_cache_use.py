"""What a request may want of the cache."""

import pytest
from assay_core.search import CacheUse
from assay_wire.public import Question, SearchQuery
from pydantic import ValidationError


@pytest.mark.parametrize("wanted", list(CacheUse))
def test_each_use_can_be_asked_for(wanted: CacheUse) -> None:
    assert CacheUse(SearchQuery.model_validate({"query": "x", "cache": str(wanted)}).cache) is wanted
    assert CacheUse(Question.model_validate({"question": "x", "cache": str(wanted)}).cache) is wanted


def test_an_unknown_wish_is_refused() -> None:
    with pytest.raises(ValidationError, match="cache"):
        SearchQuery.model_validate({"query": "x", "cache": "never"})
