"""One run of a source: what its connector tells becomes uploads and deletions (start here for connectors).

Everything the run learns is in SQL before it asks for more, under the run's lease: another process goes on from the
last checkpoint, and what was taken already is known by its etag. Removals come last, and only after a look at how many
there are.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from assay_core.documents import AclId
from assay_core.errors import AssayError, Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable
from assay_core.jobs import Priority
from assay_core.names import clean_name
from assay_core.ports import BlobStore, Connector
from assay_core.sources import Access, Change, Checkpoint, Complete, Content, Gone, RunState, Upsert
from assay_store import access, document_access, documents, intake, source_items, source_runs, sources
from assay_store.database import Database
from assay_store.documents import UploadTarget
from assay_store.encryption import Vault
from assay_store.source_items import Item
from assay_store.source_runs import Counts, ItemError, RunLease
from assay_store.sources import Source
from prometheus_client import Counter
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

log = structlog.get_logger()
ITEMS = Counter("assay_source_items_total", "Items of sources by what became of them.", ["outcome"])

LEASE_S = 60.0
_TOGETHER = 200
_REMOVED_TOGETHER = 100
_MOST_FAILURES_IN_A_ROW = 10
_RETRY_S = 30.0

Connect = Callable[[Source], Connector]


class Stopped(Exception):
    """The process ends, or the source was paused: the run is given back."""


@dataclass(slots=True)
class _Batch:
    """What a stretch of the run found, to be written in one transaction."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    errors: list[ItemError] = field(default_factory=list[ItemError])

    def add(self, outcome: str, number: int = 1) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + number

    def fail(self, key: str, error: AssayError) -> None:
        self.add("failed")
        self.errors.append(ItemError(key, error.code, error.message))


class Syncer:
    """Runs leased runs, one at a time for each call of `run`."""

    def __init__(self, *, database: Database, vault: Vault, blobs: BlobStore, connect: Connect, max_bytes: int) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._connect = connect
        self._max_bytes = max_bytes

    def run(self, held: RunLease, stopping: Callable[[], bool] = lambda: False) -> None:
        """Work on a run until it ends, fails or is given back because of `stopping`."""
        bound = structlog.contextvars.bound_contextvars(source_id=held.source.id, run=held.run)
        with bound:
            try:
                state = _Run(self, held, stopping).follow()
                log.info("source.synced", state=state)
            except Stopped:
                self._close(held, lambda c: source_runs.give_back(c, held))
            except Conflict as error:
                log.warning("source.run_lost", code=error.code)
            except (Unavailable, Exhausted) as error:
                self._postpone(held, error)
            except (Invalid, Denied, NotFound) as error:
                self._fail(held, error)

    def _postpone(self, held: RunLease, error: AssayError) -> None:
        if held.attempt >= source_runs.MAX_ATTEMPTS:
            self._fail(held, error)
            return
        delay_s = _RETRY_S * 2 ** (held.attempt - 1)
        log.warning("source.waits", code=error.code, delay_s=delay_s)
        self._close(
            held,
            lambda c: source_runs.retry_later(c, held, delay_s=delay_s, code=error.code, error=error.message),
        )

    def _fail(self, held: RunLease, error: AssayError) -> None:
        log.warning("source.failed", code=error.code)
        self._close(held, lambda c: source_runs.finish(c, held, RunState.FAILED, code=error.code, error=error.message))

    def _close(self, held: RunLease, write: Callable[[Connection], None]) -> None:
        # Lost to someone else: then it is theirs to end.
        with suppress(Conflict), self._database.transaction() as connection:
            source_runs.hold(connection, held, lease_s=LEASE_S)
            write(connection)

    def too_large(self, name: str) -> Invalid:
        return Invalid(
            f"{name!r} is larger than {self._max_bytes:,} bytes (sources.max_bytes); split the file, or raise the"
            " limit with ASSAY_SOURCES__MAX_BYTES.",
            code="too_large",
        )

    @property
    def parts(self) -> tuple[Database, Vault, BlobStore, Connect, int]:
        return self._database, self._vault, self._blobs, self._connect, self._max_bytes


