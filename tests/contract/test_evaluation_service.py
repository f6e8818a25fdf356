"""The client of the evaluation service against its routes, on a real PostgreSQL."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import AssayError, Denied, Invalid, NotFound
from assay_core.evaluation import GoldenPassage, GoldenQuestion, QuestionScore, RunState
from assay_core.principals import Principal
from assay_evaluation.routes import build_routes
from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.tokens import TokenMinter, TokenVerifier
from assay_store import access, collections, evaluations, golden_sets
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.evaluations import Case, Outcome
from assay_store.golden_sets import Origin
from assay_wire import internal
from assay_wire.peers import EvaluationClient, Peer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytestmark = pytest.mark.integration

TENANT, OTHER = TenantId("acme"), TenantId("other")
ANN = Principal(TENANT, "ann", "Ann", frozenset({"evaluator"}))
BOB = Principal(TENANT, "bob", "Bob", frozenset({"reader"}))
EVE = Principal(OTHER, "eve", "Eve", frozenset({"administrator"}))
QUESTIONS = (
    GoldenQuestion("q1", "How long?", "20 days", True, (GoldenPassage("leave.md", "twenty days"),), "table"),
    GoldenQuestion("q2", "Who?", "", False),
)


@pytest.fixture
def collection(database: Database) -> CollectionId:
    with database.transaction() as connection:
        for one in (ANN, BOB, EVE):
            access.ensure_tenant(connection, one.tenant, one.tenant)
            access.ensure_principal(connection, one)
        acl = access.acl_for(connection, TENANT)
        return collections.create(connection, TENANT, "handbook", acl=acl).id


@pytest.fixture
async def client(database: Database) -> AsyncGenerator[EvaluationClient]:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = build_app(title="test", checks={"database": database.check})
    caller = caller_dependency(TokenVerifier(public.decode()), default_deadline_s=10)
    app.include_router(build_routes(database=database, caller=caller))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evaluation")
    minter = TokenMinter(private.decode(), issuer="gateway")
    peer = Peer(name="evaluation", base_url="http://evaluation", token=minter, client=http)
    yield EvaluationClient(peer)
    await peer.aclose()


async def test_a_golden_set_and_a_run_make_the_round_trip(
    client: EvaluationClient, database: Database, collection: CollectionId
) -> None:
    with database.transaction() as connection:
        for questions in (QUESTIONS[1:], QUESTIONS):
            golden_sets.put(connection, Vault(bytes(32)), collection, "golden", questions, Origin("ann"))
    started = await client.start(ANN, internal.RunRequest(collection.id, "golden", "local", 1))
    assert (started.state, started.collection, started.configuration) == (
        RunState.WAITING,
        collection.id,
        {"limit": 1, "dataset_version": 2},
    )
    with database.transaction() as connection:
        held = evaluations.lease(connection, owner="me", lease_s=60)
        assert held is not None
        assert (held.run, held.limit, held.requested_by) == (started.id, 1, "ann")
        evaluations.pin(connection, held, [Case("q1")], {"judge_model": "fake"})
        scores = [QuestionScore("q1", "groundedness", 0.5), QuestionScore("q1", "mrr@10", None, "no search: down")]
        evaluations.record_case(connection, held, Case("q1", "a1"), scores)
        evaluations.finish(connection, held, Outcome({"groundedness": 0.5}, {"groundedness": (0.25, 0.75)}, 1))
    detail = await client.run(ANN, started.id)
    assert detail.run.metrics == {"groundedness": 0.5}
    assert detail.run.intervals == {"groundedness": (0.25, 0.75)}
    assert (detail.run.questions, detail.run.failures) == (1, 1)
    assert detail.scores == tuple(scores)
    assert (await client.runs(BOB, collection_id=collection.id, limit=5)).runs == (detail.run,)
    assert (await client.runs(BOB, collection_id=None, limit=5)).runs == (detail.run,)


async def test_newest_runs_come_first_and_no_more_than_asked(
    client: EvaluationClient, collection: CollectionId
) -> None:
    started = [await client.start(ANN, internal.RunRequest(collection.id, "traffic")) for _ in range(3)]
    found = await client.runs(ANN, collection_id=collection.id, limit=2)
    assert [run.id for run in found.runs] == [started[2].id, started[1].id]


async def test_readers_may_look_but_not_start(client: EvaluationClient, collection: CollectionId) -> None:
    with pytest.raises(Denied, match="evaluator"):
        await client.start(BOB, internal.RunRequest(collection.id, "traffic"))


async def test_another_tenant_sees_nothing(client: EvaluationClient, collection: CollectionId) -> None:
    run = await client.start(ANN, internal.RunRequest(collection.id, "traffic"))
    with pytest.raises(NotFound):
        await client.run(EVE, run.id)
    assert (await client.runs(EVE, collection_id=None, limit=5)).runs == ()
    for attempt in (
        client.runs(EVE, collection_id=collection.id, limit=5),
        client.start(EVE, internal.RunRequest(collection.id, "traffic")),
    ):
        with pytest.raises(NotFound):
            await attempt


@pytest.mark.parametrize(
    ("request_", "kind", "code"),
    [
        (("golden", "local", None), NotFound, "dataset_not_found"),
        (("none", "local", None, {}, 7), NotFound, "dataset_not_found"),
        (("traffic", "oracle", None), Invalid, "bad_judge"),
        (("traffic", "local", 0), Invalid, "bad_limit"),
    ],
)
async def test_runs_that_cannot_be_done_are_refused(
    client: EvaluationClient,
    collection: CollectionId,
    request_: tuple[Any, ...],
    kind: type[AssayError],
    code: str,
) -> None:
    with pytest.raises(kind) as caught:
        await client.start(ANN, internal.RunRequest(collection.id, *request_))
    assert caught.value.code == code


async def test_without_a_token_nothing_is_told(client: EvaluationClient, collection: CollectionId) -> None:
    del collection
    answer = await client.peer._client.get(internal.RUNS)  # pyright: ignore[reportPrivateUsage] - past the token
    assert answer.status_code == 401
    assert answer.json()["code"] == "no_token"
