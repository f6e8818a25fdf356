"""The gateway put together from its collaborators."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay_core.ports import BlobStore, LanguageDetector
from assay_runtime.health import Check
from assay_runtime.http_shell import Lifespan, build_app
from assay_runtime.receipts import ReceiptSigner
from assay_runtime.threads import Workers
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_wire.peers import EvaluationClient, GenerationClient, RetrievalClient
from fastapi import FastAPI, Request, Response
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from assay_gateway import (
    ab_tests,
    ask,
    batches,
    cache,
    chunks,
    collections,
    document_changes,
    documents,
    erasures,
    evaluations,
    experiments,
    feedback,
    golden_sets,
    holds,
    index_generations,
    jobs,
    nights,
    openai,
    openapi,
    passages,
    search,
    sessions,
    sources,
    synonyms,
    system,
    uploads,
    watching,
)
from assay_gateway.admission import Admission
from assay_gateway.answering import SourcedGenerator
from assay_gateway.auth import Authenticator
from assay_gateway.cursors import Cursors
from assay_gateway.disconnect import ClientGone
from assay_gateway.headers import SecurityHeaders
from assay_gateway.limits import BodyGate, InFlight, Slots
from assay_gateway.receiving import Receiver
from assay_gateway.sessions import Sessions
from assay_gateway.settings import LimitSettings, QueueSettings, UploadSettings
from assay_gateway.signing import Signer
from assay_gateway.transactions import Transactions
from assay_gateway.web import serving

_CLIENT_CLOSED_REQUEST = 499


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What the gateway works with."""

    database: Database
    pool_size: int
    vault: Vault
    blobs: BlobStore
    retrieval: RetrievalClient
    generation: GenerationClient
    evaluation: EvaluationClient
    receipts: ReceiptSigner
    languages: LanguageDetector


