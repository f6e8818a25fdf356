"""A tenant with an evaluator, a collection, a document that can be read, and a golden set."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

import pytest
from assay_core.answers import Answer, Citation, Outcome, Turn
from assay_core.collection_settings import Answering
from assay_core.documents import CollectionId, DocumentId, TenantId
from assay_core.errors import AssayError
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.ports import Judge
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion, Hit
from assay_evaluation.runs import Options, Runner
from assay_store import access, answers, collections, documents, evaluations, golden_sets
from assay_store.database import Database
from assay_store.documents import StoredBlob
from assay_store.encryption import Vault
from assay_store.evaluations import NewRun
from assay_store.golden_sets import Origin
from assay_testing.answers import answer, hit
from assay_testing.fake_judge import FakeJudge
from assay_wire import internal
from sqlalchemy import text

TENANT = TenantId("acme")
ANN = Principal(TENANT, "ann", "Ann", frozenset({"evaluator"}))
MASTER_KEY = bytes(32)
VAULT = Vault(MASTER_KEY)
TEXT = "Parental leave is twenty days for each parent. The canteen opens at seven."
QUOTE = "Parental leave is twenty days for each parent."


@dataclass
class World:
    """The store with the fakes around it."""

    database: Database
    collection: CollectionId
    document: DocumentId
    judge: FakeJudge
    platform: "FakePlatform"

    def answer(self, *, outcome: Outcome = Outcome.ANSWERED, quote: str = QUOTE) -> Answer:
        """An answer that cites the document."""
        source = replace(hit("leave.md", TEXT), document=self.document)
        cited = Citation(1, source.chunk, self.document, "leave.md", 1, None, (), 0, len(quote), quote, "model")
        return answer(QUOTE, outcome=outcome, sources=(source,), citations=(cited,))

    def golden(self, *ids: str, unanswerable: Sequence[str] = ()) -> list[GoldenQuestion]:
        """Store a golden set "golden"."""
        passage = (GoldenPassage("leave.md", QUOTE),)
        questions = [GoldenQuestion(i, f"How long is parental leave, {i}?", "20 days", True, passage) for i in ids]
        questions += [GoldenQuestion(i, f"Who founded the canteen, {i}?", "", False) for i in unanswerable]
        with self.database.transaction() as connection:
            golden_sets.put(connection, VAULT, self.collection, "golden", questions, Origin(ANN.id))
        return questions

    def start(self, dataset: str = "golden", *, limit: int | None = None, requested_by: str = ANN.id) -> str:
        with self.database.transaction() as connection:
            run = evaluations.create(connection, NewRun(self.collection, dataset, "local", requested_by, limit))
        assert run is not None
        return run.id

    def record_answer(self, identity: str, given: Answer, *, principal: str = "bob", from_cache: bool = False) -> None:
        facts = answers.AnswerFacts(
            identity, self.collection, principal, given.outcome, given.model, given.prompt_version, from_cache,
            (EvidenceVersion(self.document, 1),),
        )  # fmt: skip
        with self.database.transaction() as connection:
            answers.record(connection, VAULT, facts, internal.answer.dump_json(replace(given, id=identity)))

    def runner(self) -> Runner:
        @contextmanager
        def choose_judge(name: str) -> Generator[Judge]:
            assert name == "local"
            yield self.judge

        @contextmanager
        def connect(
            principal: Principal, collection: CollectionId, answering: Answering, stopping: Event
        ) -> Generator[FakePlatform]:
            self.platform.principal, self.platform.stopping = principal, stopping
            self.platform.answering = answering
            assert collection == self.collection
            yield self.platform

        return Runner(
            database=self.database,
            vault=VAULT,
            choose_judge=choose_judge,
            choose_similarity=lambda: similar,
            connect=connect,
            read_answer=internal.answer.validate_json,
            options=Options(parallel=2, traffic_sample=10, facts={"code_version": "0.1.0"}),
        )


def similar(one: str, other: str) -> float:
    """1 for texts that share a word."""
    return float(bool({*one.split()} & {*other.split()}))


class FakePlatform:
    """Gives `reply` to every question, except those with a reply of their own; `asked` records them."""

    def __init__(self) -> None:
        self.hits: Sequence[Hit] | AssayError = (hit("leave.md", TEXT),)
        self.reply: Answer | AssayError | None = None
        self.replies: dict[str, Answer | AssayError] = {}
        self.asked: list[str] = []
        self.histories: list[tuple[Turn, ...]] = []
        self.principal: Principal | None = None
        self.answering = Answering()
        self.stopping = Event()

    def search(self, question: str) -> Sequence[Hit]:
        del question
        if isinstance(self.hits, AssayError):
            raise self.hits
        return self.hits

    def ask(self, question: str, history: tuple[Turn, ...] = ()) -> Answer:
        self.asked.append(question)
        self.histories.append(history)
        reply = self.replies.get(question, self.reply)
        if isinstance(reply, AssayError):
            raise reply
        assert reply is not None
        return replace(reply, id=f"answer-{len(self.asked)}", question=question)


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as connection:
        access.ensure_tenant(connection, TENANT, "Acme")
        for name in ("ann", "bob"):
            access.ensure_principal(connection, Principal(TENANT, name, name.title(), ANN.roles))
        acl = access.acl_for(connection, TENANT)
        collection = collections.create(connection, TENANT, "handbook", acl=acl).id
        target = documents.upload_target(connection, VAULT, collection, "leave.md", acl=acl)
        documents.record_upload(connection, target, StoredBlob("1" * 64, 10, "text/markdown"))
        document = target.document
        sealed = target.key.seal(TEXT.encode(), place=f"text:{document.id}:1")
        at = {"t": TENANT, "d": document.id}
        connection.execute(
            text("UPDATE versions SET state = 'ready', text = :x WHERE tenant = :t AND document = :d"),
            at | {"x": sealed},
        )
        connection.execute(text("UPDATE documents SET live_version = 1 WHERE tenant = :t AND id = :d"), at)
    made = World(database, collection, document, FakeJudge(), FakePlatform())
    made.platform.reply = made.answer()
    return made
