"""Retrieval on a real database with fake indexes: nothing dead, foreign or stale gets out, and it degrades openly."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from assay_adapters.milvus_lexical import MilvusLexicalIndex
from assay_core.collection_settings import FieldType
from assay_core.documents import (
    Chunk,
    CollectionId,
    DocumentId,
    Parent,
    ParsedDocument,
    TenantId,
    chunk_id,
    text_for_index,
)
from assay_core.errors import Exhausted, Invalid, NotFound, Unavailable
from assay_core.metadata_filter import parse_filter
from assay_core.ports import Vector
from assay_core.principals import EVERYONE, Principal
from assay_core.search import (
    CacheScope,
    CacheUse,
    Expand,
    Hit,
    IndexHit,
    IndexRow,
    IndexScope,
    Mode,
    Scorer,
    SearchRequest,
)
from assay_core.spelling import Correction
from assay_retrieval import retriever as retriever_module
from assay_retrieval.bootstrap import choose_speller
from assay_retrieval.inspection import Inspector
from assay_retrieval.retriever import Depths, HybridRetriever, Indexes
from assay_retrieval.second_look import Rewriter
from assay_retrieval.semantic_cache import CachedRetriever
from assay_retrieval.spelling import Speller
from assay_store import (
    access,
    collections,
    document_access,
    document_fields,
    documents,
    live_texts,
    pipeline,
    visibility,
)
from assay_store.database import Database
from assay_store.document_access import AccessRules
from assay_store.documents import StoredBlob
from assay_store.encryption import Vault
from assay_store.pipeline import PendingVersion, Source, VectorPlace
from assay_testing.fake_cache import FakeSemanticCache
from assay_testing.fake_chat import FakeChatModel
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_indexes import FakeLexicalIndex, FakeVectorIndex
from assay_testing.fake_reranker import FakeReranker
from assay_wire import internal
from sqlalchemy import text

pytestmark = pytest.mark.integration

TENANT = TenantId("acme")
ANN = Principal(TENANT, "ann", "Ann", frozenset({"reader"}))
BOB = Principal(TENANT, "bob", "Bob", frozenset({"reader"}))
VAULT = Vault(bytes(32))
FIELDS = {"kind": FieldType.STRING}


@dataclass
class Shelf:
    """A collection with documents of one chunk each, live in SQL and in both fake indexes."""

    database: Database
    collection: CollectionId
    dense: FakeVectorIndex = field(default_factory=FakeVectorIndex)
    lexical: FakeLexicalIndex = field(default_factory=FakeLexicalIndex)
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)
    cache: FakeSemanticCache = field(default_factory=FakeSemanticCache)

    def put(self, name: str, text: str, *, allow: Sequence[str] = ("everyone",)) -> DocumentId:
        """Add a version of a document and make it live."""
        with self.database.transaction() as connection:
            acl = access.acl_for(connection, TENANT, allow=allow)
            target = documents.upload_target(connection, VAULT, self.collection, name, acl=acl)
            sha256 = f"{abs(hash(text)):064x}"[:64]
            made = documents.record_upload(connection, target, StoredBlob(sha256, len(text), "text/plain"))
            chunk = Chunk(
                id=chunk_id(document=made.document, recipe="t", heading_path=(), text=text, occurrence=0),
                document=made.document,
                ordinal=0,
                text=text,
                start=0,
                end=len(text),
                heading_path=(),
                page_first=None,
                page_last=None,
                tokens=5,
            )
            place = Source(
                made.document, self.collection, name, made.version, "blob", len(text), target.key_wrapped, deleted=False
            )
            parsed = ParsedDocument(text, (), name, "text/plain", "t/1")
            pipeline.store_chunks(connection, place, target.key, parsed, [chunk], {chunk.id: VectorPlace("v", 0)})
            row = IndexRow(chunk.id, self.collection, acl)
            body = text_for_index(title=name, heading_path=(), text=text)
            self.dense.upsert([row], self.embedder.embed_passages([body]))
            self.lexical.upsert([row], [body])
            pipeline.go_live(connection, [PendingVersion(made.document, self.collection, made.version, 1)])
        return made.document

    def put_parts(
        self, name: str, text: str, parts: Sequence[str], *, parent: Parent | None = None, headings: Sequence[str] = ()
    ) -> DocumentId:
        """Add a document whose parts are found, each under its heading, and the parent of all read if there is one."""
        with self.database.transaction() as connection:
            acl = access.acl_for(connection, TENANT)
            target = documents.upload_target(connection, VAULT, self.collection, name, acl=acl)
            made = documents.record_upload(connection, target, StoredBlob("0" * 64, len(text), "text/plain"))
            chunks = [
                Chunk(
                    id=chunk_id(document=made.document, recipe="t", heading_path=(heading,), text=part, occurrence=0),
                    document=made.document,
                    ordinal=ordinal,
                    text=part,
                    start=text.index(part),
                    end=text.index(part) + len(part),
                    heading_path=(heading,),
                    page_first=2,
                    page_last=2,
                    tokens=5,
                    parent=parent,
                )
                for ordinal, (part, heading) in enumerate(zip_longest(parts, headings, fillvalue="H"))
            ]
            place = Source(
                made.document, self.collection, name, made.version, "blob", len(text), target.key_wrapped, deleted=False
            )
            parsed = ParsedDocument(text, (), name, "text/plain", "t/1")
            vectors = {chunk.id: VectorPlace("v", row) for row, chunk in enumerate(chunks)}
            pipeline.store_chunks(connection, place, target.key, parsed, chunks, vectors)
            rows = [IndexRow(chunk.id, self.collection, acl) for chunk in chunks]
            self.dense.upsert(rows, self.embedder.embed_passages(list(parts)))
            self.lexical.upsert(rows, list(parts))
            live = PendingVersion(made.document, self.collection, made.version, len(parts))
            pipeline.go_live(connection, [live])
        return made.document

    def delete(self, document: DocumentId) -> None:
        with self.database.transaction() as connection:
            documents.delete(connection, document)

    def retriever(self, **options: object) -> HybridRetriever:
        return HybridRetriever(
            database=self.database,
            vault=VAULT,
            embedder=lambda: self.embedder,
            indexes=Indexes(dense=lambda _: self.dense, lexical=self.lexical),
            terms=lambda _, text: text.casefold().split(),
            **options,  # pyright: ignore[reportArgumentType] - a test passes what it wants
        )

    def cached(self, *, spelling: bool = False) -> CachedRetriever:
        speller = Speller(vocabulary=self.lexical, is_word=lambda _: False, database=self.database, vault=VAULT)
        inner = self.retriever(speller=speller) if spelling else self.retriever()
        return CachedRetriever(inner, cache=lambda: self.cache, database=self.database, recipe="test")

    def request(self, query: str = "blue pump inspection", **options: object) -> SearchRequest:
        return SearchRequest(self.collection, query, **options)  # pyright: ignore[reportArgumentType] - as above


class InterruptedIndex(FakeVectorIndex):
    """Something happens when it is asked, before it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().search(scope, vector, top_k=top_k, timeout_s=timeout_s)


