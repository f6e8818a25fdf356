"""What the generation service can be told."""

from assay_runtime.settings import (
    ChatSettings,
    DatabaseSettings,
    EmbedderSettings,
    HttpSettings,
    LogSettings,
    ModelSettings,
    PeerSettings,
    ProcessSettings,
    SecretSettings,
    Section,
)


class AnswerSettings(Section):
    """How answers are made. The cosines are of all-MiniLM-L6-v2; docs/decisions/0006 tells how they were found.

    `prompt` names a file of this package: answer.v1 for small models, which copy the nearest sentence; cite.v1 for
    models from about 7B, which read whole passages. `hit_cosine`, `hit_coverage` and `span_cosine` decide that nothing
    was found, `quote_cosine` that a sentence may be quoted as the answer, `stray_cosine` that a small model's sentence
    has strayed from the question, `stranger_cosine` that a sentence of a source belongs neither to the question nor to
    its passage, `certainty` (a probability) that a sentence counts as supported. `stall_s` is the silence after which
    the model server counts as down.

    `undefended_collection` is the id of the one collection whose answers are made with the defences off, which a red
    team needs for its control (docs/decisions/0022). Empty: none.
    """

    prompt: str = "answer.v1"
    hit_cosine: float = 0.2
    hit_coverage: float = 0.6
    span_cosine: float = 0.38
    quote_cosine: float = 0.5
    stray_cosine: float = 0.15
    stranger_cosine: float = 0.15
    certainty: float = 0.7
    stall_s: float = 30.0
    heartbeat_s: float = 10.0
    undefended_collection: str = ""


class Settings(ProcessSettings):
    """Settings of the generation service."""

    http: HttpSettings = HttpSettings(port=8702)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    models: ModelSettings
    embedder: EmbedderSettings = EmbedderSettings()
    chat: ChatSettings = ChatSettings()
    peers: PeerSettings = PeerSettings()
    secrets: SecretSettings = SecretSettings()
    answers: AnswerSettings = AnswerSettings()
