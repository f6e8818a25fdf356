"""What the retrieval service can be told."""

from assay_runtime.settings import (
    BlobSettings,
    CacheSettings,
    DatabaseSettings,
    EmbedderSettings,
    HttpSettings,
    LexicalSettings,
    LogSettings,
    MilvusSettings,
    ModelSettings,
    ProcessSettings,
    RerankerSettings,
    SecretSettings,
    Section,
)


class RetrievalSettings(Section):
    """`candidates` is how many hits each index is asked for at least; `rerank_candidates` how many are reranked."""

    candidates: int = 100
    rerank_candidates: int = 25
    rrf_k: int = 60


class Settings(ProcessSettings):
    """Settings of the retrieval service."""

    http: HttpSettings = HttpSettings(port=8701)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    cache: CacheSettings
    milvus: MilvusSettings = MilvusSettings()
    lexical: LexicalSettings
    blobs: BlobSettings
    models: ModelSettings
    embedder: EmbedderSettings = EmbedderSettings()
    reranker: RerankerSettings = RerankerSettings()
    secrets: SecretSettings = SecretSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
