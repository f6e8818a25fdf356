import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from assay_core.documents import CollectionId
from assay_core.ports import SemanticCache
from assay_core.search import CacheEntry, CacheScope, EvidenceVersion

from assay_testing.ids import new_collection, new_document

DIMENSION = 8


def scope_for(collection: CollectionId) -> CacheScope:
    return CacheScope(collection, permissions="p1", recipe="r1")


def entry_for(collection: CollectionId, question: str, *, payload: bytes = b"\0payload\xff") -> CacheEntry:
    return CacheEntry(question, payload, (EvidenceVersion(new_document(collection.tenant), 3),), made_at=1)


def turned(degrees: float) -> list[float]:
    """A unit vector that far from `turned(0)`."""
    angle = math.radians(degrees)
    return [math.cos(angle), math.sin(angle), *[0.0] * (DIMENSION - 2)]


class SemanticCacheContract:
    """Override `make_cache`: a function of the time to live in seconds; threshold .97, vectors of 8 numbers, four
    entries a tenant."""

    @pytest.fixture
    def make_cache(self) -> Callable[[float], SemanticCache]:
        raise NotImplementedError

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        """Override: let so many seconds pass for the caches made."""
        raise NotImplementedError

    @pytest.fixture
    def cache(self, make_cache: Callable[[float], SemanticCache]) -> SemanticCache:
        return make_cache(60.0)

    def test_a_stored_entry_comes_back_whole(self, cache: SemanticCache) -> None:
        collection = new_collection()
        scope, entry = scope_for(collection), entry_for(collection, "How long is the parental leave?")
        cache.store(scope, entry, turned(0))
        found = cache.lookup(scope, "how long is the parental leave", turned(5), sequence=1)
        assert found is not None
        assert (found.question, found.payload, found.evidence) == (entry.question, entry.payload, entry.evidence)
        assert found.similarity == pytest.approx(math.cos(math.radians(5)), abs=1e-3)

    def test_a_question_too_far_away_misses(self, cache: SemanticCache) -> None:
        collection = new_collection()
        cache.store(scope_for(collection), entry_for(collection, "what now"), turned(0))
        assert cache.lookup(scope_for(collection), "what now", turned(20), sequence=1) is None

    def test_the_most_similar_question_wins(self, cache: SemanticCache) -> None:
        collection = new_collection()
        scope = scope_for(collection)
        cache.store(scope, entry_for(collection, "which pump", payload=b"far"), turned(0))
        cache.store(scope, entry_for(collection, "what pump", payload=b"near"), turned(6))
        found = cache.lookup(scope, "pump", turned(7), sequence=1)
        assert found is not None
        assert found.payload == b"near"

    def test_scopes_share_nothing(self, cache: SemanticCache) -> None:
        collection = new_collection()
        scope = scope_for(collection)
        cache.store(scope, entry_for(collection, "what now"), turned(0))
        others = [
            replace(scope, permissions="p2"),
            replace(scope, recipe="r2"),
            replace(scope, collection=new_collection(collection.tenant)),
            replace(scope, collection=CollectionId(new_collection().tenant, collection.id)),
        ]
        assert [cache.lookup(other, "what now", turned(0), sequence=1) for other in others] == [None] * len(others)

    @pytest.mark.parametrize(
        ("kept", "asked"),
        [
            ("What changed in 2023?", "What changed in 2025?"),
            ("Is smoking allowed?", "Is smoking not allowed?"),
            ("Who may enter without a permit?", "Who may enter with a permit?"),
        ],
    )
    def test_other_numbers_or_polarity_miss(self, cache: SemanticCache, kept: str, asked: str) -> None:
        collection = new_collection()
        cache.store(scope_for(collection), entry_for(collection, kept), turned(0))
        assert cache.lookup(scope_for(collection), asked, turned(0), sequence=1) is None
        assert cache.lookup(scope_for(collection), kept, turned(0), sequence=1) is not None

    def test_a_better_vector_with_other_numbers_does_not_hide_the_right_entry(self, cache: SemanticCache) -> None:
        collection = new_collection()
        scope = scope_for(collection)
        cache.store(scope, entry_for(collection, "rules of 2023", payload=b"old"), turned(0))
        cache.store(scope, entry_for(collection, "rules of 2025", payload=b"new"), turned(5))
        found = cache.lookup(scope, "rules of 2025", turned(0), sequence=1)
        assert found is not None
        assert found.payload == b"new"

    def test_storing_the_same_question_again_replaces_it(self, cache: SemanticCache) -> None:
        collection = new_collection()
        scope = scope_for(collection)
        for payload in (b"old", b"new"):
            cache.store(scope, entry_for(collection, "what now", payload=payload), turned(0))
        found = cache.lookup(scope, "what now", turned(0), sequence=1)
        assert found is not None
        assert found.payload == b"new"

    def test_a_hit_does_not_renew_the_expiry(
        self, make_cache: Callable[[float], SemanticCache], pass_time: Callable[[float], None]
    ) -> None:
        cache, collection = make_cache(1.5), new_collection()
        cache.store(scope_for(collection), entry_for(collection, "what now"), turned(0))
        pass_time(0.9)
        assert cache.lookup(scope_for(collection), "what now", turned(0), sequence=1) is not None
        pass_time(0.9)
        assert cache.lookup(scope_for(collection), "what now", turned(0), sequence=1) is None

    def test_entries_that_rest_on_a_document_can_be_evicted(self, cache: SemanticCache) -> None:
        collection = new_collection()
        scope = scope_for(collection)
        kept, gone = entry_for(collection, "first question"), entry_for(collection, "second question")
        cache.store(scope, kept, turned(0))
        cache.store(scope, gone, turned(60))
        assert cache.evict_document(gone.evidence[0].document) == 1
        assert cache.evict_document(gone.evidence[0].document) == 0
        assert cache.lookup(scope, "second question", turned(60), sequence=1) is None
        assert cache.lookup(scope, "first question", turned(0), sequence=1) is not None

    def test_a_tenant_beyond_its_quota_loses_its_oldest_and_nobody_else_any(
        self, cache: SemanticCache, pass_time: Callable[[float], None]
    ) -> None:
        first, other = new_collection(), new_collection()
        second = new_collection(first.tenant)
        cache.store(scope_for(other), entry_for(other, "question 0"), turned(0))
        for number in range(7):
            collection = (first, second)[number % 2]
            cache.store(scope_for(collection), entry_for(collection, f"question {number}"), turned(10 * number))
            pass_time(0.01)
        kept = [
            number
            for number in range(7)
            if cache.lookup(
                scope_for((first, second)[number % 2]), f"question {number}", turned(10 * number), sequence=1
            )
        ]
        assert kept == [3, 4, 5, 6]
        assert cache.lookup(scope_for(other), "question 0", turned(0), sequence=1)

    def test_what_was_evicted_counts_no_more(self, cache: SemanticCache, pass_time: Callable[[float], None]) -> None:
        collection = new_collection()
        entries = [entry_for(collection, f"question {number}") for number in range(6)]
        for number in range(4):
            cache.store(scope_for(collection), entries[number], turned(10 * number))
            pass_time(0.01)
        for number in (1, 2):
            assert cache.evict_document(entries[number].evidence[0].document) == 1
        for number in (4, 5):
            cache.store(scope_for(collection), entries[number], turned(10 * number))
        kept = [
            number
            for number in range(6)
            if cache.lookup(scope_for(collection), f"question {number}", turned(10 * number), sequence=1)
        ]
        assert kept == [0, 3, 4, 5]

    def test_a_question_is_known_the_second_time_and_for_as_long_as_an_entry(
        self, make_cache: Callable[[float], SemanticCache], pass_time: Callable[[float], None]
    ) -> None:
        cache, scope = make_cache(1.0), scope_for(new_collection())
        assert [cache.asked_before(scope, "what now") for _ in range(2)] == [False, True]
        assert not cache.asked_before(scope, "what else")
        assert not cache.asked_before(replace(scope, permissions="p2"), "what now")
        assert not cache.asked_before(replace(scope, recipe="r2"), "what now")
        pass_time(1.1)
        assert not cache.asked_before(scope, "what now")
