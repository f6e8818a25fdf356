"""Choose the adapters of evaluation and put service and worker together."""

import os
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from weakref import WeakValueDictionary

import structlog
from anyio.from_thread import start_blocking_portal
from assay_core.answers import Answer
from assay_core.collection_settings import Answering
from assay_core.documents import CollectionId
from assay_core.errors import Broken, Invalid
from assay_core.ports import Embedder, Judge
from assay_core.principals import Principal
from assay_evals.correctness import similarity_of
from assay_runtime.health import Check
from assay_runtime.queue import build_queue
from assay_runtime.settings import read_master_key, read_secret
from assay_runtime.tokens import TokenMinter
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_wire import internal
from assay_wire.peers import GenerationClient, Peer, RetrievalClient
from celery import Celery
from pydantic import ValidationError

from assay_evaluation import tasks
from assay_evaluation.ab_scoring import ABScorer
from assay_evaluation.inspecting import Inspecting
from assay_evaluation.loop import RunLoop
from assay_evaluation.night_closing import NightCloser, OpenedPlatform
from assay_evaluation.platform import Patience, Platform
from assay_evaluation.runs import Asked, Options, Runner
from assay_evaluation.schedule import last_due, plan_night
from assay_evaluation.settings import AlertSettings, WorkerSettings
from assay_evaluation.telling import Teller, Way

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the worker process starts, asks for its health, and ends."""

    app: Celery
    loop: RunLoop
    database: Database
    checks: Mapping[str, Check]


def build_worker(settings: WorkerSettings) -> WorkerParts:
    """The worker. Models are loaded when a run needs them, and dropped after it."""
    database = Database(settings.database.url.get_secret_value(), pool_size=settings.evaluation.parallel + 4)
    vault = Vault(read_master_key(settings.secrets))
    door = PlatformDoor(settings)
    runner = Runner(
        database=database,
        vault=vault,
        choose_judge=lambda name: open_judge(settings, name),
        choose_similarity=lambda: similarity_of(choose_embedder(settings)),
        connect=door.open,
        read_answer=read_answer,
        options=Options(
            parallel=settings.evaluation.parallel,
            traffic_sample=settings.evaluation.traffic_sample,
            facts=known_facts(settings),
        ),
    )
    closer = NightCloser(
        database=database,
        vault=vault,
        open_platform=door.open_night,
        choose_judge=lambda name: open_judge(settings, name),
        read_answer=read_answer,
        judge=settings.nightly.judge,
        budget_s=settings.nightly.budget_s,
    )
    comparer = ABScorer(
        database=database, vault=vault, choose_judge=lambda name: open_judge(settings, name), read_answer=read_answer
    )
    loop = RunLoop(
        database=database,
        runner=runner,
        closer=closer,
        comparer=comparer,
        teller=Teller(database, choose_ways(settings.alerts)),
        owner=f"{socket.gethostname()}:{os.getpid()}",
        lease_s=settings.evaluation.lease_s,
        poll_s=settings.evaluation.poll_s,
    )
    app = build_queue(settings.broker.url.get_secret_value(), name="assay-evaluation")
    app.conf.worker_redirect_stdouts = False
    tasks.register(app, ring=loop.ring, plan_night=lambda: plan_tonight(settings, database))
    return WorkerParts(app, loop, database, {"database": database.check, "runs": loop.check})


def plan_tonight(settings: WorkerSettings, database: Database) -> None:
    """Write tonight's runs."""
    nightly = settings.nightly
    due_at = last_due(datetime.now(UTC), hour=nightly.hour, minute=nightly.minute)
    with database.transaction() as connection:
        planned = plan_night(connection, due_at, judge=nightly.judge)
    log.info("night.planned", night=due_at.date().isoformat(), runs=len(planned))


def known_facts(settings: WorkerSettings) -> dict[str, object]:
    """What of the configuration stands in the settings."""
    return {
        "code_version": version("assay-evaluation"),
        "embedder": settings.embedder.model,
        "reranker": settings.reranker.model or None,
    }


