"""A simulated fortnight: what was changed on a day is found in that night, with the right cause."""

import random
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from threading import Event

import pytest
from assay_core.answers import Answer, Turn
from assay_core.collection_settings import Answering
from assay_core.documents import CollectionId, DocumentId
from assay_core.evaluation import GoldenPassage, GoldenQuestion, NightReport, Severity
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion, Hit
from assay_evaluation.loop import RunLoop
from assay_evaluation.night_closing import NightCloser, OpenedPlatform
from assay_evaluation.runs import Options, Runner
from assay_evaluation.schedule import plan_night
from assay_store import access, answers, documents, golden_sets, nights
from assay_store.documents import StoredBlob
from assay_store.golden_sets import Origin
from assay_testing.answers import answer, hit
from assay_testing.fake_judge import FakeJudge
from assay_wire import internal
from sqlalchemy import text

from .conftest import TENANT, VAULT, World

pytestmark = pytest.mark.integration

FIRST = datetime(2026, 3, 1, 2, 15, tzinfo=UTC)
DAYS = 14
TOPICS = ("leave", "pumps", "travel")
EACH = 30
USUALLY_BAD = 0.05
EVENTS = {4: "corpus", 7: "prompt", 10: "index", 12: "model"}


@dataclass
class House:
    """A platform whose answers get worse in known ways; `bad` says how often, by topic."""

    world: World
    documents: Mapping[str, DocumentId]
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 1))
    bad: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TOPICS, USUALLY_BAD))
    lost: float = 0.0
    prompt: str = "v1"
    model: str = "small"
    embedder: str = "e1"
    draw: random.Random = field(default_factory=lambda: random.Random(7))
    asked: int = 0

    def search(self, question: str) -> Sequence[Hit]:
        topic = question.split()[0]
        return () if self.draw.random() < self.lost else (self._hit(topic),)

    def ask(self, question: str, history: tuple[Turn, ...] = ()) -> Answer:
        assert history == ()
        self.asked += 1
        topic = question.split()[0]
        right = self.draw.random() >= self.bad[topic]
        said = _sentence(topic) if right else "The canteen opens at seven."
        given = replace(
            answer(said, question=question, sources=(self._hit(topic),)),
            id=f"{self.asked:032x}",
            model=self.model,
            prompt_version=self.prompt,
        )
        self._record(given, EvidenceVersion(self.documents[topic], self.versions[topic]))
        return given

    def _hit(self, topic: str) -> Hit:
        found = hit(f"{topic}.md", _sentence(topic))
        return replace(found, document=self.documents[topic], version=self.versions[topic])

    def _record(self, given: Answer, evidence: EvidenceVersion) -> None:
        facts = answers.AnswerFacts(
            given.id, self.world.collection, "evaluation", given.outcome, given.model, given.prompt_version, False,
            (evidence,),
        )  # fmt: skip
        with self.world.database.transaction() as connection:
            answers.record(connection, VAULT, facts, internal.answer.dump_json(given))

    def edit(self, topic: str) -> None:
        self.versions[topic] += 1
        at = {"t": TENANT, "d": self.documents[topic].id, "v": self.versions[topic]}
        with self.world.database.transaction() as connection:
            connection.execute(
                text("""
                    INSERT INTO versions (tenant, document, version, state, sha256, size_bytes, media_type, blob_key)
                    SELECT tenant, document, :v, 'ready', sha256, size_bytes, media_type, blob_key FROM versions
                    WHERE tenant = :t AND document = :d AND version = 1
                """),
                at,
            )
            connection.execute(text("UPDATE documents SET live_version = :v WHERE tenant = :t AND id = :d"), at)


def _sentence(topic: str) -> str:
    return f"All about {topic} stands in this very sentence."


