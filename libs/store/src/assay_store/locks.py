"""Named locks of the whole platform, held by a database connection of their own."""

from contextlib import suppress

import psycopg
from assay_core.errors import Unavailable

INDEX_WRITER = "assay-index-writer"
REBUILD_WANTED = "assay-rebuild-wanted"
INDEX_TRIAL = "assay-index-trial"


class NamedLock:
    """A lock that one process of the platform can hold. It is gone when the process or the database dies.

    Not for several threads: one owner acquires, asks and releases.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        self._name = name
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it. Raises `Unavailable` if the database does not answer."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=3)
            row = self._connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [self._name]).fetchone()
        except psycopg.OperationalError as error:
            self.release()
            raise Unavailable("The database does not answer.", code="database_unavailable") from error
        return row is not None and bool(row[0])

    def still_held(self) -> bool:
        """Whether the connection that holds the lock lives; False means that another process may have it now."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self.release()
            return False
        return True

    def wanted_elsewhere(self, name: str) -> bool:
        """Whether some process holds the lock `name`."""
        if self._connection is None:
            return False
        # A lock of one 64-bit key stands in pg_locks as its two halves; hashtext gives 32 bits, sign-extended.
        row = self._connection.execute(
            """
            SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((classid::bigint << 32) | objid::bigint) = hashtext(%s)::bigint
            """,
            [name],
        ).fetchone()
        return row is not None

    def release(self) -> None:
        """Let go, also of the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # The server notices a closed connection only a little later.
        with suppress(psycopg.OperationalError), connection:
            connection.execute("SELECT pg_advisory_unlock_all()")