class PlatformDoor:
    """Opens retrieval and generation to a principal, whose token this service signs itself."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._token = TokenMinter(
            read_secret(settings.secrets.token_private_key_file, name="ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE"),
            issuer="evaluation",
        )

    @contextmanager
    def open(
        self, principal: Principal, collection: CollectionId, answering: Answering, stopping: threading.Event
    ) -> Generator[Asked]:
        """The platform until the end of the block; requests under way are cancelled there."""
        with self.open_night(principal, collection, answering, stopping) as opened:
            yield opened.platform

    @contextmanager
    def open_night(
        self, principal: Principal, collection: CollectionId, answering: Answering, stopping: threading.Event
    ) -> Generator[OpenedPlatform]:
        """The same, with what a night looks at beside its runs."""
        chosen = self._settings.evaluation
        peers = self._settings.peers
        with start_blocking_portal(name="platform") as portal:
            retrieval = Peer(name="retrieval", base_url=peers.retrieval_url, token=self._token)
            generation = Peer(name="generation", base_url=peers.generation_url, token=self._token)
            client = RetrievalClient(retrieval)
            try:
                platform = Platform(
                    retriever=client,
                    generator=GenerationClient(generation),
                    portal=portal,
                    principal=principal,
                    collection=collection,
                    answering=answering,
                    answer_deadline_s=chosen.answer_deadline_s,
                    patience=Patience(chosen.patience_s, pause=stopping.wait),
                )
                yield OpenedPlatform(platform, Inspecting(client, portal, principal, collection))
            finally:
                portal.call(retrieval.aclose)
                portal.call(generation.aclose)


def choose_ways(alerts: AlertSettings) -> Mapping[str, Way]:
    """The ways by which people are told of alarms."""
    from assay_adapters.alerts import Mail, Webhook

    ways: dict[str, Way] = {}
    if alerts.webhook_url:
        token = alerts.webhook_token_file and read_secret(
            alerts.webhook_token_file, name="ASSAY_ALERTS__WEBHOOK_TOKEN_FILE"
        )
        ways["webhook"] = Webhook(alerts.webhook_url, token=token or "")
    if alerts.mail_host and alerts.mail_to:
        password = alerts.mail_password_file and read_secret(
            alerts.mail_password_file, name="ASSAY_ALERTS__MAIL_PASSWORD_FILE"
        )
        ways["mail"] = Mail(
            host=alerts.mail_host,
            port=alerts.mail_port,
            sender=alerts.mail_from,
            to=alerts.mail_to,
            user=alerts.mail_user,
            password=password or "",
        )
    return ways


def read_answer(record: bytes) -> Answer:
    """An answer from its stored record. Raises `Broken` if it is of another form."""
    try:
        return internal.answer.validate_json(record)
    except ValidationError as error:
        raise Broken("A stored answer cannot be read; it is of another version.", code="bad_record") from error


@contextmanager
def open_judge(settings: WorkerSettings, name: str) -> Generator[Judge]:
    """The judge of this name; its processes end with the block, its models go when nobody holds it."""
    match name:
        case "local":
            from assay_adapters.encoder_judge import EncoderJudge

            yield EncoderJudge(cache_path=settings.models.path, threads=settings.embedder.threads or None)
        case "embedding":
            from assay_adapters.embedding_judge import EmbeddingJudge

            yield EmbeddingJudge(choose_embedder(settings))
        case "ragas":
            with _open_ragas(settings) as judge:
                yield judge
        case other:
            raise Invalid(f"{other!r} is no judge; use local, embedding or ragas.", code="bad_judge")


@contextmanager
def _open_ragas(settings: WorkerSettings) -> Generator[Judge]:
    from assay_adapters.ragas_judge import RagasJudge

    chosen = settings.ragas
    if chosen.env_path is None:
        raise Invalid("ASSAY_RAGAS__ENV_PATH is missing; it names the folder for ragas.", code="bad_setting")
    judge = RagasJudge(
        env_path=chosen.env_path,
        base_url=chosen.base_url or settings.chat.base_url,
        model=chosen.model or settings.chat.model,
        api_key_file=chosen.api_key_file if chosen.base_url else settings.chat.api_key_file,
        timeout_s=chosen.timeout_s,
        repeats=chosen.repeats,
        embedder=choose_embedder(settings),
    )
    try:
        yield judge
    finally:
        judge.close()


_OPEN: "WeakValueDictionary[str, Embedder]" = WeakValueDictionary()


def choose_embedder(settings: WorkerSettings) -> Embedder:
    """The embedder named in the settings, loaded once for all who hold it at a time."""
    from assay_adapters.embedders import open_embedder

    chosen = settings.embedder.model_dump_json()
    found = _OPEN.get(chosen)
    if found is None:
        found = _OPEN[chosen] = open_embedder(settings.embedder, cache_path=settings.models.path)
    return found
