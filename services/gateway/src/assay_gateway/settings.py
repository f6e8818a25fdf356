"""What the gateway can be told."""

from assay_runtime.settings import (
    BlobSettings,
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    PeerSettings,
    ProcessSettings,
    SecretSettings,
    Section,
)


class UploadSettings(Section):
    """`max_bytes` bounds one file, `max_in_flight` the uploads that one process receives at once.

    An upload that sends nothing for `idle_s` is given up.
    """

    max_bytes: int = 100 << 20
    max_in_flight: int = 16
    idle_s: float = 20.0


class QueueSettings(Section):
    """How much may wait to be taken in, of one tenant and in all; whoever brings more is told to come again (429).

    With less than `min_free_bytes` free on the disk of the blobs, nothing is taken (507).
    """

    tenant_jobs: int = 50_000
    tenant_bytes: int = 20 << 30
    all_jobs: int = 200_000
    all_bytes: int = 100 << 30
    min_free_bytes: int = 1 << 30


class LimitSettings(Section):
    """Bounds of one process: requests at once, and watchers of document progress among them.

    `search_s` and `answer_s` are the time that a search and an answer may take.
    """

    max_in_flight: int = 200
    max_watchers: int = 32
    search_s: float = 10.0
    answer_s: float = 120.0


class Settings(ProcessSettings):
    """Settings of the gateway."""

    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    database: DatabaseSettings
    blobs: BlobSettings
    peers: PeerSettings = PeerSettings()
    secrets: SecretSettings = SecretSettings()
    uploads: UploadSettings = UploadSettings()
    queue: QueueSettings = QueueSettings()
    limits: LimitSettings = LimitSettings()


class FirstRunSettings(ProcessSettings):
    """Settings of the one-shot that makes the first administrator."""

    log: LogSettings = LogSettings()
    database: DatabaseSettings
    secrets: SecretSettings = SecretSettings()
