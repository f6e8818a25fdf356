"""Choose the adapters of retrieval and put it together."""

import functools
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from assay_adapters import milvus_scratch
from assay_adapters.lexical_analysis import terms_of
from assay_adapters.lexical_indexes import ByLanguage, open_lexical, vocabularies
from assay_adapters.milvus import MilvusIndex
from assay_core.errors import Invalid
from assay_core.index_profiles import IndexProfile
from assay_core.ports import BlobStore, Embedder, Reranker, SemanticCache, Vocabulary
from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.loading import Loading
from assay_runtime.settings import (
    CacheSettings,
    ChatSettings,
    MilvusSettings,
    RerankerSettings,
    read_master_key,
    read_secret,
)
from assay_runtime.tokens import TokenVerifier
from assay_store.database import Database
from assay_store.encryption import Vault
from fastapi import FastAPI

from assay_retrieval.dense_indexes import DenseIndex
from assay_retrieval.generation_trial import GenerationTrial
from assay_retrieval.inspection import Inspector
from assay_retrieval.kept_vectors import KeptVectors
from assay_retrieval.rescoring import NarrowReaders, Rescored
from assay_retrieval.retriever import Depths, HybridRetriever, Indexes
from assay_retrieval.routes import build_routes
from assay_retrieval.second_look import Rewriter
from assay_retrieval.semantic_cache import CachedRetriever
from assay_retrieval.settings import Settings
from assay_retrieval.spelling import Speller, whole_word_of

if TYPE_CHECKING:
    from assay_adapters.milvus_lexical import MilvusLexicalIndex
    from assay_adapters.openai_chat import OpenAIChat
    from assay_adapters.tantivy_index import TantivyIndex

_LET_GO_S = 60.0


