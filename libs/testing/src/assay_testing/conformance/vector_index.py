import math
from collections.abc import Callable

import pytest
from assay_core.documents import AclId, ChunkId
from assay_core.errors import Invalid
from assay_core.ports import VectorIndex
from assay_core.search import IndexRow

from assay_testing.ids import QUOTES, choosing, new_chunks, new_collection, new_row, scope_of

DIMENSION = 8


def unit(*components: float) -> list[float]:
    """A unit vector of `DIMENSION` numbers in the direction of `components`."""
    padded = [*components, *[0.0] * (DIMENSION - len(components))]
    length = math.hypot(*padded)
    return [x / length for x in padded]


class VectorIndexContract:
    """Override `make_index`: a function that opens the index (of dimension 8), each time on the same data."""

    @pytest.fixture
    def make_index(self) -> Callable[[], VectorIndex]:
        raise NotImplementedError

    @pytest.fixture
    def index(self, make_index: Callable[[], VectorIndex]) -> VectorIndex:
        return make_index()

    def test_nearest_rows_come_first_with_their_cosine(self, index: VectorIndex) -> None:
        collection = new_collection()
        near, middle, far = rows = [new_row(collection) for _ in range(3)]
        index.upsert(rows, [unit(1), unit(1, 1), unit(-1)])
        index.count(collection, [row.chunk for row in rows])
        hits = index.search(scope_of(collection, 1), unit(1), top_k=3, timeout_s=10)
        assert [hit.chunk for hit in hits] == [near.chunk, middle.chunk, far.chunk]
        assert [hit.score for hit in hits] == pytest.approx([1.0, math.sqrt(0.5), -1.0], abs=0.01)

    def test_top_k_limits_the_hits(self, index: VectorIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(5)]
        index.upsert(rows, [unit(1, i) for i in range(5)])
        index.count(collection, [row.chunk for row in rows])
        hits = index.search(scope_of(collection, 1), unit(1), top_k=2, timeout_s=10)
        assert [hit.chunk for hit in hits] == [rows[0].chunk, rows[1].chunk]

    def test_writing_again_changes_nothing(self, index: VectorIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        for _ in range(2):
            index.upsert([row], [unit(1)])
        assert index.count(collection, [row.chunk]).found == 1
        assert len(index.search(scope_of(collection, 1), unit(1), top_k=5, timeout_s=10)) == 1

    def test_writing_again_with_another_acl_moves_the_row(self, index: VectorIndex) -> None:
        collection = new_collection()
        row = new_row(collection, acl=1)
        index.upsert([row], [unit(1)])
        index.upsert([IndexRow(row.chunk, collection, AclId(2))], [unit(1)])
        index.count(collection, [row.chunk])
        assert index.search(scope_of(collection, 1), unit(1), top_k=5, timeout_s=10) == []
        assert len(index.search(scope_of(collection, 2), unit(1), top_k=5, timeout_s=10)) == 1

    def test_only_the_scope_is_searched(self, index: VectorIndex) -> None:
        mine, foreign = new_collection(), new_collection()
        sibling = new_collection(mine.tenant)
        rows = [new_row(mine, acl=1), new_row(mine, acl=2), new_row(sibling, acl=1), new_row(foreign, acl=1)]
        index.upsert(rows, [unit(1)] * 4)
        for row in rows:
            index.count(row.collection, [row.chunk])
        hits = index.search(scope_of(mine, 1), unit(1), top_k=10, timeout_s=10)
        assert [hit.chunk for hit in hits] == [rows[0].chunk]

    def test_no_readable_acl_means_no_hits(self, index: VectorIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], [unit(1)])
        index.count(collection, [row.chunk])
        assert index.search(scope_of(collection), unit(1), top_k=5, timeout_s=10) == []

    def test_thousands_of_acls_of_64_bits_can_be_asked(self, index: VectorIndex) -> None:
        collection = new_collection()
        row = new_row(collection, acl=2**62 + 1234)
        index.upsert([row], [unit(1)])
        index.count(collection, [row.chunk])
        scope = scope_of(collection, *range(2**62, 2**62 + 10_000))
        hits = index.search(scope, unit(1), top_k=5, timeout_s=10)
        assert [hit.chunk for hit in hits] == [row.chunk]

    def test_no_chosen_chunk_means_no_hits(self, index: VectorIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], [unit(1)])
        index.count(collection, [row.chunk])
        scope = choosing(scope_of(collection, 1), [])
        assert index.search(scope, unit(1), top_k=5, timeout_s=10) == []

    def test_one_chosen_chunk_is_found_behind_many_nearer_ones(self, index: VectorIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2000)]
        index.upsert(rows, [unit(1, i / 1000) for i in range(2000)])
        index.count(collection, [row.chunk for row in rows])
        farthest = rows[-1].chunk
        hits = index.search(choosing(scope_of(collection, 1), [farthest]), unit(1), top_k=5, timeout_s=10)
        assert [hit.chunk for hit in hits] == [farthest]

    def test_ten_thousand_chunks_can_be_chosen_from(self, index: VectorIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(3)]
        index.upsert(rows, [unit(1), unit(1, 1), unit(1, 2)])
        index.count(collection, [row.chunk for row in rows])
        chosen = [rows[0].chunk, rows[2].chunk, *new_chunks(collection, 9_998)]
        hits = index.search(choosing(scope_of(collection, 1), chosen), unit(1), top_k=10, timeout_s=10)
        assert [hit.chunk for hit in hits] == [rows[0].chunk, rows[2].chunk]

    def test_chosen_chunks_need_a_readable_acl_too(self, index: VectorIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection, acl=1), new_row(collection, acl=2)]
        index.upsert(rows, [unit(1)] * 2)
        index.count(collection, [row.chunk for row in rows])
        chunks = [row.chunk for row in rows]
        hits = index.search(choosing(scope_of(collection, 1), chunks), unit(1), top_k=5, timeout_s=10)
        assert [hit.chunk for hit in hits] == [rows[0].chunk]
        assert index.search(choosing(scope_of(collection), chunks), unit(1), top_k=5, timeout_s=10) == []

    def test_choosing_chunks_of_others_finds_nothing(self, index: VectorIndex) -> None:
        mine, foreign = new_collection(), new_collection()
        sibling = new_collection(mine.tenant)
        rows = [new_row(mine), new_row(sibling), new_row(foreign)]
        index.upsert(rows, [unit(1)] * 3)
        for row in rows:
            index.count(row.collection, [row.chunk])
        same_id = ChunkId(foreign.tenant, rows[0].chunk.id)
        scope = choosing(scope_of(mine, 1), [rows[1].chunk, rows[2].chunk, same_id])
        assert index.search(scope, unit(1), top_k=5, timeout_s=10) == []

    def test_chosen_ids_are_taken_as_they_are(self, index: VectorIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2)]
        index.upsert(rows, [unit(1)] * 2)
        index.count(collection, [row.chunk for row in rows])
        evil = [ChunkId(collection.tenant, one) for one in QUOTES]
        scope = scope_of(collection, 1)
        assert index.search(choosing(scope, evil), unit(1), top_k=5, timeout_s=10) == []
        hits = index.search(choosing(scope, [*evil, rows[1].chunk]), unit(1), top_k=5, timeout_s=10)
        assert [hit.chunk for hit in hits] == [rows[1].chunk]

    def test_deleted_rows_are_gone_and_unknown_ids_are_passed_over(self, index: VectorIndex) -> None:
        collection = new_collection()
        kept, gone, unknown = (new_row(collection) for _ in range(3))
        index.upsert([kept, gone], [unit(1), unit(1)])
        index.delete(collection, [gone.chunk, unknown.chunk])
        counts = index.count(collection, [kept.chunk, gone.chunk])
        assert (counts.asked, counts.found, tuple(counts.missing)) == (2, 1, (gone.chunk,))
        hits = index.search(scope_of(collection, 1), unit(1), top_k=5, timeout_s=10)
        assert [hit.chunk for hit in hits] == [kept.chunk]

    def test_rows_of_another_collection_are_neither_counted_nor_deleted(self, index: VectorIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], [unit(1)])
        other = new_collection(collection.tenant)
        assert index.count(other, [row.chunk]).found == 0
        index.delete(other, [row.chunk])
        assert index.count(collection, [row.chunk]).found == 1

    def test_drop_removes_one_collection(self, index: VectorIndex) -> None:
        dropped = new_collection()
        kept = new_collection(dropped.tenant)
        rows = [new_row(dropped), new_row(kept)]
        index.upsert(rows, [unit(1)] * 2)
        for _ in range(2):
            index.drop(dropped)
        assert index.count(dropped, [rows[0].chunk]).found == 0
        assert index.count(kept, [rows[1].chunk]).found == 1

    def test_large_batches_are_written_and_counted_whole(self, index: VectorIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2500)]
        index.upsert(rows, [unit(1, i) for i in range(2500)])
        assert index.count(collection, [row.chunk for row in rows]).found == 2500
        index.delete(collection, [row.chunk for row in rows])
        assert index.count(collection, [row.chunk for row in rows]).found == 0

    def test_nothing_can_be_written_deleted_and_counted(self, index: VectorIndex) -> None:
        collection = new_collection()
        index.upsert([], [])
        index.delete(collection, [])
        assert index.count(collection, []).asked == 0
        assert index.search(scope_of(collection, 1), unit(1), top_k=5, timeout_s=10) == []

    def test_rows_without_their_vectors_are_refused(self, index: VectorIndex) -> None:
        with pytest.raises(Invalid):
            index.upsert([new_row(new_collection())], [])

    def test_another_instance_sees_what_was_counted(self, make_index: Callable[[], VectorIndex]) -> None:
        collection = new_collection()
        row = new_row(collection)
        writer, reader = make_index(), make_index()
        writer.upsert([row], [unit(1)])
        writer.count(collection, [row.chunk])
        assert len(reader.search(scope_of(collection, 1), unit(1), top_k=5, timeout_s=10)) == 1