class InMilvus(FakeLexicalIndex):
    """What is written goes to Milvus, too, which alone is asked."""

    def __init__(self, milvus: MilvusLexicalIndex) -> None:
        super().__init__()
        self.milvus = milvus

    def upsert(self, rows: Sequence[IndexRow], texts: Sequence[str]) -> None:
        super().upsert(rows, texts)
        self.milvus.upsert(rows, texts)

    def search(self, scope: IndexScope, query: str, *, top_k: int, epoch: int) -> list[IndexHit]:
        return self.milvus.search(scope, query, top_k=top_k, epoch=epoch)


@pytest.fixture
def shelf(database: Database) -> Shelf:
    with database.transaction() as connection:
        access.ensure_tenant(connection, TENANT, "Acme")
        for person in (ANN, BOB):
            access.ensure_principal(connection, person)
        made = collections.create(connection, TENANT, "manuals", acl=access.acl_for(connection, TENANT))
    return Shelf(database, made.id)


async def test_hits_say_where_they_are_from_and_how_they_ranked(shelf: Shelf):
    document = shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    shelf.put("canteen.md", "Lunch is served at noon.")
    result = await shelf.retriever().search(ANN, shelf.request())
    first = result.hits[0]
    assert (first.document, first.version, first.document_name) == (document, 1, "pump.md")
    assert (first.rank, first.scored_by) == (1, Scorer.CONVEX)
    assert {stage.stage for stage in first.stages} == {"dense", "lexical"}
    assert first.score_cosine is not None
    assert {"embed", "dense", "lexical", "read", "search"} <= set(result.timings_ms)


async def test_the_newer_document_leads_where_the_search_asks_for_it(shelf: Shelf):
    old = shelf.put("old.md", "The blue pump inspection.")
    new = shelf.put("new.md", "The blue pump needs an inspection.")
    with shelf.database.transaction() as connection:
        connection.execute(
            text("UPDATE versions SET created_at = now() - interval '3 years' WHERE document = :d"), {"d": old.id}
        )
    plain = await shelf.retriever().search(ANN, shelf.request())
    by_newness = await shelf.retriever().search(ANN, shelf.request(top_k=1, recency=1.0))
    assert "recency" not in {stage.stage for stage in plain.hits[0].stages}
    assert [hit.document for hit in by_newness.hits] == [new]
    assert "recency" in {stage.stage for stage in by_newness.hits[0].stages}
    assert "shape" in by_newness.timings_ms