def build_service(settings: Settings) -> FastAPI:
    """The retrieval service. Models are loaded in the background, so that health answers at once."""
    database = Database(settings.database.url.get_secret_value(), pool_size=settings.database.pool_size)
    vault = Vault(read_master_key(settings.secrets))
    narrow = NarrowReaders(database)
    embedder = Loading(lambda: choose_embedder(settings), what="embedding model")

    @functools.cache
    def milvus(profile: str) -> MilvusIndex:
        return choose_vector_index(settings.milvus, embedder(), IndexProfile.parse(profile))

    @functools.cache
    def dense(kind: str) -> DenseIndex:
        profile = IndexProfile.parse(kind)
        index = milvus(profile.vectors)
        if not profile.compressed:
            return index
        kept = KeptVectors(database=database, vault=vault, blobs=choose_blobs(settings), dimension=embedder().dimension)
        return Rescored(index, kept=kept, narrow=narrow.includes, factor=profile["rescore"])

    lexical = choose_lexical_index(settings, vault)
    reranker = choose_reranker(settings, embedder)
    chat = choose_chat(settings.chat)
    retriever = HybridRetriever(
        database=database,
        vault=vault,
        embedder=embedder,
        indexes=Indexes(dense=dense, lexical=lexical),
        terms=terms_of,
        reranker=reranker,
        depths=Depths(
            candidates=settings.retrieval.candidates,
            rerank_candidates=settings.retrieval.rerank_candidates,
            rrf_k=settings.retrieval.rrf_k,
        ),
        look_again=Rewriter(chat, timeout_s=settings.retrieval.rewriting_s),
        speller=choose_speller(vocabularies(lexical), embedder=embedder, database=database, vault=vault),
    )
    cached = CachedRetriever(
        retriever,
        cache=functools.cache(lambda: choose_cache(settings.cache, vault, embedder())),
        database=database,
        admit_ms=settings.cache.admit_ms,
        recipe=":".join(
            [
                settings.embedder.model,
                settings.reranker.backend,
                reranker_name(settings.reranker.model),
                str(settings.retrieval.rerank_candidates),
            ]
        ),
    )
    verify = TokenVerifier(
        read_secret(settings.secrets.token_public_key_file, name="ASSAY_SECRETS__TOKEN_PUBLIC_KEY_FILE")
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        threading.Thread(target=embedder.load, name="load-embedder", daemon=True).start()
        ended = threading.Event()
        threading.Thread(target=_let_go, args=(lexical, ended), name="let-go", daemon=True).start()
        yield
        ended.set()
        await chat.aclose()
        database.dispose()

    app = build_app(
        title="Assay retrieval",
        checks={
            "database": database.check,
            "embedder": embedder.check,
            "dense_index": lambda: milvus("hnsw").ping(2.0),
        },
        lifespan=lifespan,
    )
    caller = caller_dependency(verify, default_deadline_s=10.0)
    inspector = Inspector(database=database, embedder=embedder, dense=dense)
    trial = GenerationTrial(database=database, vault=vault, retriever=retriever)
    app.include_router(
        build_routes(retriever=cached, embedder=embedder, inspector=inspector, trial=trial, caller=caller)
    )
    return app


def choose_embedder(settings: Settings) -> Embedder:
    """The embedder named in the settings, safe for many threads."""
    from assay_adapters.embedders import open_embedder

    return open_embedder(settings.embedder, cache_path=settings.models.path)


def choose_vector_index(settings: MilvusSettings, embedder: Embedder, profile: IndexProfile) -> MilvusIndex:
    """The Milvus collection for this embedder and index profile, made if it is not there."""
    return MilvusIndex(
        uri=settings.uri,
        token=settings.token(),
        model_id=embedder.model_id,
        dimension=embedder.dimension,
        profile=profile,
    )


def choose_scratch(settings: MilvusSettings, embedder: Embedder, profile: IndexProfile, space: str) -> MilvusIndex:
    """A Milvus collection to try a profile on, apart from what the platform uses."""
    return MilvusIndex(
        uri=settings.uri,
        token=settings.token(),
        model_id=space,
        dimension=embedder.dimension,
        profile=profile,
        timeout_s=120.0,
        prefix=milvus_scratch.PREFIX,
    )


def remove_scratch(settings: MilvusSettings) -> None:
    """Remove every Milvus collection that something was tried on."""
    milvus_scratch.remove_all(uri=settings.uri, token=settings.token())


def choose_blobs(settings: Settings) -> BlobStore:
    """Blobs on local disk, of which the vectors are read."""
    from assay_adapters.blobs import FolderBlobStore

    return FolderBlobStore(settings.blobs.path)


def _let_go(lexical: "ByLanguage[TantivyIndex] | ByLanguage[MilvusLexicalIndex]", ended: threading.Event) -> None:
    """Files that were merged away stay on the disk while they are open here: what was deleted is in them."""
    while not ended.wait(_LET_GO_S):
        lexical.let_go()


def choose_lexical_index(
    settings: Settings, vault: Vault
) -> "ByLanguage[TantivyIndex] | ByLanguage[MilvusLexicalIndex]":
    """The BM25 index, read only: the indexer writes it."""
    return open_lexical(settings.lexical, settings.milvus, key=vault.mac_key("lexical-terms"))


def choose_speller(
    vocabulary: Vocabulary | None, *, embedder: Callable[[], Embedder], database: Database, vault: Vault
) -> Speller | None:
    """Corrects words by the vocabulary of the lexical index; None if it has none."""
    if vocabulary is None:
        return None
    return Speller(vocabulary=vocabulary, is_word=whole_word_of(embedder), database=database, vault=vault)


def choose_chat(chosen: ChatSettings) -> "OpenAIChat":
    """The language model on its OpenAI-compatible server; it is asked where a collection's `rewriting` says so."""
    from assay_adapters.openai_chat import OpenAIChat

    key = read_secret(chosen.api_key_file, name="ASSAY_CHAT__API_KEY_FILE") if chosen.api_key_file else None
    return OpenAIChat(base_url=chosen.base_url, model=chosen.model, api_key=key)


def choose_reranker(settings: Settings, embedder: Callable[[], Embedder]) -> Callable[[], Reranker] | None:
    """The reranker named in the settings, built at its first use; None if reranking is off."""
    if settings.reranker.model and settings.reranker.backend not in ("local", "openvino"):
        remote = choose_remote_reranker(settings.reranker)
        return lambda: remote
    match settings.reranker.model:
        case "":
            return None
        case "late-interaction":
            from assay_adapters.embedders import with_tokens
            from assay_adapters.late_interaction import LateInteractionReranker

            return lambda: LateInteractionReranker(with_tokens(embedder()))
        case model if settings.reranker.backend == "openvino":
            from assay_adapters.openvino_cross_encoder import OpenVinoCrossEncoder

            return functools.cache(lambda: OpenVinoCrossEncoder(model=model, cache_path=settings.models.path))
        case model:
            from assay_adapters.cross_encoder import CrossEncoderReranker

            return functools.cache(lambda: CrossEncoderReranker(model=model))


def reranker_name(model: str) -> str:
    """Names a reranker for results that are kept: one that was trained again in the same folder is another one."""
    from assay_adapters.cross_encoder import about

    return about(model).model_id


def choose_remote_reranker(chosen: RerankerSettings) -> Reranker:
    """The reranker on a server. Raises `Invalid` if the server is not named."""
    from assay_adapters.remote_reranker import RemoteReranker

    if chosen.backend in ("local", "openvino") or not chosen.url:
        raise Invalid(
            "A reranker on a server needs ASSAY_RERANKER__BACKEND and ASSAY_RERANKER__URL.", code="bad_setting"
        )
    return RemoteReranker(
        model=chosen.model,
        base_url=chosen.url,
        protocol=chosen.backend,
        api_key=chosen.api_key(),
        timeout_s=chosen.timeout_s,
    )


def choose_cache(settings: CacheSettings, vault: Vault, embedder: Embedder) -> SemanticCache:
    """The semantic cache in Redis, its entries encrypted with a key of their own."""
    from assay_adapters.redis_cache import RedisSemanticCache

    return RedisSemanticCache(
        url=settings.url.get_secret_value(),
        key=vault.mac_key("semantic-cache"),
        model_id=embedder.model_id,
        dimension=embedder.dimension,
        ttl_s=settings.ttl_s,
        threshold=settings.threshold_cosine,
        most_entries=settings.tenant_entries,
    )