class _Run:
    """The state of one run in one process."""

    def __init__(self, syncer: Syncer, held: RunLease, stopping: Callable[[], bool]) -> None:
        self._database, self._vault, self._blobs, self._connect, self._max_bytes = syncer.parts
        self._too_large = syncer.too_large
        self._held = held
        self._stopping = stopping
        self._failures = 0
        with self._database.transaction() as connection:
            self._source = sources.load(connection, self._vault, held.source)
            cursor = source_runs.cursor(connection, self._vault, held)
            self._start = sources.cursor(connection, self._vault, held.source) if cursor is None else cursor

    def follow(self) -> RunState:
        """Take in all changes, then remove what has gone."""
        changes = self._connect(self._source).changes(self._start)
        waiting: list[Upsert] = []
        last: Change | None = None
        try:
            for change in changes:
                last = change
                if isinstance(change, Upsert):
                    waiting.append(change)
                    if len(waiting) < _TOGETHER:
                        continue
                self._take(waiting)
                waiting = []
                self._note(change)
            self._take(waiting)
        finally:
            _close(changes)
        return self._end(last)

    def _note(self, change: Change) -> None:
        match change:
            case Gone(key):
                self._write(lambda c: source_items.go(c, self._held.source, [self._digest(key)]))
            case Checkpoint(state):
                self._write(lambda c: source_runs.save_cursor(c, self._vault, self._held, state))
            case Upsert() | Complete():
                # A run that dies after its listing lists the rest again, so that it still knows what has gone.
                pass

    def _take(self, upserts: Sequence[Upsert]) -> None:
        """Look up what is known of these items, pass over what has not changed, and open the rest."""
        if self._stopping():
            raise Stopped
        if not upserts:
            return
        digests = {self._digest(upsert.key): upsert for upsert in upserts}
        with self._database.transaction() as connection:
            known = source_items.known(connection, self._vault, self._held.source, list(digests))
            acls = {upsert.access: self._acl(connection, upsert.access) for upsert in digests.values()}
        batch, same = _Batch(), list[bytes]()
        for digest, upsert in digests.items():
            item, acl = known.get(digest), acls[upsert.access]
            batch.add("seen")
            if item is not None and self._is_settled(upsert, item, acl, batch):
                same.append(digest)
            else:
                self._open(digest, upsert, item, acl, batch)
        self._write(lambda c: source_items.see(c, self._held, same), batch)

    def _is_settled(self, upsert: Upsert, item: Item, acl: AclId, batch: _Batch) -> bool:
        """Whether nothing has to be done about an item; counted if so."""
        if item.state == "left_out":
            batch.add("left_out")
            return True
        if not upsert.etag or upsert.etag != item.etag:
            return False
        if item.state == "failed":
            batch.add("failed")
            batch.errors.append(
                ItemError(upsert.key, item.error_code or "", "It has not changed since it could not be taken.")
            )
            return True
        if item.acl != acl:
            return False
        batch.add("unchanged")
        return True

    def _open(self, digest: bytes, upsert: Upsert, item: Item | None, acl: AclId, batch: _Batch) -> None:
        if self._stopping():
            raise Stopped
        try:
            content = upsert.open(item.etag if item is not None and item.state == "kept" else "")
            outcome = self._keep_as_it_is(digest, item, acl) if content is None else None
            if content is not None:
                outcome = self._record(digest, upsert, content, item, acl)
            batch.add(outcome or "unchanged")
            self._failures = 0
        except NotFound:
            self._write(lambda c: source_items.go(c, self._held.source, [digest]))
        except (Invalid, Denied) as error:
            self._refuse(digest, upsert, item, error, batch)
        except (Unavailable, Exhausted) as error:
            if error.code == "database_unavailable":
                raise
            self._failures += 1
            if self._failures >= _MOST_FAILURES_IN_A_ROW:
                raise
            batch.fail(upsert.key, error)
            self._write(lambda c: source_items.see(c, self._held, [digest]))

    def _refuse(self, digest: bytes, upsert: Upsert, item: Item | None, error: AssayError, batch: _Batch) -> None:
        """What cannot be taken is remembered by its etag; a document that there was already stays as it was."""
        batch.fail(upsert.key, error)
        if item is not None and item.document is not None:
            self._write(lambda c: source_items.see(c, self._held, [digest]))
            return
        failed = Item("failed", None, upsert.etag, None, error.code)
        self._write(lambda c: source_items.save(c, self._vault, self._held, digest, failed))

    def _keep_as_it_is(self, digest: bytes, item: Item | None, acl: AclId) -> str:
        """The bytes are the same; who may read them may have changed."""
        if item is None or item.document is None:
            raise Invalid("The source says that an item has not changed that was never taken.", code="bad_answer")
        document = item.document
        changed = item.acl != acl

        def write(connection: Connection) -> None:
            if changed:
                document_access.give(connection, document, acl)
            kept = Item("kept", document, item.etag, acl, None)
            source_items.save(connection, self._vault, self._held, digest, kept)

        self._write(write)
        return "changed" if changed else "unchanged"

    def _record(self, digest: bytes, upsert: Upsert, content: Content, item: Item | None, acl: AclId) -> str:
        """Seal the bytes and record them as an upload would be."""
        name = clean_name(f"{self._source.name}/{content.name or upsert.name or upsert.key}")
        try:
            target = self._target(name, item, acl)
            sealed = intake.seal(
                self._blobs, target, content.pieces, max_bytes=self._max_bytes, too_large=self._too_large
            )
        finally:
            _close(content.pieces)
        try:
            return self._commit(digest, sealed, content.etag, item, acl)
        except (IntegrityError, NotFound):
            sealed = intake.seal_again(self._blobs, sealed, self._target(name, item, acl))
            return self._commit(digest, sealed, content.etag, item, acl)
        finally:
            self._blobs.delete(sealed.blob_key)

    def _target(self, name: str, item: Item | None, acl: AclId) -> UploadTarget:
        with self._database.transaction() as connection:
            target = documents.upload_target(connection, self._vault, self._source.collection, name, acl=acl)
            mine = item is not None and item.document == target.document
            if not mine and (target.acl != acl or source_items.is_bound(connection, target.document)):
                raise Invalid(f"The name {name!r} is taken in the collection by another document.", code="name_taken")
        return target

    def _commit(self, digest: bytes, sealed: intake.Sealed, etag: str, item: Item | None, acl: AclId) -> str:
        outcome = ""

        def write(connection: Connection) -> None:
            nonlocal outcome
            recorded = intake.record(connection, self._blobs, sealed, priority=Priority.BULK)
            document, moved = sealed.target.document, sealed.target.acl != acl
            if moved:
                document_access.give(connection, document, acl)
            kept = Item("kept", document, etag, acl, None)
            source_items.save(connection, self._vault, self._held, digest, kept)
            if item is not None and item.document is not None:
                outcome = "unchanged" if recorded.upload.unchanged and not moved else "changed"
            else:
                outcome = "added"

        self._write(write)
        return outcome

    def _end(self, last: Change | None) -> RunState:
        complete = isinstance(last, Complete)
        with self._database.transaction() as connection:
            found = source_items.vanished(connection, self._held, complete=complete)
        if found.gone * 2 > found.kept and not self._held.confirm_removals:
            return self._stop(found.gone, found.kept)
        while self._remove(complete=complete):
            if self._stopping():
                raise Stopped
        state = last.state if isinstance(last, Complete | Checkpoint) else ""

        def finish(connection: Connection) -> None:
            # What failed is tried again only if it is named again.
            whole = source_runs.failed(connection, self._held) == 0
            sources.save_cursor(connection, self._vault, self._held.source, state if whole else "")
            source_runs.finish(connection, self._held, RunState.DONE)

        self._write(finish)
        return RunState.DONE

    def _stop(self, gone: int, kept: int) -> RunState:
        reason = (
            f"{gone:,} of {kept:,} documents would be removed, more than half: perhaps the source is not what it was."
            f" Nothing was removed. If it is meant: `assay sources run {self._source.name} --confirm-removals`."
        )
        self._write(
            lambda c: source_runs.finish(c, self._held, RunState.STOPPED, code="too_many_removals", error=reason)
        )
        return RunState.STOPPED

    def _remove(self, *, complete: bool) -> int:
        taken = 0

        def write(connection: Connection) -> None:
            nonlocal taken
            taken, there = source_items.forget(connection, self._held, complete=complete, limit=_REMOVED_TOGETHER)
            if there:
                documents.delete_these(connection, self._source.collection, there)
            source_runs.count(connection, self._held, Counts(removed=len(there)))
            ITEMS.labels("removed").inc(len(there))

        self._write(write)
        return taken

    def _write(self, work: Callable[[Connection], None], batch: _Batch | None = None) -> None:
        """Run `work` under the lease; all that the run writes goes through here."""
        with self._database.transaction() as connection:
            source_runs.hold(connection, self._held, lease_s=LEASE_S)
            work(connection)
            if batch is not None:
                source_runs.count(connection, self._held, Counts(**batch.counts))
                if batch.errors:
                    source_runs.add_errors(connection, self._vault, self._held, batch.errors)
        for outcome, number in (batch.counts if batch else {}).items():
            ITEMS.labels(outcome).inc(number)

    def _digest(self, key: str) -> bytes:
        return source_items.digest(self._vault, self._held.source, key)

    def _acl(self, connection: Connection, told: Access | None) -> AclId:
        """What the item says, else the source, else the collection."""
        rules = told or self._source.access
        if rules is None:
            return self._source.default_acl
        return access.acl_for(connection, self._held.source.tenant, allow=rules.allow, deny=rules.deny)


def _close(stream: object) -> None:
    """Generators hold connections; other iterators have nothing to close."""
    close = getattr(stream, "close", None)
    if close is not None:
        close()