async def test_words_that_stand_together_count_where_the_collection_says_so(shelf: Shelf):
    with shelf.database.transaction() as connection:
        made = collections.get(connection, ANN, "manuals")
        collections.change_settings(connection, made, {"searching": {"phrase_boost": 1.0}})
    shelf.put("apart.md", "The blue valve and the pump: blue, blue pump valve of an inspection, inspection.")
    together = shelf.put("together.md", "The blue pump inspection comes often.")
    result = await shelf.retriever().search(ANN, shelf.request("blue pump inspection"))
    assert result.hits[0].document == together
    assert ("phrases", 1.0) in {(stage.stage, stage.score) for stage in result.hits[0].stages}


async def test_newness_may_be_that_of_a_declared_field(shelf: Shelf):
    with shelf.database.transaction() as connection:
        made = collections.get(connection, ANN, "manuals")
        changes = {"fields": {"published": "date"}, "searching": {"recency": 1.0, "recency_field": "published"}}
        collections.change_settings(connection, made, changes)
    dated = shelf.put("dated.md", "The blue pump inspection.")
    shelf.put("undated.md", "The blue pump inspection.")
    with shelf.database.transaction() as connection:
        fields = {"published": FieldType.DATE}
        document_fields.replace(connection, VAULT, dated, fields, {"published": "2026-01-01"})
    result = await shelf.retriever().search(ANN, shelf.request())
    assert result.hits[0].document == dated


