"""What a request may want of the cache."""

import pytest
from assay_core.errors import Invalid
from assay_core.search import CacheUse
from assay_gateway.reading_questions import cache_use
from assay_wire.public import Question, SearchQuery
from pydantic import ValidationError


@pytest.mark.parametrize("wanted", list(CacheUse))
def test_each_choice_is_taken(wanted: CacheUse) -> None:
    assert cache_use(SearchQuery.model_validate({"query": "x", "cache": str(wanted)})) is wanted
    assert cache_use(Question.model_validate({"question": "x", "cache": str(wanted)})) is wanted


def test_the_older_switch_still_passes_the_cache_by() -> None:
    assert cache_use(SearchQuery(query="x")) is CacheUse.USE
    assert cache_use(SearchQuery(query="x", use_cache=False)) is CacheUse.BYPASS
    assert cache_use(SearchQuery(query="x", use_cache=False, cache="bypass")) is CacheUse.BYPASS


@pytest.mark.parametrize("other", ["only", "refresh"])
def test_two_wishes_at_once_are_refused(other: str) -> None:
    body = Question.model_validate({"question": "x", "use_cache": False, "cache": other})
    with pytest.raises(Invalid, match="leave one of them out"):
        cache_use(body)


def test_an_unknown_wish_is_refused() -> None:
    with pytest.raises(ValidationError, match="cache"):
        SearchQuery.model_validate({"query": "x", "cache": "never"})