def build_gateway(
    parts: Parts,
    *,
    checks: Mapping[str, Check],
    uploads_limits: UploadSettings,
    limits: LimitSettings,
    max_body_bytes: int,
    queue: QueueSettings | None = None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """The application without the headers of `hardened`."""
    app = build_app(title="Assay", checks=checks, lifespan=lifespan, docs=True)
    # Inside the shell's own middleware, so that refusals have request ids and are logged.
    app.user_middleware += [
        Middleware(InFlight, limit=limits.max_in_flight),
        Middleware(BodyGate, max_bytes=max_body_bytes),
    ]
    app.add_exception_handler(ClientGone, _on_client_gone)
    transactions = Transactions(parts.database, size=parts.pool_size)
    signed_in = Sessions(Signer(parts.vault.mac_key("ui-session")))
    who = Authenticator(transactions=transactions, sessions=signed_in)
    admission = Admission(transactions=transactions, blobs=parts.blobs, limits=queue or QueueSettings())
    _include_documents(app, parts, transactions, who, uploads_limits, limits, admission)
    _include_questions(app, parts, transactions, who, limits)
    app.include_router(sessions.build_routes(transactions=transactions, sessions=signed_in))
    app.include_router(serving.build_routes())
    app.mount("/ui", serving.Pages(directory=serving.STATIC, check_dir=False), name="ui")
    openapi.describe(app)
    return app


def hardened(app: ASGIApp) -> ASGIApp:
    """The application as it is served: every answer carries the security headers, also that of a fault."""
    return SecurityHeaders(app)


def _include_documents(
    app: FastAPI,
    parts: Parts,
    transactions: Transactions,
    who: Authenticator,
    uploads_limits: UploadSettings,
    limits: LimitSettings,
    admission: Admission,
) -> None:
    cursors = Cursors(Signer(parts.vault.mac_key("cursors")))
    workers = Workers(uploads_limits.max_in_flight)
    receiver = Receiver(
        transactions=transactions,
        vault=parts.vault,
        blobs=parts.blobs,
        max_bytes=uploads_limits.max_bytes,
        idle_s=uploads_limits.idle_s,
        workers=workers,
    )
    recorder = uploads.Recorder(
        transactions=transactions, vault=parts.vault, blobs=parts.blobs, receiver=receiver, workers=workers
    )
    app.include_router(collections.build_routes(who=who, transactions=transactions))
    app.include_router(
        uploads.build_routes(
            who=who,
            receiver=receiver,
            recorder=recorder,
            admission=admission,
            max_bytes=uploads_limits.max_bytes,
            slots=Slots(uploads_limits.max_in_flight, what="uploads"),
        )
    )
    app.include_router(documents.build_routes(who=who, transactions=transactions, vault=parts.vault, cursors=cursors))
    app.include_router(
        erasures.build_routes(who=who, transactions=transactions, cursors=cursors, signer=parts.receipts)
    )
    app.include_router(holds.build_routes(who=who, transactions=transactions, vault=parts.vault, cursors=cursors))
    app.include_router(
        passages.build_routes(
            who=who,
            transactions=transactions,
            vault=parts.vault,
            admission=admission,
            slots=Slots(uploads_limits.max_in_flight, what="bulk loads"),
        )
    )
    app.include_router(jobs.build_routes(who=who, transactions=transactions, vault=parts.vault, cursors=cursors))
    app.include_router(document_changes.build_routes(who=who, transactions=transactions, vault=parts.vault))
    app.include_router(sources.build_routes(who=who, transactions=transactions, vault=parts.vault))
    app.include_router(synonyms.build_routes(who=who, transactions=transactions, vault=parts.vault))
    app.include_router(chunks.build_routes(who=who, transactions=transactions, vault=parts.vault, cursors=cursors))
    watchers = Slots(limits.max_watchers, what="watchers of documents")
    app.include_router(watching.build_routes(who=who, transactions=transactions, vault=parts.vault, slots=watchers))
    app.include_router(batches.build_routes(who=who, transactions=transactions, slots=watchers))


def _include_questions(
    app: FastAPI, parts: Parts, transactions: Transactions, who: Authenticator, limits: LimitSettings
) -> None:
    generator = SourcedGenerator(parts.generation, retriever=parts.retrieval, search_s=limits.search_s)
    app.include_router(
        search.build_routes(
            who=who,
            transactions=transactions,
            retriever=parts.retrieval,
            languages=parts.languages,
            deadline_s=limits.search_s,
        )
    )
    app.include_router(
        cache.build_routes(who=who, transactions=transactions, retrieval=parts.retrieval, deadline_s=limits.search_s)
    )
    app.include_router(index_generations.build_routes(who=who, transactions=transactions, retrieval=parts.retrieval))
    app.include_router(
        ask.build_routes(
            who=who,
            transactions=transactions,
            vault=parts.vault,
            generator=generator,
            deadline_s=limits.answer_s,
        )
    )
    app.include_router(
        openai.build_routes(
            who=who,
            transactions=transactions,
            retrieval=parts.retrieval,
            generator=generator,
            deadline_s=limits.answer_s,
        )
    )
    app.include_router(evaluations.build_routes(who=who, transactions=transactions, evaluation=parts.evaluation))
    app.include_router(experiments.build_routes(who=who, transactions=transactions, evaluation=parts.evaluation))
    app.include_router(ab_tests.build_routes(who=who, transactions=transactions, evaluation=parts.evaluation))
    app.include_router(golden_sets.build_routes(who=who, transactions=transactions, vault=parts.vault))
    app.include_router(feedback.build_routes(who=who, transactions=transactions, vault=parts.vault))
    app.include_router(nights.build_routes(who=who, transactions=transactions, evaluation=parts.evaluation))
    app.include_router(
        system.build_routes(
            who=who,
            transactions=transactions,
            retrieval=parts.retrieval,
            generation=parts.generation,
            evaluation=parts.evaluation,
        )
    )


async def _on_client_gone(request: Request, error: Exception) -> Response:
    del request, error
    return Response(status_code=_CLIENT_CLOSED_REQUEST)
