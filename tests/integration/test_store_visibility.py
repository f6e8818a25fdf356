"""Who may see what: the store's answer against the rules, on a real PostgreSQL."""

import pytest
from assay_core.documents import AclId, TenantId
from assay_core.errors import Conflict, NotFound
from assay_core.jobs import JobKind
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from assay_store import access, collections, documents, jobs, visibility
from assay_store.database import Database
from assay_store.documents import StoredBlob
from assay_store.encryption import Vault
from sqlalchemy import Connection, text

pytestmark = pytest.mark.integration

ACME, OTHER = TenantId("acme"), TenantId("other")
VAULT = Vault(bytes(32))


def person(name: str, tenant: TenantId = ACME) -> Principal:
    return Principal(tenant, name, name, frozenset({"reader"}))


def enrol(connection: Connection, *people: Principal) -> None:
    for one in people:
        access.ensure_tenant(connection, one.tenant, one.tenant)
        access.ensure_principal(connection, one)


def group(connection: Connection, name: str, *members: str, tenant: TenantId = ACME) -> None:
    access.ensure_principal(connection, Principal(tenant, name, name, frozenset()), kind="group")
    for member in members:
        connection.execute(
            text("INSERT INTO memberships (tenant, member, grp) VALUES (:t, :m, :g)"),
            {"t": tenant, "m": member, "g": name},
        )


def upload(connection: Connection, who: Principal, acl: AclId, *, name: str = "a.md", sha256: str = "1" * 64):
    collection = collections.get(connection, who, "handbook")
    target = documents.upload_target(connection, VAULT, collection.id, name, acl=acl)
    return documents.record_upload(connection, target, StoredBlob(sha256, 10, "text/markdown"))


def test_rules_of_groups_and_denials(database: Database):
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    with database.transaction() as connection:
        enrol(connection, ann, bob, eve)
        group(connection, "finance", "ann", "eve")
        group(connection, "leads", "finance")
        everyone = access.acl_for(connection, ACME)
        leads = access.acl_for(connection, ACME, allow=["leads"])
        not_eve = access.acl_for(connection, ACME, deny=["eve"])
        assert visibility.readable_acls(connection, ann) == {everyone, leads, not_eve}
        assert visibility.readable_acls(connection, bob) == {everyone, not_eve}
        assert visibility.readable_acls(connection, eve) == {everyone, leads}


def test_unknown_disabled_and_foreign_principals_see_nothing(database: Database):
    ann, stranger, foreign = person("ann"), person("nobody"), person("ann", OTHER)
    with database.transaction() as connection:
        enrol(connection, ann, foreign)
        access.acl_for(connection, ACME)
        assert visibility.readable_acls(connection, stranger) == frozenset()
        assert visibility.readable_acls(connection, foreign) == frozenset()
        connection.execute(text("UPDATE principals SET disabled_at = now() WHERE tenant = 'acme'"))
        assert visibility.readable_acls(connection, ann) == frozenset()


def test_equal_rules_share_one_acl(database: Database):
    with database.transaction() as connection:
        enrol(connection, person("ann"))
        one = access.acl_for(connection, ACME, allow=["b", "a"])
        assert access.acl_for(connection, ACME, allow=["a", "b"]) == one
        assert access.acl_for(connection, ACME, allow=["a"]) != one


def test_a_document_of_another_reader_looks_absent(database: Database):
    ann, bob = person("ann"), person("bob")
    with database.transaction() as connection:
        enrol(connection, ann, bob)
        collections.create(connection, ACME, "handbook", acl=access.acl_for(connection, ACME))
        made = upload(connection, ann, access.acl_for(connection, ACME, allow=["ann"]))
        assert documents.get(connection, VAULT, ann, made.document).name == "a.md"
        with pytest.raises(NotFound) as hidden:
            documents.get(connection, VAULT, bob, made.document)
        with pytest.raises(NotFound) as absent:
            documents.get(connection, VAULT, bob, type(made.document)(ACME, "0" * 32))
        assert hidden.value.code == absent.value.code


def test_uploads_make_versions_and_equal_bytes_do_not(database: Database):
    ann = person("ann")
    with database.transaction() as connection:
        enrol(connection, ann)
        acl = access.acl_for(connection, ACME)
        collections.create(connection, ACME, "handbook", acl=acl)
        first = upload(connection, ann, acl)
        again = upload(connection, ann, acl)
        changed = upload(connection, ann, acl, sha256="2" * 64)
        assert (first.version, again.version, changed.version) == (1, 1, 2)
        assert (first.unchanged, again.unchanged, changed.unchanged) == (False, True, False)
        assert again.document == first.document == changed.document


def test_deletion_hides_at_once_and_frees_the_name(database: Database):
    ann = person("ann")
    with database.transaction() as connection:
        enrol(connection, ann)
        acl = access.acl_for(connection, ACME)
        collections.create(connection, ACME, "handbook", acl=acl)
        made = upload(connection, ann, acl)
        evidence = [EvidenceVersion(made.document, 1)]
        connection.execute(text("UPDATE documents SET live_version = 1"))
        assert visibility.all_live(connection, ACME, frozenset({acl}), evidence)
        documents.delete(connection, made.document)
        assert not visibility.all_live(connection, ACME, frozenset({acl}), evidence)
        with pytest.raises(NotFound):
            documents.get(connection, VAULT, ann, made.document)
        assert upload(connection, ann, acl).document != made.document


def test_a_lease_is_taken_once_and_a_stale_one_is_refused(database: Database):
    ann = person("ann")
    with database.transaction() as connection:
        enrol(connection, ann)
        acl = access.acl_for(connection, ACME)
        collections.create(connection, ACME, "handbook", acl=acl)
        upload(connection, ann, acl)
    with database.transaction() as connection:
        (held,) = jobs.lease(connection, JobKind.INGEST, owner="w1", lease_s=30, limit=5)
        assert jobs.lease(connection, JobKind.INGEST, owner="w2", lease_s=30, limit=5) == []
        connection.execute(text("UPDATE jobs SET lease_until = now() - interval '1 second'"))
        (taken,) = jobs.lease(connection, JobKind.INGEST, owner="w2", lease_s=30, limit=5)
    assert (taken.job, taken.epoch, taken.attempt) == (held.job, held.epoch + 1, 2)
    with database.transaction() as connection, pytest.raises(Conflict) as caught:
        jobs.hold(connection, held)
    assert caught.value.code == "lease_lost"
    with database.transaction() as connection:
        jobs.hold(connection, taken)
        jobs.finish(connection, taken)
        assert jobs.lease(connection, JobKind.INGEST, owner="w3", lease_s=30, limit=5) == []


def test_a_job_that_kills_its_worker_each_time_is_exhausted_after_three(database: Database):
    ann = person("ann")
    with database.transaction() as connection:
        enrol(connection, ann)
        acl = access.acl_for(connection, ACME)
        collections.create(connection, ACME, "handbook", acl=acl)
        upload(connection, ann, acl)
        for _ in range(3):
            assert len(jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=5)) == 1
            connection.execute(text("UPDATE jobs SET lease_until = now() - interval '1 second'"))
        assert jobs.lease(connection, JobKind.INGEST, owner="w", lease_s=30, limit=5) == []
        (dead,) = jobs.exhausted(connection, JobKind.INGEST)
        jobs.hold(connection, dead)
        jobs.bury(connection, dead, code="gave_up")
        assert jobs.exhausted(connection, JobKind.INGEST) == []
