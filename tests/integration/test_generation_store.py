"""What generation asks of the tables: which versions may be cited now, and that answers are kept."""

from dataclasses import replace

import pytest
from assay_core.answers import AnswerRequest
from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Unavailable
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from assay_generation.liveness import SqlLiveness
from assay_generation.recording import SqlRecorder
from assay_runtime.threads import Workers
from assay_store import access, answers
from assay_store.database import Database
from assay_testing.answers import answer, citation, hit
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.library import Library
from assay_wire import internal
from sqlalchemy import text

pytestmark = pytest.mark.integration


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database, FakeBlobStore())


def live(library: Library, name: str) -> EvidenceVersion:
    """A document whose first version is live."""
    uploaded = library.upload(name, f"Text of {name}.")
    with library.database.transaction() as connection:
        connection.execute(
            text("UPDATE documents SET live_version = :v WHERE tenant = :t AND id = :d"),
            {"v": uploaded.version, "t": uploaded.document.tenant, "d": uploaded.document.id},
        )
    return EvidenceVersion(uploaded.document, uploaded.version)


async def test_only_live_and_readable_versions_may_be_cited(library: Library) -> None:
    liveness = SqlLiveness(database=library.database, workers=Workers(1))
    one, two, three = (live(library, name) for name in ("one.md", "two.md", "three.md"))
    asked = {one, two, three}
    assert await liveness.live(library.librarian, asked) == asked
    library.delete(two.document)
    assert await liveness.live(library.librarian, asked) == {one, three}
    assert await liveness.live(library.librarian, {replace(one, version=2), three}) == {three}
    stranger = Principal(library.librarian.tenant, "nobody", "Nobody", frozenset({"reader"}))
    assert await liveness.live(stranger, asked) == frozenset()
    assert await liveness.live(library.librarian, set()) == frozenset()


async def test_closed_to_one_principal_is_not_closed_to_others(library: Library) -> None:
    one = live(library, "one.md")
    eve = Principal(library.librarian.tenant, "eve", "Eve", frozenset({"reader"}))
    with library.database.transaction() as connection:
        access.ensure_principal(connection, eve)
        acl = access.acl_for(connection, eve.tenant, deny=["eve"])
        connection.execute(text("UPDATE documents SET acl = :a"), {"a": int(acl)})
    liveness = SqlLiveness(database=library.database, workers=Workers(1))
    assert await liveness.live(library.librarian, {one}) == {one}
    assert await liveness.live(eve, {one}) == frozenset()


async def test_database_that_is_away_is_an_error_not_an_empty_set() -> None:
    away = Database("postgresql+psycopg://assay:x@127.0.0.1:9/assay", pool_timeout_s=0.5)
    liveness = SqlLiveness(database=away, workers=Workers(1))
    who = Principal(TenantId("acme"), "ann", "Ann", frozenset({"reader"}))
    with pytest.raises(Unavailable):
        await liveness.live(who, {EvidenceVersion(DocumentId(TenantId("acme"), "d"), 1)})


async def test_answer_is_kept_encrypted_for_its_owner_with_what_it_rests_on(library: Library) -> None:
    one = live(library, "one.md")
    recorder = SqlRecorder(
        database=library.database, vault=library.vault, dump=internal.answer.dump_json, workers=Workers(1)
    )
    given = answer(
        "It is so. [1]",
        sources=(hit(one.document.id, "Text of one.md."),),
        citations=(citation(one.document.id, "Text of one.md."),),
    )
    await recorder.record(library.librarian, AnswerRequest(library.collection, given.question), given)
    with library.database.transaction() as connection:
        kept = answers.owned(connection, library.vault, library.librarian, given.id)
        assert kept is not None
        assert internal.answer.validate_json(kept.record) == given
        other = replace(library.librarian, id="bob")
        assert answers.owned(connection, library.vault, other, given.id) is None
        rests_on = connection.execute(text("SELECT document, version FROM answer_documents")).all()
        assert [tuple(row) for row in rests_on] == [(one.document.id, 1)]
        raw = connection.execute(text("SELECT record FROM answers")).scalar_one()
    assert b"It is so" not in bytes(raw)
