"""What the processes of ingestion can be told."""

from assay_runtime.settings import (
    BlobSettings,
    BrokerSettings,
    CacheSettings,
    ChatSettings,
    DatabaseSettings,
    EmbedderSettings,
    HttpSettings,
    LexicalSettings,
    LogSettings,
    MilvusSettings,
    ModelSettings,
    ProcessSettings,
    SecretSettings,
    Section,
    SourceSettings,
)


class IngestionSettings(Section):
    """How documents are taken in.

    `max_*` and `parse_*` bound what one file may cost. `lanes` batches are worked on at once, each of up to
    `batch_documents` files (`batch_passages` ready passages count as one) and `batch_bytes`; up to `batch_chunks`
    chunks of a batch are in memory, `embed_batch` are embedded in one call. `lease_s` is how long a dead worker's
    documents wait for another.
    """

    max_bytes: int = 100 << 20
    max_pages: int = 2000
    max_chars: int = 20_000_000
    parse_timeout_s: float = 60.0
    parse_memory_bytes: int = 1 << 30
    lanes: int = 2
    batch_documents: int = 32
    batch_passages: int = 16
    batch_bytes: int = 8 << 20
    batch_chunks: int = 2000
    embed_batch: int = 64
    lease_s: float = 30.0
    poll_s: float = 30.0


class IndexingSettings(Section):
    """`pass_chunks` chunks are indexed together; `check_s` is how often the indexes are compared with SQL.

    Deletions are gathered for `settle_gather_s` before the stores' files are rewritten, which begins no sooner than
    `settle_every_s` after the time before. Milvus may keep rewritten files for `settle_files_s` and what was deleted in
    its log for `settle_log_s`: see `dataCoord.gc` and `rocksmq` in its settings.
    """

    pass_chunks: int = 4000
    check_s: float = 60.0
    settle_gather_s: float = 30.0
    settle_every_s: float = 120.0
    settle_files_s: float = 180.0
    settle_log_s: float = 540.0


class RelaySettings(Section):
    """`sweep_s` is how often forgotten jobs are looked for; a job may wait `waiting_s` before it is rung again.

    Every `leftovers_s`, blobs that nothing has named for `leftovers_kept_s` are removed; no upload may take longer
    between its last byte and its record.
    """

    sweep_s: float = 15.0
    waiting_s: float = 30.0
    leftovers_s: float = 6 * 3600.0
    leftovers_kept_s: float = 3600.0


class WorkerProcess(ProcessSettings):
    """Settings of the worker, which parses and embeds."""

    http: HttpSettings = HttpSettings(port=8704)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    broker: BrokerSettings
    blobs: BlobSettings
    models: ModelSettings
    embedder: EmbedderSettings = EmbedderSettings()
    secrets: SecretSettings = SecretSettings()
    chat: ChatSettings = ChatSettings()
    ingestion: IngestionSettings = IngestionSettings()


class IndexerProcess(ProcessSettings):
    """Settings of the indexer, the only writer of the indexes, and of a rebuild."""

    http: HttpSettings = HttpSettings(port=8705)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    cache: CacheSettings | None = None
    milvus: MilvusSettings = MilvusSettings()
    lexical: LexicalSettings
    blobs: BlobSettings
    embedder: EmbedderSettings = EmbedderSettings()
    secrets: SecretSettings = SecretSettings()
    indexing: IndexingSettings = IndexingSettings()


class ErasureScan(IndexerProcess):
    """Settings of the scan of all stores' files for what was erased."""

    broker: BrokerSettings


class RelayProcess(ProcessSettings):
    """Settings of the relay, which rings the queue and sweeps up."""

    http: HttpSettings = HttpSettings(port=8706)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    broker: BrokerSettings
    blobs: BlobSettings
    relay: RelaySettings = RelaySettings()


class SyncerProcess(ProcessSettings):
    """Settings of the syncer, which keeps collections in step with their sources."""

    http: HttpSettings = HttpSettings(port=8709)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    blobs: BlobSettings
    secrets: SecretSettings = SecretSettings()
    sources: SourceSettings = SourceSettings()
