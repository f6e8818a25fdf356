"""Choose the adapters of each process. Heavy libraries are imported only where they are chosen."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from assay_adapters import embedders
from assay_adapters.embedders import VectorSpace as VectorSpace
from assay_core.ports import BlobStore, Embedder, Parser, SemanticCache
from assay_runtime.settings import (
    BlobSettings,
    CacheSettings,
    DatabaseSettings,
    EmbedderSettings,
    LexicalSettings,
    MilvusSettings,
    read_secret,
)
from assay_store.database import Database
from assay_store.encryption import Vault

from assay_ingestion.index_kinds import DenseIndexes, SealableIndex
from assay_ingestion.settings import IngestionSettings

if TYPE_CHECKING:
    from assay_adapters.tantivy_index import TantivyIndex


def open_database(settings: DatabaseSettings) -> Database:
    return Database(settings.url.get_secret_value(), pool_size=settings.pool_size)


def choose_blobs(settings: BlobSettings) -> BlobStore:
    """Blobs in a folder."""
    from assay_adapters.blobs import FolderBlobStore

    return FolderBlobStore(settings.path)


def choose_parser(settings: IngestionSettings) -> Parser:
    """A parser that takes each file to a throw-away process."""
    from assay_adapters.parsers.sandbox import SandboxedParser

    return SandboxedParser(
        max_bytes=settings.max_bytes,
        max_pages=settings.max_pages,
        max_chars=settings.max_chars,
        timeout_s=settings.parse_timeout_s,
        memory_bytes=settings.parse_memory_bytes,
    )


def choose_embedder(settings: EmbedderSettings, cache_path: Path) -> Embedder:
    """The embedder named in the settings, loaded, for many threads."""
    return embedders.open_embedder(settings, cache_path=cache_path)


def describe_embedder(settings: EmbedderSettings) -> VectorSpace:
    """The vector space of the embedder that the workers use."""
    return embedders.describe_embedder(settings)


def choose_dense(settings: MilvusSettings, space: VectorSpace, database: Database) -> DenseIndexes:
    """Milvus, with a collection of its own for each kind of index."""
    token = read_secret(settings.token_file, name="ASSAY_MILVUS__TOKEN_FILE") if settings.token_file else ""

    def opened(kind: str) -> SealableIndex:
        from assay_adapters.milvus import MilvusIndex

        return MilvusIndex(
            uri=settings.uri,
            token=token,
            model_id=space.model_id,
            dimension=space.dimension,
            kind=cast(Literal["hnsw", "ivf_pq", "flat"], kind),  # SQL holds no other
        )

    return DenseIndexes(database, opened)


def choose_lexical(settings: LexicalSettings) -> "TantivyIndex":
    """BM25 on local disk; the process that writes it must close it."""
    from assay_adapters.tantivy_index import TantivyIndex

    return TantivyIndex(settings.path)


def choose_cache(settings: CacheSettings | None, vault: Vault, space: VectorSpace) -> SemanticCache | None:
    """The semantic cache, to take answers about deleted documents out of it; None if there is none."""
    if settings is None or not settings.enabled:
        return None
    from assay_adapters.redis_cache import RedisSemanticCache

    return RedisSemanticCache(
        url=settings.url.get_secret_value(),
        key=vault.mac_key("semantic-cache"),
        model_id=space.model_id,
        dimension=space.dimension,
    )
