"""Having PostgreSQL let go of destroyed keys: out of the table's file, and out of its log."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from assay_store.database import Database

_LOCK_TIMEOUT_MS = 3000


def rewrite_keys(database: Database) -> bool:
    """Rewrite the table of keys and the planner's statistics of it without dead rows, and end the log that they are in.

    ANALYZE keeps samples of each column in `pg_statistic`, also of keys that are destroyed later.

    The log's old files go at the second checkpoint if the server runs with `wal_recycle = off`; otherwise they are
    written over in time. Returns False if this role may not ask for checkpoints, so that the log is the server's to
    end; `assay erasure verify` shows what is left in it.

    Raises:
        Unavailable: the database does not answer, or the table was in use for too long; call again.
    """
    with database.outside_transactions() as connection:
        connection.execute(text(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}"))
        connection.execute(text("VACUUM (FULL, ANALYZE) document_keys"))
        connection.execute(text("VACUUM (FULL) pg_statistic"))
        return _allowed(connection, "CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT")


@contextmanager
def control(database: Database, name: str, planted: bytes) -> Generator[None]:
    """Have bytes in the database's files while the block runs."""
    with database.outside_transactions() as connection:
        connection.execute(text("DELETE FROM scan_controls"))
        connection.execute(text("INSERT INTO scan_controls (id, bytes) VALUES (:n, :b)"), {"n": name, "b": planted})
        _allowed(connection, "CHECKPOINT")
        try:
            yield
        finally:
            connection.execute(text("DELETE FROM scan_controls WHERE id = :n"), {"n": name})


def _allowed(connection: Connection, *statements: str) -> bool:
    try:
        for statement in statements:
            connection.execute(text(statement))
    except ProgrammingError:
        return False
    return True
