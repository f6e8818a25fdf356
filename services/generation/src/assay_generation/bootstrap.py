"""Choose the adapters of generation and put it together."""

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from assay_adapters.openai_chat import OpenAIChat
from assay_core.ports import Embedder, Judge
from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.loading import Loading
from assay_runtime.settings import read_master_key, read_secret
from assay_runtime.threads import Workers
from assay_runtime.tokens import TokenVerifier
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.ids import new_id
from assay_wire import internal, problems
from assay_wire.peers import Peer, RetrievalClient
from fastapi import FastAPI

from assay_generation.abstain import Thresholds
from assay_generation.answer_cache import RemoteAnswerCache
from assay_generation.breaker import ChatBreaker
from assay_generation.caller_token import token_of
from assay_generation.evidence import EvidenceFinder
from assay_generation.gate import Gate
from assay_generation.generator import DocumentGenerator
from assay_generation.liveness import SqlLiveness
from assay_generation.prompting import load_prompt, new_mark
from assay_generation.recording import SqlRecorder
from assay_generation.remembering import RememberingEmbedder
from assay_generation.routes import build_routes
from assay_generation.settings import AnswerSettings, Settings
from assay_generation.undefended import except_for
from assay_generation.verify import Verifier
from assay_generation.writing import Writer

DEADLINE_S = 120.0


def build_service(settings: Settings) -> FastAPI:
    """The generation service. Its models are loaded in the background, so that health answers at once."""
    database = Database(settings.database.url.get_secret_value(), pool_size=settings.database.pool_size)
    embedder = Loading(lambda: RememberingEmbedder(choose_embedder(settings)), what="embedding model")
    judge = Loading(lambda: choose_judge(settings), what="judge")
    chat = choose_chat(settings)
    peer = Peer(name="retrieval", base_url=settings.peers.retrieval_url, token=token_of)
    retrieval = RetrievalClient(peer)
    thinking, storing = Workers(2), Workers(settings.database.pool_size)
    generator = DocumentGenerator(
        retriever=retrieval,
        finder=EvidenceFinder(embedder=embedder, workers=thinking),
        writer=Writer(
            chat=ChatBreaker(chat),
            prompt=load_prompt(settings.answers.prompt),
            context_tokens=settings.chat.context_tokens,
            stall_s=settings.answers.stall_s,
            new_mark=new_mark,
        ),
        verifier=Verifier(judge=judge, workers=thinking, certainty=settings.answers.certainty),
        liveness=SqlLiveness(database=database, workers=storing),
        cache=RemoteAnswerCache(retrieval),
        recorder=SqlRecorder(
            database=database,
            vault=Vault(read_master_key(settings.secrets)),
            dump=internal.answer.dump_json,
            workers=storing,
        ),
        gate=Gate(settings.chat.max_in_flight),
        limits=thresholds(settings.answers),
        status_of=problems.status_of,
        new_id=new_id,
    )
    served = except_for(
        generator,
        settings.answers.undefended_collection,
        listens_on=settings.http.host,
    )
    verify = TokenVerifier(
        read_secret(settings.secrets.token_public_key_file, name="ASSAY_SECRETS__TOKEN_PUBLIC_KEY_FILE")
    )

    async def chat_state() -> internal.GeneratorState:
        if await chat.ready():
            return internal.GeneratorState(True)
        return internal.GeneratorState(False, f"The model {chat.model_id!r} is not served; it may still be loading.")

    def load_models() -> None:
        embedder.load()
        judge.load()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        threading.Thread(target=load_models, name="load-models", daemon=True).start()
        yield
        await chat.aclose()
        await peer.aclose()
        database.dispose()

    app = build_app(
        title="Assay generation",
        checks={"database": database.check, "embedder": embedder.check, "judge": judge.check},
        lifespan=lifespan,
    )
    caller = caller_dependency(verify, default_deadline_s=DEADLINE_S)
    app.include_router(
        build_routes(generator=served, chat_state=chat_state, caller=caller, heartbeat_s=settings.answers.heartbeat_s)
    )
    return app


def thresholds(answers: AnswerSettings) -> Thresholds:
    return Thresholds(
        hit_cosine=answers.hit_cosine,
        hit_coverage=answers.hit_coverage,
        span_cosine=answers.span_cosine,
        quote_cosine=answers.quote_cosine,
        stray_cosine=answers.stray_cosine,
        stranger_cosine=answers.stranger_cosine,
    )


def choose_chat(settings: Settings) -> OpenAIChat:
    """The language model on its OpenAI-compatible server."""
    chosen = settings.chat
    key = read_secret(chosen.api_key_file, name="ASSAY_CHAT__API_KEY_FILE") if chosen.api_key_file else None
    return OpenAIChat(base_url=chosen.base_url, model=chosen.model, api_key=key)


def choose_judge(settings: Settings) -> Judge:
    """The judge that needs no language model: the very one that nightly runs score with."""
    from assay_adapters.encoder_judge import EncoderJudge

    return EncoderJudge(cache_path=settings.models.path, threads=settings.embedder.threads or None)


def choose_embedder(settings: Settings) -> Embedder:
    """The embedder named in the settings, safe for many threads."""
    from assay_adapters.embedders import open_embedder

    return open_embedder(settings.embedder, cache_path=settings.models.path)
