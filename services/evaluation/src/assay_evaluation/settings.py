"""What the evaluation service, its worker and its beat can be told."""

from pathlib import Path

from assay_runtime.settings import (
    BrokerSettings,
    ChatSettings,
    DatabaseSettings,
    EmbedderSettings,
    HttpSettings,
    LogSettings,
    ModelSettings,
    PeerSettings,
    ProcessSettings,
    RerankerSettings,
    SecretSettings,
    Section,
)
from pydantic import Field


class EvaluationSettings(Section):
    """How runs are done.

    Attributes:
        parallel: questions in work at once.
        answer_deadline_s: longest time for one answer.
        patience_s: how long a run waits, all its questions together, for a part that is down or loading.
        poll_s: how often waiting runs are looked for, should the queue be silent.
        lease_s: a run whose worker has died is taken up again after so long.
        traffic_sample: answers of yesterday that a night scores, per collection.
    """

    parallel: int = Field(default=2, ge=1, le=32)
    answer_deadline_s: float = 120.0
    patience_s: float = 300.0
    poll_s: float = 10.0
    lease_s: float = 60.0
    traffic_sample: int = Field(default=50, ge=1, le=5000)


class NightlySettings(Section):
    """When beat rings, in UTC, and which judge scores. `state_path`: where beat remembers when it last rang."""

    enabled: bool = True
    hour: int = Field(default=2, ge=0, le=23)
    minute: int = Field(default=15, ge=0, le=59)
    judge: str = "local"
    state_path: Path | None = None


class RagasSettings(Section):
    """ragas, in an environment of its own. Empty `base_url` and `model`: the platform's own chat model."""

    env_path: Path | None = None
    base_url: str = ""
    model: str = ""
    api_key_file: Path | None = None
    timeout_s: float = 120.0


class ServiceSettings(ProcessSettings):
    """Settings of the HTTP service."""

    http: HttpSettings = HttpSettings(port=8703)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    secrets: SecretSettings = SecretSettings()


class WorkerSettings(ProcessSettings):
    """Settings of the worker."""

    http: HttpSettings = HttpSettings(port=8704)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    broker: BrokerSettings
    secrets: SecretSettings = SecretSettings()
    peers: PeerSettings = PeerSettings()
    models: ModelSettings
    embedder: EmbedderSettings = EmbedderSettings()
    reranker: RerankerSettings = RerankerSettings()
    chat: ChatSettings = ChatSettings()
    ragas: RagasSettings = RagasSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    nightly: NightlySettings = NightlySettings()


class BeatSettings(ProcessSettings):
    """Settings of beat."""

    home: Path = Path("~/.assay")
    http: HttpSettings = HttpSettings(port=8705)
    log: LogSettings = LogSettings()
    broker: BrokerSettings
    nightly: NightlySettings = NightlySettings()

    @property
    def state_path(self) -> Path:
        """Where beat remembers when it last rang."""
        return (self.nightly.state_path or self.home / "run" / "beat" / "schedule").expanduser()
