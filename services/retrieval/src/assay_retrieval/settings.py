"""What the retrieval service can be told."""

from assay_runtime.settings import (
    BlobSettings,
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
    RerankerSettings,
    SecretSettings,
    Section,
)


class RetrievalSettings(Section):
    """`candidates` is how many hits each index is asked for at least; `rerank_candidates` how many are reranked.

    `rewriting_s` is how long a second search in a language model's words may take.
    """

    candidates: int = 100
    rerank_candidates: int = 10
    rrf_k: int = 60
    rewriting_s: float = 4.0


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
    chat: ChatSettings = ChatSettings()
    secrets: SecretSettings = SecretSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
