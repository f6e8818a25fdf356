"""What the platform has said yes to: every write that was acknowledged, to compare with what is there."""

import hashlib
import threading
import time
from dataclasses import dataclass, field

SECTIONS = 4
IN_EACH_PASSAGE = "says"


def content(name: str, edition: int) -> str:
    """The text of a document in one edition; each edition differs from the one before in one section."""
    parts = (
        f"# Part {s} of {name}\n\n" + f"{marker(name, s, edition)} {IN_EACH_PASSAGE} what to do. " * 4
        for s in range(SECTIONS)
    )
    return "\n\n".join(parts)


def marker(name: str, section: int, edition: int) -> str:
    """A word that tells from which document, section and state of the section a passage is."""
    revision = (edition + SECTIONS - 1 - section) // SECTIONS
    return f"{name}x{section}r{revision}"


@dataclass(slots=True)
class Written:
    """A document as its writer knows it: the edition of each version, and when it was deleted (monotonic seconds).

    `own_text` is there for a document that has another text than its name and edition would give it.
    `denied` are those whom the newest acknowledged rules keep out. Versions up to `expired` may go at any time.
    `delete_sent_s` is set before the deletion is asked for, `deleted_s` once it was acknowledged.
    """

    name: str
    document: str
    editions: dict[int, int] = field(default_factory=dict[int, int])
    jobs: dict[int, str] = field(default_factory=dict[int, str])
    own_text: str | None = None
    denied: tuple[str, ...] = ()
    expired: int = 0
    delete_sent_s: float | None = None
    deleted_s: float | None = None

    @property
    def newest(self) -> int:
        return max(self.editions)

    def text(self, version: int) -> str:
        return self.own_text or content(self.name, self.editions[version])

    def sha256(self, version: int) -> str:
        return hashlib.sha256(self.text(version).encode()).hexdigest()


class Ledger:
    """Every acknowledged document. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, Written] = {}

    def note_upload(self, name: str, document: str, version: int, edition: int, job: str | None) -> None:
        with self._lock:
            written = self._by_id.setdefault(document, Written(name, document))
            written.editions[version] = edition
            if job is not None:
                written.jobs[version] = job

    def note_denied(self, document: str, denied: tuple[str, ...]) -> None:
        self.get(document).denied = denied

    def note_expired(self, document: str, version: int) -> None:
        self.get(document).expired = version

    def note_delete_sent(self, document: str) -> None:
        self.get(document).delete_sent_s = time.monotonic()

    def note_deleted(self, document: str) -> None:
        self.get(document).deleted_s = time.monotonic()

    def get(self, document: str) -> Written:
        return self._by_id[document]

    def find(self, document: str) -> Written | None:
        return self._by_id.get(document)

    def documents(self) -> list[Written]:
        with self._lock:
            return list(self._by_id.values())

    def kept(self) -> list[Written]:
        """Documents whose deletion nobody asked for."""
        return [written for written in self.documents() if written.delete_sent_s is None]
