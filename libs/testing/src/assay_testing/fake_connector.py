import hashlib
from collections.abc import Iterator

from assay_core.errors import AssayError
from assay_core.sources import Access, Change, Checkpoint, Complete, Content, Upsert


class FakeConnector:
    """Names `files` by name, with a checkpoint after each.

    `access` is told of the names in it, opening one of `failures` raises, and `break_at` is what the listing raises
    before the item of that name. `opened` are the names whose bytes were asked for.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = files if files is not None else {}
        self.access: dict[str, Access] = {}
        self.failures: dict[str, AssayError] = {}
        self.break_at: dict[str, BaseException] = {}
        self.opened: list[str] = []
        self.starts: list[str] = []

    def changes(self, checkpoint: str) -> Iterator[Change]:
        self.starts.append(checkpoint)
        for name in sorted(self.files):
            if name in self.break_at:
                raise self.break_at.pop(name)
            if name > checkpoint:
                yield self._upsert(name)
                yield Checkpoint(name)
        yield Complete("")

    def _upsert(self, name: str) -> Upsert:
        data = self.files[name]
        etag = hashlib.sha256(data).hexdigest()[:8]

        def opened(known: str) -> Content | None:
            if known == etag:
                return None
            self.opened.append(name)
            if name in self.failures:
                raise self.failures[name]
            return Content(iter((data,)), etag)

        return Upsert(name, etag, opened, size_bytes=len(data), access=self.access.get(name))