@pytest.fixture
def house(world: World) -> House:
    found: dict[str, DocumentId] = {}
    with world.database.transaction() as connection:
        acl = access.acl_for(connection, TENANT)
        for topic in TOPICS:
            target = documents.upload_target(connection, VAULT, world.collection, f"{topic}.md", acl=acl)
            documents.record_upload(connection, target, StoredBlob("2" * 64, 10, "text/markdown"))
            at = {"t": TENANT, "d": target.document.id}
            connection.execute(text("UPDATE versions SET state = 'ready' WHERE tenant = :t AND document = :d"), at)
            connection.execute(text("UPDATE documents SET live_version = 1 WHERE tenant = :t AND id = :d"), at)
            found[topic] = target.document
        golden = [
            GoldenQuestion(
                f"{topic}-{n:02}",
                f"{topic} question {n}?",
                "",
                True,
                (GoldenPassage(f"{topic}.md", _sentence(topic)),),
                topic,
            )
            for topic in TOPICS
            for n in range(EACH)
        ]
        golden_sets.put(connection, VAULT, world.collection, "golden", golden, Origin("ann"))
    return House(world, found)


def spend(house: House, day: int) -> NightReport:
    """One night."""
    world, night = house.world, FIRST + timedelta(days=day)
    judge = FakeJudge()

    @contextmanager
    def choose_judge(_: str) -> Generator[FakeJudge]:
        yield judge

    @contextmanager
    def connect(_who: Principal, _of: CollectionId, _answering: Answering, _stopping: Event) -> Generator[House]:
        yield house

    @contextmanager
    def open_platform(
        _who: Principal, _of: CollectionId, _answering: Answering, _stopping: Event
    ) -> Generator[OpenedPlatform]:
        yield OpenedPlatform(house, None)  # pyright: ignore[reportArgumentType] - nothing is probed

    runner = Runner(
        database=world.database,
        vault=VAULT,
        choose_judge=choose_judge,
        choose_similarity=lambda: lambda _one, _other: 1.0,
        connect=connect,
        read_answer=internal.answer.validate_json,
        options=Options(parallel=1, traffic_sample=10, facts={"embedder": house.embedder}),
    )
    closer = NightCloser(
        database=world.database,
        vault=VAULT,
        open_platform=open_platform,
        choose_judge=choose_judge,
        read_answer=internal.answer.validate_json,
        judge="local",
        budget_s=60,
        probes={},
    )
    with world.database.transaction() as connection:
        # Something is uploaded every day, so the corpus has always moved.
        connection.execute(text("UPDATE collections SET epoch = epoch + 1"))
        plan_night(connection, night, judge="local")
    loop = RunLoop(database=world.database, runner=runner, closer=closer, owner="one", lease_s=60, poll_s=1)
    while loop.do_next():
        pass
    with world.database.transaction() as connection:
        return nights.get(connection, world.collection, night.date())


def happen(house: House, day: int) -> None:
    """What is changed on a day, and put right on the next."""
    match EVENTS.get(day), EVENTS.get(day - 1):
        case "corpus", _:
            house.edit("pumps")
            house.bad["pumps"] = 0.5
        case "prompt", _:
            house.prompt = "v2"
            house.bad = dict.fromkeys(TOPICS, 0.3)
        case "index", _:
            house.embedder, house.lost = "e2", 0.25
        case "model", _:
            house.model = "smaller"
            house.bad = dict.fromkeys(TOPICS, 0.3)
        case None, str():
            house.bad, house.lost = dict.fromkeys(TOPICS, USUALLY_BAD), 0.0
            house.prompt, house.model, house.embedder = "v1", "small", "e1"
        case _:
            pass


def test_each_change_of_a_fortnight_is_found_on_its_day_with_its_cause(house: House) -> None:
    found: dict[int, list[tuple[str, tuple[str, ...]]]] = {}
    for day in range(DAYS):
        happen(house, day)
        report = spend(house, day)
        assert report.night == date(2026, 3, 1) + timedelta(days=day)
        alarms = [
            r for r in report.remarks if r.severity is Severity.ALARM and "than on the nights before" in r.sentence
        ]
        found[day] = [(r.about, r.causes) for r in alarms]
    assert {day: causes[0][1][0] for day, causes in found.items() if causes} == EVENTS
    assert {about for about, _ in found[10]} >= {"recall@5"}
    assert {about for about, _ in found[12]} >= {"groundedness"}
