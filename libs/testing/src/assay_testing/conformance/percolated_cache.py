from dataclasses import replace
from typing import Protocol

import pytest
from assay_core.documents import AclId, CollectionId
from assay_core.ports import PercolatedCache, SemanticCache
from assay_core.search import CachedQuestion

from assay_testing.conformance.semantic_cache import entry_for, scope_for, turned
from assay_testing.ids import new_collection

MOST = 3


class BothPorts(Protocol):
    """One cache as its users and as the percolation see it; `flush` empties the server."""

    @property
    def users(self) -> SemanticCache: ...

    @property
    def percolation(self) -> PercolatedCache: ...

    def flush(self) -> None: ...


class PercolatedCacheContract:
    """Override `both`: a cache of which at most `MOST` entries of a collection are percolated."""

    @pytest.fixture
    def both(self) -> BothPorts:
        raise NotImplementedError

    def asked(self, both: BothPorts, collection: CollectionId, *, at: int = 1, degrees: float = 0) -> bool:
        """Whether a question is answered from the cache, for a reader who sees the collection at a sequence."""
        return both.users.lookup(scope_for(collection), "what now", turned(degrees), sequence=at) is not None

    def begun(self, both: BothPorts, collection: CollectionId, sequence: int) -> list[CachedQuestion]:
        """The questions of a percolation that has something to compare."""
        questions = both.percolation.begin(collection, sequence)
        assert questions is not None
        return list(questions)

    def kept(self, both: BothPorts, question: str = "what now", *, at: int = 1) -> CollectionId:
        """A collection with one entry."""
        collection = new_collection()
        bound = replace(entry_for(collection, question), made_at=at, acls=frozenset({AclId(5)}))
        entry = replace(bound, floors={"dense": 0.25}, terms=f"{question} at present")
        assert both.users.store(scope_for(collection), entry, turned(0))
        return collection

    def test_an_entry_that_nothing_changed_is_served_after_an_arrival(self, both: BothPorts) -> None:
        collection = self.kept(both)
        (question,) = self.begun(both, collection, 2)
        assert question.terms == "what now at present"
        assert (question.acls, question.floors) == ({AclId(5)}, {"dense": 0.25})
        assert list(question.vector) == pytest.approx(turned(0))
        assert both.percolation.finish(collection, 2, [])
        assert self.asked(both, collection, at=2)

    def test_an_entry_that_an_arrival_changed_is_gone(self, both: BothPorts) -> None:
        collection = self.kept(both)
        (question,) = self.begun(both, collection, 2)
        assert both.percolation.finish(collection, 2, [question.name])
        assert not self.asked(both, collection, at=2)

    def test_the_cache_is_passed_by_until_an_arrival_was_percolated(self, both: BothPorts) -> None:
        collection = self.kept(both)
        assert not self.asked(both, collection, at=2)
        both.percolation.begin(collection, 2)
        assert not self.asked(both, collection, at=2)
        assert self.asked(both, collection, at=1)  # a reader from before the arrival

    def test_an_entry_from_before_an_arrival_is_refused_once_its_percolation_began(self, both: BothPorts) -> None:
        collection = self.kept(both)
        both.percolation.begin(collection, 2)
        late = replace(entry_for(collection, "another"), made_at=1)
        assert not both.users.store(scope_for(collection), late, turned(60))
        assert both.percolation.finish(collection, 2, [])
        assert not both.users.store(scope_for(collection), late, turned(60))
        assert not self.asked(both, collection, at=2, degrees=60)

    def test_an_entry_made_with_what_arrived_is_kept_while_that_is_percolated(self, both: BothPorts) -> None:
        collection = self.kept(both)
        new = replace(entry_for(collection, "what is now"), made_at=2)
        assert both.users.store(scope_for(collection), new, turned(60))
        questions = self.begun(both, collection, 2)
        assert [one.terms for one in questions] == ["what now at present"]
        assert both.percolation.finish(collection, 2, [one.name for one in questions])
        assert self.asked(both, collection, at=2, degrees=60)
        assert not self.asked(both, collection, at=2)

    def test_a_missed_arrival_forgets_the_collection(self, both: BothPorts) -> None:
        collection, other = self.kept(both), self.kept(both)
        assert both.percolation.begin(collection, 3) is None
        assert not self.asked(both, collection, at=3)
        assert self.asked(both, other)

    def test_forgetting_takes_only_collections_that_are_behind(self, both: BothPorts) -> None:
        behind, level = self.kept(both), self.kept(both)
        assert both.percolation.forget(behind, 2)
        assert not both.percolation.forget(level, 1)
        assert not self.asked(both, behind, at=2)
        assert self.asked(both, level)

    def test_an_interrupted_percolation_is_not_taken_for_a_finished_one(self, both: BothPorts) -> None:
        collection = self.kept(both)
        both.percolation.begin(collection, 2)
        assert both.percolation.begin(collection, 3) is None
        assert not self.asked(both, collection, at=3)

    def test_a_repeated_arrival_changes_nothing(self, both: BothPorts) -> None:
        collection = self.kept(both)
        assert both.percolation.begin(collection, 1) is None
        assert self.asked(both, collection)

    def test_more_entries_than_may_be_percolated_are_forgotten(self, both: BothPorts) -> None:
        collection = self.kept(both)
        for n in range(MOST):
            assert both.users.store(scope_for(collection), entry_for(collection, f"question {n}"), turned(60))
        assert both.percolation.begin(collection, 2) is None
        assert not self.asked(both, collection, at=2)

    def test_what_a_server_forgot_during_a_percolation_is_not_taken_for_percolated(self, both: BothPorts) -> None:
        collection = self.kept(both)
        both.percolation.begin(collection, 2)
        both.flush()
        assert both.users.store(scope_for(collection), entry_for(collection, "what now"), turned(0))
        assert not both.percolation.finish(collection, 2, [])
        assert not self.asked(both, collection, at=2)

    def test_a_flushed_server_serves_again_at_the_present_sequence(self, both: BothPorts) -> None:
        collection = self.kept(both)
        both.flush()
        assert not self.asked(both, collection, at=7)
        late = replace(entry_for(collection, "what now"), made_at=7)
        assert both.users.store(scope_for(collection), late, turned(0))
        assert self.asked(both, collection, at=7)

    def test_an_entry_from_a_later_sequence_is_not_served(self, both: BothPorts) -> None:
        """A database that was restored from a backup counts again from below."""
        collection = self.kept(both, at=7)
        assert not self.asked(both, collection, at=4)
