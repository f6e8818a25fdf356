"""Choose the adapters of each process. Heavy libraries are imported only where they are chosen."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay_adapters import embedders
from assay_adapters.embedders import VectorSpace as VectorSpace
from assay_adapters.lexical_indexes import ByLanguage, open_lexical
from assay_core.errors import Invalid
from assay_core.index_profiles import IndexProfile
from assay_core.ports import BlobStore, Connector, Embedder, LanguageDetector, Parser, PercolatedCache, SemanticCache
from assay_runtime.settings import (
    BlobSettings,
    CacheSettings,
    ChatSettings,
    DatabaseSettings,
    EmbedderSettings,
    LexicalSettings,
    MilvusSettings,
    SourceSettings,
    read_secret,
)
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.sources import Source

from assay_ingestion.context_lines import OpenChat
from assay_ingestion.index_kinds import DenseIndexes, SealableIndex
from assay_ingestion.settings import IngestionSettings

if TYPE_CHECKING:
    from assay_adapters.byte_scanner import ByteScanner, Fingerprints
    from assay_adapters.fetching.connections import Guard
    from assay_adapters.milvus_lexical import MilvusLexicalIndex
    from assay_adapters.openai_chat import OpenAIChat
    from assay_adapters.tantivy_index import TantivyIndex
    from redis import Redis

CONNECTORS = "assay.connectors"
"""The entry point group of connectors that other packages bring."""


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


def choose_language_detector() -> LanguageDetector:
    """Tells what language a document is in."""
    from assay_adapters.langid_detector import LangidDetector

    return LangidDetector()


def choose_embedder(settings: EmbedderSettings, cache_path: Path) -> Embedder:
    """The embedder named in the settings, loaded, for many threads."""
    return embedders.open_embedder(settings, cache_path=cache_path)


def describe_embedder(settings: EmbedderSettings) -> VectorSpace:
    """The vector space of the embedder that the workers use."""
    return embedders.describe_embedder(settings)


def choose_dense(settings: MilvusSettings, space: VectorSpace, database: Database) -> DenseIndexes:
    """Milvus, with a collection of its own for each kind of index."""
    token = settings.token()

    def opened(kind: str) -> SealableIndex:
        from assay_adapters.milvus import MilvusIndex

        return MilvusIndex(
            uri=settings.uri,
            token=token,
            model_id=space.model_id,
            dimension=space.dimension,
            profile=IndexProfile.parse(kind),
        )

    return DenseIndexes(database, opened)


def remove_scratch(settings: MilvusSettings) -> int:
    """Remove what trials of indexes left in Milvus. Returns how many collections it was."""
    from assay_adapters.milvus_scratch import remove_all

    return remove_all(uri=settings.uri, token=settings.token())


def choose_chat(settings: ChatSettings) -> OpenChat:
    """Opens the language model, once for each event loop that uses it."""

    def opened() -> "aclosing[OpenAIChat]":
        from assay_adapters.openai_chat import OpenAIChat

        key = read_secret(settings.api_key_file, name="ASSAY_CHAT__API_KEY_FILE") if settings.api_key_file else None
        return aclosing(OpenAIChat(base_url=settings.base_url, model=settings.model, api_key=key))

    return opened


def choose_lexical(
    settings: LexicalSettings, milvus: MilvusSettings, vault: Vault
) -> "ByLanguage[TantivyIndex] | ByLanguage[MilvusLexicalIndex]":
    """The BM25 indexes; the process that writes them must close them."""
    return open_lexical(settings, milvus, key=vault.mac_key("lexical-terms"))


def choose_fingerprints(vault: Vault) -> "Fingerprints":
    """Fingerprints by which what was erased is looked for."""
    from assay_adapters.byte_scanner import Fingerprints

    return Fingerprints(vault.mac_key("erasures"))


def choose_byte_scanner(fingerprints: "Fingerprints", marks: Iterable[int]) -> "ByteScanner":
    """A scanner of files for these marks."""
    from assay_adapters.byte_scanner import ByteScanner

    return ByteScanner(fingerprints, marks)


def connect_redis(url: str) -> "Redis":
    """A connection to a Redis-compatible server, for what no port offers."""
    from redis import Redis

    return Redis.from_url(url, socket_timeout=5.0, socket_connect_timeout=2.0)


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


def choose_percolated_cache(settings: CacheSettings | None, vault: Vault, space: VectorSpace) -> PercolatedCache | None:
    """The cached questions, to run what arrives against them; None if there is no cache."""
    if settings is None or not settings.enabled:
        return None
    from assay_adapters.redis_percolation import RedisPercolatedCache

    return RedisPercolatedCache(
        url=settings.url.get_secret_value(),
        key=vault.mac_key("semantic-cache"),
        model_id=space.model_id,
        dimension=space.dimension,
    )


def build_connect(settings: SourceSettings) -> Callable[[Source], Connector]:
    """A function that makes the connector of a source."""
    from assay_adapters.fetching.addresses import AddressPolicy
    from assay_adapters.fetching.connections import Guard

    guard = Guard(AddressPolicy(settings.hosts))

    def connect(source: Source) -> Connector:
        try:
            return choose_connector(source, settings, guard)
        except TypeError as error:
            raise Invalid(
                f"The settings and secrets of {source.name!r} do not fit a connector {source.kind!r}: {error}.",
                code="bad_settings",
            ) from error

    return connect


def choose_connector(source: Source, settings: SourceSettings, guard: "Guard") -> Connector:
    """The connector of a source's kind. Raises `Invalid` if nothing that is installed has this kind."""
    from assay_adapters.fetching.fetcher import Fetcher, Limits

    given: dict[str, Any] = {**source.settings, **source.secrets}
    limits = Limits(max_bytes=settings.max_bytes, timeout_s=settings.item_s)
    match source.kind:
        case "folder":
            from assay_adapters.connectors.folder import FolderConnector

            return FolderConnector(**given, roots=settings.roots)
        case "s3":
            from assay_adapters.connectors.s3 import S3Connector

            return S3Connector(**given, fetcher=Fetcher(guard), limits=limits)
        case "web":
            from assay_adapters.connectors.web import WebConnector

            return WebConnector(**given, fetcher=Fetcher(guard))
        case "webdav":
            from assay_adapters.connectors.webdav import WebDavConnector

            return WebDavConnector(**given, fetcher=Fetcher(guard), limits=limits)
        case "imap":
            from assay_adapters.connectors.imap import ImapConnector

            return ImapConnector(**given, guard=guard, max_bytes=settings.max_bytes)
        case kind:
            return _installed_connector(kind, source)


def _installed_connector(kind: str, source: Source) -> Connector:
    found = entry_points(group=CONNECTORS, name=kind)
    if not found:
        raise Invalid(
            f"No connector {kind!r} is installed; there are folder, s3, web, webdav and imap, and what packages bring"
            f" by the entry point group {CONNECTORS!r}.",
            code="unknown_kind",
        )
    make: Callable[[Mapping[str, str], Mapping[str, str]], Connector] = next(iter(found)).load()
    return make(source.settings, source.secrets)
