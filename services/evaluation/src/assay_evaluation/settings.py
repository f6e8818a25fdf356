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
    """When beat rings, in UTC, and which judge scores. `state_path`: where beat remembers when it last rang.

    What a night looks at beside its runs may take `budget_s`; what is left over is named in its report.
    """

    enabled: bool = True
    hour: int = Field(default=2, ge=0, le=23)
    minute: int = Field(default=15, ge=0, le=59)
    judge: str = "local"
    budget_s: float = Field(default=3600.0, gt=0)
    state_path: Path | None = None


class AlertSettings(Section):
    """Who is told of a night's alarms. Empty: nobody, by that way.

    Mail goes by STARTTLS, or by TLS from the start on port 465; without TLS only to this machine.
    """

    webhook_url: str = ""
    webhook_token_file: Path | None = None
    mail_host: str = ""
    mail_port: int = 587
    mail_from: str = "assay@localhost"
    mail_to: list[str] = Field(default_factory=list[str])
    mail_user: str = ""
    mail_password_file: Path | None = None


class RagasSettings(Section):
    """ragas, in an environment of its own. Empty `base_url` and `model`: the platform's own chat model.

    `timeout_s` is for one metric of one sample; `repeats` says how often each is asked.
    """

    env_path: Path | None = None
    base_url: str = ""
    model: str = ""
    api_key_file: Path | None = None
    timeout_s: float = 120.0
    repeats: int = Field(default=1, ge=1, le=9)


class ServiceSettings(ProcessSettings):
    """Settings of the HTTP service."""

    http: HttpSettings = HttpSettings(port=8703)
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    secrets: SecretSettings = SecretSettings()
    nightly: NightlySettings = NightlySettings()


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
    alerts: AlertSettings = AlertSettings()


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
