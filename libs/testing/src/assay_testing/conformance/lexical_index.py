from collections.abc import Callable, Iterable
from itertools import count

import pytest
from assay_core.documents import AclId, ChunkId, CollectionId
from assay_core.errors import Invalid
from assay_core.ports import LexicalIndex
from assay_core.search import IndexRow, IndexScope

from assay_testing.ids import QUOTES, choosing, new_chunks, new_collection, new_row, scope_of

_epochs = count(1)


def search(index: LexicalIndex, collection: CollectionId, query: str, *acls: int) -> list[ChunkId]:
    """Chunks found for `query` after a refresh, best first."""
    scope = scope_of(collection, *(acls or (1,)))
    return [hit.chunk for hit in index.search(scope, query, top_k=10, epoch=next(_epochs))]


def chosen(index: LexicalIndex, scope: IndexScope, chunks: Iterable[ChunkId], query: str = "pump") -> list[ChunkId]:
    """Chunks found among `chunks` after a refresh, best first."""
    return [hit.chunk for hit in index.search(choosing(scope, chunks), query, top_k=10, epoch=next(_epochs))]


class LexicalIndexContract:
    """Override `make_index`: a function that opens the index, each time on the same data."""

    @pytest.fixture
    def make_index(self) -> Callable[[], LexicalIndex]:
        raise NotImplementedError

    @pytest.fixture
    def index(self, make_index: Callable[[], LexicalIndex]) -> LexicalIndex:
        return make_index()

    def test_the_rarer_and_the_more_frequent_term_weigh_more(self, index: LexicalIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(4)]
        texts = ["pump station", "valve station valve", "valve station manual", "station"]
        index.upsert(rows, texts)
        hits = index.search(scope_of(collection, 1), "valve station", top_k=10, epoch=next(_epochs))
        assert [hit.chunk for hit in hits][:2] == [rows[1].chunk, rows[2].chunk]
        assert len(hits) == 4
        assert all(hit.score > 0 for hit in hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)

    def test_a_share_tells_how_much_of_the_question_is_there(self, index: LexicalIndex) -> None:
        collection = new_collection()
        texts = ["pump station", "valve station valve", "valve pump manual", "station"]
        index.upsert([new_row(collection) for _ in texts], texts)
        scope, epoch = scope_of(collection, 1), next(_epochs)
        whole = index.search(scope, "valve station", top_k=10, epoch=epoch)
        strange = index.search(scope, "valve zebra crossing", top_k=10, epoch=epoch)
        if whole[0].share is None:
            pytest.skip("this index does not know the best score")
        shares = [hit.share or 0 for hit in whole]
        assert 1 > shares[0] >= shares[-1] > 0
        assert shares == sorted(shares, reverse=True)
        assert (strange[0].share or 0) < 0.5 * shares[0]

    def test_top_k_limits_the_hits(self, index: LexicalIndex) -> None:
        collection = new_collection()
        index.upsert([new_row(collection) for _ in range(5)], ["pump"] * 5)
        assert len(index.search(scope_of(collection, 1), "pump", top_k=3, epoch=next(_epochs))) == 3

    def test_word_forms_and_case_meet(self, index: LexicalIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], ["The pumps were INSPECTED"])
        assert search(index, collection, "Pump") == [row.chunk]
        assert search(index, collection, "inspected") == [row.chunk]

    def test_numbers_and_identifiers_are_found(self, index: LexicalIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2)]
        index.upsert(rows, ["Error E1042 on the RILL-400", "Error E2042 on the RILL-300, ISO 9001"])
        assert search(index, collection, "e1042") == [rows[0].chunk]
        assert search(index, collection, "9001") == [rows[1].chunk]
        assert search(index, collection, "rill-400")[0] == rows[0].chunk

    @pytest.mark.parametrize(
        "query",
        ["", "   ", "the of and", "zebra", "?!*", '"', "AND", "body:*", "a:b^2", "\\", "\0", "😀"],
    )
    def test_a_query_that_shares_no_term_finds_nothing(self, index: LexicalIndex, query: str) -> None:
        collection = new_collection()
        index.upsert([new_row(collection)], ["pump station"])
        assert search(index, collection, query) == []

    @pytest.mark.parametrize(
        "query", ["-pump", "NOT pump", "body:pump", "pump^0", '"station pump"', "(pump", "pump* OR", "[pump TO x]"]
    )
    def test_operators_are_plain_text(self, index: LexicalIndex, query: str) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], ["pump station"])
        assert search(index, collection, query) == [row.chunk]

    def test_a_long_query_is_answered(self, index: LexicalIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], ["pump station"])
        assert search(index, collection, "pump " + " ".join(f"w{i}" for i in range(20_000))) == [row.chunk]

    def test_writing_again_replaces_the_row(self, index: LexicalIndex) -> None:
        collection = new_collection()
        row = new_row(collection, acl=1)
        index.upsert([row], ["pump"])
        index.upsert([row], ["pump"])
        assert search(index, collection, "pump") == [row.chunk]
        index.upsert([IndexRow(row.chunk, collection, AclId(2))], ["valve"])
        assert search(index, collection, "pump", 1, 2) == []
        assert search(index, collection, "valve", 1) == []
        assert search(index, collection, "valve", 2) == [row.chunk]

    def test_only_the_scope_is_searched(self, index: LexicalIndex) -> None:
        mine, foreign = new_collection(), new_collection()
        sibling = new_collection(mine.tenant)
        rows = [new_row(mine, acl=1), new_row(mine, acl=2), new_row(sibling), new_row(foreign)]
        index.upsert(rows, ["pump"] * 4)
        assert search(index, mine, "pump", 1) == [rows[0].chunk]
        assert index.search(scope_of(mine), "pump", top_k=10, epoch=next(_epochs)) == []

    def test_thousands_of_acls_of_64_bits_can_be_asked(self, index: LexicalIndex) -> None:
        collection = new_collection()
        row = new_row(collection, acl=2**62 + 1234)
        index.upsert([row], ["pump"])
        assert search(index, collection, "pump", *range(2**62, 2**62 + 10_000)) == [row.chunk]

    def test_no_chosen_chunk_means_no_hits(self, index: LexicalIndex) -> None:
        collection = new_collection()
        index.upsert([new_row(collection)], ["pump"])
        assert chosen(index, scope_of(collection, 1), []) == []

    def test_one_chosen_chunk_is_found_behind_many_better_ones(self, index: LexicalIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(200)]
        index.upsert(rows, [*["pump pump"] * 199, "pump " + "valve " * 50])
        assert chosen(index, scope_of(collection, 1), [rows[-1].chunk]) == [rows[-1].chunk]

    def test_ten_thousand_chunks_can_be_chosen_from(self, index: LexicalIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(3)]
        index.upsert(rows, ["pump pump", "pump", "pump valve valve valve"])
        chunks = [rows[0].chunk, rows[2].chunk, *new_chunks(collection, 9_998)]
        assert chosen(index, scope_of(collection, 1), chunks) == [rows[0].chunk, rows[2].chunk]

    def test_chosen_chunks_need_a_readable_acl_too(self, index: LexicalIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection, acl=1), new_row(collection, acl=2)]
        index.upsert(rows, ["pump"] * 2)
        chunks = [row.chunk for row in rows]
        assert chosen(index, scope_of(collection, 1), chunks) == [rows[0].chunk]
        assert chosen(index, scope_of(collection), chunks) == []

    def test_choosing_chunks_of_others_finds_nothing(self, index: LexicalIndex) -> None:
        mine, foreign = new_collection(), new_collection()
        sibling = new_collection(mine.tenant)
        rows = [new_row(mine), new_row(sibling), new_row(foreign)]
        index.upsert(rows, ["pump"] * 3)
        same_id = ChunkId(foreign.tenant, rows[0].chunk.id)
        assert chosen(index, scope_of(mine, 1), [rows[1].chunk, rows[2].chunk, same_id]) == []

    def test_chosen_ids_are_taken_as_they_are(self, index: LexicalIndex) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2)]
        index.upsert(rows, ["pump"] * 2)
        evil = [ChunkId(collection.tenant, one) for one in QUOTES]
        assert chosen(index, scope_of(collection, 1), evil) == []
        assert chosen(index, scope_of(collection, 1), [*evil, rows[1].chunk]) == [rows[1].chunk]

    def test_deleted_rows_are_gone_and_unknown_ids_are_passed_over(self, index: LexicalIndex) -> None:
        collection = new_collection()
        kept, gone, unknown = (new_row(collection) for _ in range(3))
        index.upsert([kept, gone], ["pump", "pump"])
        index.delete(collection, [gone.chunk, unknown.chunk])
        counts = index.count(collection, [kept.chunk, gone.chunk])
        assert (counts.asked, counts.found, tuple(counts.missing)) == (2, 1, (gone.chunk,))
        assert search(index, collection, "pump") == [kept.chunk]

    def test_rows_of_another_collection_are_neither_counted_nor_deleted(self, index: LexicalIndex) -> None:
        collection = new_collection()
        row = new_row(collection)
        index.upsert([row], ["pump"])
        other = new_collection(collection.tenant)
        assert index.count(other, [row.chunk]).found == 0
        index.delete(other, [row.chunk])
        assert index.count(collection, [row.chunk]).found == 1

    def test_drop_removes_one_collection(self, index: LexicalIndex) -> None:
        dropped = new_collection()
        kept = new_collection(dropped.tenant)
        rows = [new_row(dropped), new_row(kept)]
        index.upsert(rows, ["pump"] * 2)
        for _ in range(2):
            index.drop(dropped)
        assert search(index, dropped, "pump") == []
        assert search(index, kept, "pump") == [rows[1].chunk]
        index.upsert([rows[0]], ["pump"])
        assert search(index, dropped, "pump") == [rows[0].chunk]

    def test_a_collection_never_written_is_empty(self, index: LexicalIndex) -> None:
        collection = new_collection()
        index.upsert([], [])
        index.delete(collection, [new_row(collection).chunk])
        assert index.count(collection, [new_row(collection).chunk]).found == 0
        assert search(index, collection, "pump") == []

    def test_rows_without_their_texts_are_refused(self, index: LexicalIndex) -> None:
        with pytest.raises(Invalid):
            index.upsert([new_row(new_collection())], [])

    def test_another_instance_sees_a_write_at_the_next_epoch(self, make_index: Callable[[], LexicalIndex]) -> None:
        collection = new_collection()
        rows = [new_row(collection) for _ in range(2)]
        writer, reader = make_index(), make_index()
        writer.upsert([rows[0]], ["pump"])
        assert search(reader, collection, "pump") == [rows[0].chunk]
        writer.upsert([rows[1]], ["valve"])
        assert search(reader, collection, "valve") == [rows[1].chunk]
        assert reader.count(collection, [row.chunk for row in rows]).found == 2
        writer.delete(collection, [rows[0].chunk])
        assert search(reader, collection, "pump") == []
        assert reader.count(collection, [row.chunk for row in rows]).found == 1