async def test_replaced_and_deleted_passages_do_not_surface_whatever_the_indexes_hold(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    shelf.put("pump.md", "The blue pump needs an inspection every month.")
    gone = shelf.put("old.md", "An old inspection plan of the blue pump.")
    shelf.delete(gone)
    result = await shelf.retriever().search(ANN, shelf.request())
    assert [(hit.document_name, hit.version) for hit in result.hits] == [("pump.md", 2)]
    assert "every month" in result.hits[0].text


async def test_only_readers_of_a_document_find_it(shelf: Shelf):
    shelf.put("secret.md", "The blue pump inspection is secret.", allow=["ann"])
    assert len((await shelf.retriever().search(ANN, shelf.request())).hits) == 1
    assert (await shelf.retriever().search(BOB, shelf.request())).hits == ()


async def test_strangers_do_not_even_learn_that_the_collection_exists(shelf: Shelf):
    stranger = Principal(TENANT, "nobody", "Nobody", frozenset())
    foreign = Principal(TenantId("other"), "ann", "Ann", frozenset())
    for principal in (stranger, foreign):
        with pytest.raises(NotFound):
            await shelf.retriever().search(principal, shelf.request())


def changes_rules(shelf: Shelf, document: DocumentId, rules: AccessRules) -> Callable[[], None]:
    """Gives a document other rules, and its rows the ACL of them."""

    def change() -> None:
        with shelf.database.transaction() as connection:
            document_access.change_access(connection, ANN, document, rules)
            (moved,) = document_access.moved_documents(connection, limit=10)
            chunks = document_access.live_chunks_of(connection, moved, after="", limit=10)
        for chunk in (one.row.chunk for one in chunks):
            vector = memoryview(shelf.dense.stored(shelf.collection, [chunk])[chunk]).cast("f")
            FakeVectorIndex.upsert(shelf.dense, [IndexRow(chunk, shelf.collection, moved.acl)], [vector])

    return change


@pytest.mark.parametrize("filtered", [False, True])
async def test_other_rules_hide_nothing_from_whom_may_read_it_before_and_after(shelf: Shelf, filtered: bool):
    index = shelf.dense = InterruptedIndex()
    document = shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    with shelf.database.transaction() as connection:
        document_fields.replace(connection, VAULT, document, FIELDS, {"kind": "memo"})
    index.meanwhile = changes_rules(shelf, document, AccessRules((EVERYONE,), ("bob",)))
    chosen = parse_filter(FIELDS, {"kind": "memo"}) if filtered else ()
    found = await shelf.cached().search(ANN, shelf.request(filter=chosen))
    assert [hit.document for hit in found.hits] == [document]


async def test_what_was_found_while_rights_changed_is_kept_for_nobody(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    stored: list[CacheScope] = []
    monkeypatch.setattr(shelf.cache, "store", lambda scope, *_: not stored.append(scope))
    index = shelf.dense = InterruptedIndex()
    own = shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    shelf.put("plan.md", "Inspection plan of the blue pump.")
    index.meanwhile = changes_rules(shelf, own, AccessRules(("ann",)))
    found = await shelf.cached().search(ANN, shelf.request())
    assert {hit.document_name for hit in found.hits} == {"pump.md", "plan.md"}
    assert not stored
    await shelf.cached().search(ANN, shelf.request())
    assert len(stored) == 1


async def test_who_loses_a_document_while_it_is_looked_for_is_not_shown_it(shelf: Shelf):
    index = shelf.dense = InterruptedIndex()
    document = shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    index.meanwhile = changes_rules(shelf, document, AccessRules(("ann",)))
    assert (await shelf.cached().search(BOB, shelf.request())).hits == ()


@pytest.mark.parametrize(("down", "missing"), [("dense", "dense"), ("lexical", "lexical")])
async def test_one_index_down_is_said_and_the_other_answers(shelf: Shelf, down: str, missing: str):
    shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    getattr(shelf, down).down = True
    result = await shelf.retriever().search(ANN, shelf.request())
    assert len(result.hits) == 1
    assert [d.component for d in result.degraded] == [missing]


async def test_without_any_index_there_is_no_answer_instead_of_an_empty_one(shelf: Shelf):
    shelf.dense.down = shelf.lexical.down = True
    with pytest.raises(Unavailable) as caught:
        await shelf.retriever().search(ANN, shelf.request())
    assert caught.value.code == "retrieval_unavailable"


async def test_one_hit_a_document_when_asked(shelf: Shelf):
    for name in ("a.md", "b.md", "c.md"):
        shelf.put(name, f"The blue pump inspection in {name}.")
    result = await shelf.retriever().search(ANN, shelf.request(one_per_document=True, top_k=2))
    assert len({hit.document for hit in result.hits}) == len(result.hits) == 2


async def test_reranking_reorders_and_explains_itself(shelf: Shelf):
    shelf.put("a.md", "Pump pump pump.")
    shelf.put("b.md", "A blue pump inspection.")
    result = await shelf.retriever(reranker=FakeReranker).search(ANN, shelf.request())
    assert result.hits[0].document_name == "b.md"
    assert result.hits[0].scored_by is Scorer.RERANKER
    assert [stage.stage for stage in result.hits[0].stages][-2:] == ["fused", "rerank"]


async def test_a_search_that_takes_too_long_ends_at_its_deadline(shelf: Shelf):
    class SlowIndex(FakeVectorIndex):
        def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
            time.sleep(1.0)
            return super().search(scope, vector, top_k=top_k, timeout_s=timeout_s)

    shelf.dense = SlowIndex()
    with pytest.raises(Exhausted) as caught:
        await shelf.retriever().search(ANN, shelf.request(mode=Mode.DENSE, deadline_s=0.2))
    assert caught.value.code == "deadline"


async def test_the_same_question_is_a_cache_hit_until_something_arrived_that_was_not_percolated(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    first, second = [await shelf.cached().search(ANN, shelf.request()) for _ in range(2)]
    assert (first.cache, second.cache) == ("miss", "hit")
    assert second.hits == first.hits
    shelf.put("canteen.md", "Lunch is served at noon.")
    assert (await shelf.cached().search(ANN, shelf.request())).cache == "miss"


async def test_a_cache_hit_needs_the_same_rights(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection.", allow=["ann"])
    shelf.put("plan.md", "Inspection plan of the blue pump.")
    assert (await shelf.cached().search(ANN, shelf.request())).cache == "miss"
    found = await shelf.cached().search(BOB, shelf.request())
    assert found.cache == "miss"
    assert [hit.document_name for hit in found.hits] == ["plan.md"]


async def test_an_entry_whose_evidence_died_is_not_served(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    await shelf.cached().search(ANN, shelf.request())
    with shelf.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE documents SET live_version = NULL")
    found = await shelf.cached().search(ANN, shelf.request())
    assert (found.cache, found.hits) == ("miss", ())


async def test_a_dead_cache_is_passed_by_and_said(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
    shelf.cache.down = True
    found = await shelf.cached().search(ANN, shelf.request())
    assert len(found.hits) == 1
    assert [d.component for d in found.degraded] == ["cache"]


def test_permissions_have_a_digest_of_their_set(shelf: Shelf):
    with shelf.database.transaction() as connection:
        digest: Callable[[Principal], str] = lambda p: visibility.permissions_digest(  # noqa: E731 - used twice, here
            visibility.readable_acls(connection, p)
        )
        assert digest(ANN) == digest(BOB)
        access.acl_for(connection, TENANT, allow=["ann"])
        assert digest(ANN) != digest(BOB)


async def test_milvus_serves_words_as_well_as_vectors(shelf: Shelf, tmp_path: Path):
    with closing(MilvusLexicalIndex(uri=str(tmp_path / "lite.db"), token="", key=bytes(32))) as milvus:
        shelf.lexical = InMilvus(milvus)
        pump = shelf.put("pump.md", "The blue pump needs an inspection twice a year.")
        shelf.put("secret.md", "Blue pump inspection, for Bob alone.", allow=["bob"])
        shelf.put("canteen.md", "Lunch is served at noon.")
        speller = choose_speller(None, embedder=lambda: shelf.embedder, database=shelf.database, vault=VAULT)
        result = await shelf.retriever(speller=speller).search(ANN, shelf.request())
        first = result.hits[0]
        assert (first.document, result.degraded) == (pump, ())
        share = {stage.stage: stage.normalized for stage in first.stages}
        assert share["lexical"] == pytest.approx(1.0), "the best of what was found is the measure"
        assert "secret.md" not in [hit.document_name for hit in result.hits]
        shelf.delete(pump)
        assert pump not in [hit.document for hit in (await shelf.retriever().search(ANN, shelf.request())).hits]


def sentences(text: str) -> list[str]:
    return [part + "." for part in text.rstrip(".").split(". ")]


MANUAL = (
    "Close the valve. The blue pump needs an inspection. Note the date."
    " Call the desk. Lunch is at noon. Wash your hands."
)


def beside(found: Hit) -> list[str]:
    return [one.text for one in found.around]


@pytest.mark.parametrize(
    ("expand", "expected"),
    [
        (Expand.OFF, []),
        (Expand.NEIGHBOURS, ["Close the valve.", "Note the date."]),
        (Expand.SECTION, ["Note the date.", "Call the desk."]),
    ],
)
async def test_a_hit_is_read_with_what_is_around_it(shelf: Shelf, expand: Expand, expected: list[str]):
    headings = ["Before", "Pump", "Pump", "Pump", "Canteen", "Canteen"]
    shelf.put_parts("pump.md", MANUAL, sentences(MANUAL), headings=headings)
    found = await shelf.retriever().search(ANN, shelf.request(mode=Mode.LEXICAL, expand=expand))
    assert [hit.text for hit in found.hits] == ["The blue pump needs an inspection."]
    (hit,) = found.hits
    assert beside(hit) == expected
    assert all(MANUAL[one.start : one.end] == one.text for one in hit.around)
    assert [stage.stage for stage in hit.stages] == ["lexical", *(["expand"] if expected else [])]


async def test_the_collection_says_what_is_read_with_hits_and_how_much_of_it(shelf: Shelf):
    shelf.put_parts("pump.md", MANUAL, sentences(MANUAL), headings=["Pump"] * 6)
    with shelf.database.transaction() as connection:
        found = collections.by_id(connection, ANN, shelf.collection)
        collections.change_settings(connection, found, {"searching": {"expand": "section", "expand_tokens": 16}})
    request = shelf.request(mode=Mode.LEXICAL)
    (hit,) = (await shelf.retriever().search(ANN, request)).hits
    assert len(hit.around) == 2  # three passages of five tokens
    (bare,) = (await shelf.retriever().search(ANN, replace(request, expand=Expand.OFF))).hits
    assert bare.around == ()


async def test_hits_that_touch_are_read_as_one_and_keep_their_own_rank(shelf: Shelf):
    shelf.put_parts("pump.md", MANUAL, sentences(MANUAL))
    shelf.put("plan.md", "Inspection plan.")
    asked = shelf.request("blue pump inspection date", mode=Mode.LEXICAL, expand=Expand.NEIGHBOURS)
    found = await shelf.retriever().search(ANN, asked)
    assert [hit.document_name for hit in found.hits] == ["pump.md", "plan.md"]
    assert [hit.rank for hit in found.hits] == [1, 2]
    assert beside(found.hits[0]) == ["Close the valve.", "Note the date."]
    assert [one.rank is not None for one in found.hits[0].around] == [False, True]


async def test_what_is_excluded_is_not_read_beside_a_hit_either(shelf: Shelf):
    shelf.put_parts("pump.md", MANUAL, sentences(MANUAL))
    asked = shelf.request(mode=Mode.LEXICAL, expand=Expand.NEIGHBOURS, excluded=("date",))
    (hit,) = (await shelf.retriever().search(ANN, asked)).hits
    assert beside(hit) == ["Close the valve."]


async def test_small_passages_are_found_and_the_larger_one_is_read_once(shelf: Shelf):
    text = "The blue pump needs an inspection. Lunch is at noon. The pump inspection is yearly."
    document = shelf.put_parts("pump.md", text, sentences(text), parent=Parent(0, len(text), 1, ()))
    shelf.put("valve.md", "The blue valve needs an inspection.")
    result = await shelf.retriever(reranker=lambda: FakeReranker()).search(ANN, shelf.request(top_k=2))
    assert [hit.document_name for hit in result.hits] == ["pump.md", "valve.md"]
    first = result.hits[0]
    assert (first.document, first.text, first.start, first.end) == (document, text, 0, len(text))
    assert (first.page, first.heading_path) == (1, ())


@pytest.mark.parametrize("most_named", [10_000, 0], ids=["named", "widened"])
async def test_a_filter_finds_what_is_far_down_the_rankings(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, most_named: int
):
    monkeypatch.setattr(retriever_module, "MOST_NAMED", most_named)
    for n in range(80):
        shelf.put(f"{n}.md", f"The blue pump needs an inspection, number {n}.")
    wanted = [shelf.put(f"memo-{n}.md", f"A pump of {n} other words about gardens and lunch.") for n in range(3)]
    with shelf.database.transaction() as connection:
        for document in wanted:
            document_fields.replace(connection, VAULT, document, FIELDS, {"kind": "memo"})
    depths = Depths(candidates=10)
    asked = shelf.request(top_k=2, filter=parse_filter(FIELDS, {"kind": "memo"}))
    found = await shelf.retriever(depths=depths).search(ANN, asked)
    assert {hit.document for hit in found.hits} <= set(wanted)
    assert len(found.hits) == 2
    nothing = shelf.request(filter=parse_filter(FIELDS, {"kind": "note"}))
    assert (await shelf.retriever().search(ANN, nothing)).hits == ()


async def test_what_a_filter_hides_does_not_come_from_the_cache(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection.")
    assert (await shelf.cached().search(ANN, shelf.request())).cache == "miss"
    filtered = shelf.request(filter=parse_filter(FIELDS, {"kind": "memo"}))
    result = await shelf.cached().search(ANN, filtered)
    assert (result.cache, result.hits) == ("miss", ())


async def test_a_filtered_search_is_kept_for_its_filter_until_a_field_changes(shelf: Shelf):
    pump, other = shelf.put("pump.md", "The blue pump needs an inspection."), shelf.put("b.md", "Blue pump inspection.")
    with shelf.database.transaction() as connection:
        document_fields.replace(connection, VAULT, pump, FIELDS, {"kind": "memo"})
    memos = shelf.request(filter=parse_filter(FIELDS, {"kind": "memo"}))

    async def asked(request: SearchRequest) -> tuple[str, set[DocumentId]]:
        found = await shelf.cached().search(ANN, request)
        return found.cache, {hit.document for hit in found.hits}

    assert [await asked(memos) for _ in range(2)] == [("miss", {pump}), ("hit", {pump})]
    assert await asked(shelf.request()) == ("miss", {pump, other})
    assert await asked(shelf.request(filter=parse_filter(FIELDS, {"kind": "letter"}))) == ("miss", set())
    with shelf.database.transaction() as connection:
        document_fields.replace(connection, VAULT, other, FIELDS, {"kind": "memo"})
    assert await asked(memos) == ("miss", {pump, other})
    assert await asked(shelf.request()) == ("hit", {pump, other})


async def test_a_quick_search_is_kept_when_it_is_asked_again(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection.")

    async def asked(admit_ms: float, query: str, **options: object) -> str:
        cached = CachedRetriever(
            shelf.retriever(),
            cache=lambda: shelf.cache,
            database=shelf.database,
            recipe="test",
            admit_ms=admit_ms,
        )
        return (await cached.search(ANN, shelf.request(query, **options))).cache

    assert [await asked(60_000, "blue pump") for _ in range(3)] == ["miss", "miss", "hit"]
    assert [await asked(0, "pump inspection") for _ in range(2)] == ["miss", "hit"]
    refreshed = [await asked(60_000, "an inspection", cache=use) for use in (CacheUse.REFRESH, CacheUse.USE)]
    assert refreshed == ["miss", "hit"]


async def test_passages_hold_the_exact_words_and_none_of_the_excluded(shelf: Shelf):
    for n in range(80):
        shelf.put(f"{n}.md", f"The blue pump needs an inspection, number {n}.")
    wanted = shelf.put("exact.md", "A pump, and an Annual Inspection of gardens.")
    shelf.put("dry.md", "A pump, and an annual inspection of dry gardens.")
    asked = shelf.request(top_k=5, phrases=("annual inspection",), excluded=("dry",))
    found = await shelf.cached().search(ANN, asked)
    assert (found.cache, [hit.document for hit in found.hits]) == ("miss", [wanted])


async def test_a_synonym_finds_what_says_the_same_in_other_words(shelf: Shelf):
    wanted = shelf.put("leave.md", "Paid time off is thirty days.")
    shelf.put("pump.md", "The blue pump needs an inspection.")
    asked = shelf.request("PTO", mode=Mode.LEXICAL)
    assert (await shelf.cached().search(ANN, asked)).hits == ()
    with shelf.database.transaction() as connection:
        found = collections.by_id(connection, ANN, shelf.collection)
        collections.change_settings(connection, found, {"synonyms": [["PTO", "paid time off"]]})
    result = await shelf.cached().search(ANN, asked)
    assert [hit.document for hit in result.hits] == [wanted]
    assert [(one.term, one.added) for one in result.expansions] == [("PTO", ("paid time off",))]
    literal = await shelf.cached().search(ANN, replace(asked, synonyms=False))
    assert (literal.hits, literal.expansions) == ((), ())


async def test_a_misspelled_word_finds_what_was_meant_and_says_so(shelf: Shelf):
    wanted = shelf.put("leave.md", "The annual leave is thirty days.")
    shelf.put("pump.md", "The blue pump needs an inspection.")
    asked = shelf.request("anual leave")
    result = await shelf.cached(spelling=True).search(ANN, asked)
    assert result.hits[0].document == wanted
    assert (result.corrections, result.cache) == ((Correction("anual", "annual"),), "off")
    literal = await shelf.cached(spelling=True).search(ANN, replace(asked, spelling=False))
    dense = await shelf.cached(spelling=True).search(ANN, replace(asked, mode=Mode.DENSE))
    assert literal.corrections == dense.corrections == ()
    with shelf.database.transaction() as connection:
        found = collections.by_id(connection, ANN, shelf.collection)
        collections.change_settings(connection, found, {"searching": {"spelling": False}})
    assert (await shelf.cached(spelling=True).search(ANN, asked)).corrections == ()


async def test_a_correction_reveals_no_word_that_the_asker_may_not_read(shelf: Shelf):
    shelf.put("merger.md", "Project zephyr is the merger of annual plans.", allow=["ann"])
    shelf.put("public.md", "The annual report of a project.")
    ann = await shelf.cached(spelling=True).search(ANN, shelf.request("project zephir"))
    bob = await shelf.cached(spelling=True).search(BOB, shelf.request("project zephir"))
    assert (ann.corrections, bob.corrections) == ((Correction("zephir", "zephyr"),), ())


async def test_a_hidden_word_is_corrected_as_if_it_were_nowhere(shelf: Shelf):
    shelf.put("public.md", "The annual report of a project.")
    before = await shelf.cached(spelling=True).search(BOB, shelf.request("the annuel project"))
    shelf.put("secret.md", "The codename annuel is a project.", allow=["ann"])
    after = await shelf.cached(spelling=True).search(BOB, shelf.request("the annuel project"))
    owner = await shelf.cached(spelling=True).search(ANN, shelf.request("the annuel project"))
    assert before.corrections == after.corrections == (Correction("annuel", "annual"),)
    assert owner.corrections == ()


async def test_words_of_replaced_and_deleted_passages_are_no_corrections(shelf: Shelf):
    shelf.put("a.md", "The zephyr station.")
    gone = shelf.put("b.md", "The mistral station.")
    shelf.put("a.md", "The other station.")
    shelf.delete(gone)
    for written in ("zephir station", "mistrel station"):
        assert (await shelf.cached(spelling=True).search(ANN, shelf.request(written))).corrections == ()


async def test_without_the_words_of_the_index_a_question_is_searched_as_it_is(shelf: Shelf):
    shelf.put("leave.md", "The annual leave is thirty days.")
    shelf.lexical.down = True
    result = await shelf.cached(spelling=True).search(ANN, shelf.request("anual leave"))
    assert (len(result.hits), result.corrections) == (1, ())
    assert [one.component for one in result.degraded] == ["lexical"]


async def test_a_weak_result_is_looked_for_again_within_what_may_be_read(shelf: Shelf):
    shelf.put("pump.md", "The blue pump needs an inspection.")
    wanted = shelf.put("leave.md", "Annual leave is thirty days.")
    shelf.put("secret.md", "Annual leave of the board is sixty days.", allow=["bob"])
    with shelf.database.transaction() as connection:
        found = collections.by_id(connection, ANN, shelf.collection)
        collections.change_settings(connection, found, {"searching": {"rewriting": "rewrite"}})
    retriever = shelf.retriever(look_again=Rewriter(FakeChatModel(["annual leave days"]), timeout_s=5.0))
    asked = shelf.request("holidays")
    result = await retriever.search(ANN, asked)
    assert result.second_look is not None
    assert result.second_look.texts == ("annual leave days",)
    assert {hit.document for hit in result.hits if "text 1" in {s.stage for s in hit.stages}} >= {wanted}
    assert "secret.md" not in {hit.document_name for hit in result.hits}
    plain = await retriever.search(ANN, replace(asked, rewriting=False))
    assert (plain.second_look, plain.weakness) == (None, None)


async def test_candidates_come_from_what_may_be_read(shelf: Shelf):
    shelf.put("leave.md", "Staff have paid time off (PTO).")
    with shelf.database.transaction() as connection:
        acls = visibility.readable_acls(connection, ANN)
        read = live_texts.some(connection, VAULT, shelf.collection, acls, most=10)
        hidden = live_texts.some(connection, VAULT, shelf.collection, frozenset(), most=10)
    assert (read, hidden) == (["Staff have paid time off (PTO)."], [])


class ForgetfulIndex(FakeVectorIndex):
    """Finds only every other row, as an approximate index may."""

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        return super().search(scope, vector, top_k=100, timeout_s=timeout_s)[::2][:top_k]


def inspector(shelf: Shelf, dense: FakeVectorIndex | None = None) -> Inspector:
    return Inspector(database=shelf.database, embedder=lambda: shelf.embedder, dense=lambda _: dense or shelf.dense)


def check(shelf: Shelf, who: Principal = ANN, **options: Any) -> internal.IndexReport:
    asked = internal.IndexCheck(shelf.collection.id, ("pump valve seal",), top_k=2)
    return inspector(shelf, **options).check(who, asked, deadline_s=30)


def test_recall_is_held_against_every_vector_that_may_be_read(shelf: Shelf) -> None:
    for number, words in enumerate(("pump valve seal", "pump valve", "pump", "oil", "tank", "pipe")):
        shelf.put(f"{number}", words)
    shelf.put("secret", "pump valve seal secret", allow=("bob",))
    assert check(shelf) == internal.IndexReport((1.0,), "hnsw", 6, 0)
    assert check(shelf, BOB).chunks == 7
    forgetful = ForgetfulIndex()
    forgetful._rows = shelf.dense._rows  # pyright: ignore[reportPrivateUsage] - the same rows
    assert check(shelf, dense=forgetful).recalls == (0.5,)


def test_rows_that_the_index_has_lost_are_counted(shelf: Shelf) -> None:
    shelf.put("kept.md", "pump 3")
    gone = shelf.put("gone.md", "valve 4")
    with shelf.database.transaction() as connection:
        acls = visibility.readable_acls(connection, ANN)
        live = visibility.live_after(connection, shelf.collection, acls, after=None, limit=9)
        lost = [c for c in live if visibility.live_chunks(connection, shelf.collection, acls, [c])[c].document == gone]
    shelf.dense.delete(shelf.collection, lost)
    assert check(shelf) == internal.IndexReport((1.0,), "hnsw", 2, 1)


def test_vectors_are_sampled_by_when_they_went_live(shelf: Shelf) -> None:
    old, new = shelf.put("old.md", "pump 3"), shelf.put("new.md", "valve 4")
    now = datetime.now(UTC)
    with shelf.database.transaction() as connection:
        connection.execute(
            text("UPDATE versions SET stage_at = :t WHERE document = :d"), {"t": now - timedelta(days=3), "d": old.id}
        )
    yesterday = now - timedelta(days=1)

    def sampled(since: datetime | None, until: datetime | None) -> int:
        asked = internal.VectorSample(shelf.collection.id, since, until, 10)
        return len(inspector(shelf).sample(ANN, asked).vectors)

    assert (sampled(None, None), sampled(None, yesterday), sampled(yesterday, None)) == (2, 1, 1)
    assert new != old
    with pytest.raises(Invalid, match="limit"):
        inspector(shelf).sample(ANN, internal.VectorSample(shelf.collection.id, None, None, 0))


def test_an_index_that_is_too_large_for_the_time_is_said_to_be(shelf: Shelf) -> None:
    shelf.put("a.md", "pump 3")
    with pytest.raises(Exhausted, match="could be looked at"):
        inspector(shelf).check(ANN, internal.IndexCheck(shelf.collection.id, ("pump",)), deadline_s=-1)
