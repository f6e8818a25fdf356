"""Connections and transactions. One request or task is one transaction, committed at the edge."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from threading import Event
from typing import Any

import psycopg
from assay_core.errors import Unavailable
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# A server that went away needs longer to come back.
_TRUSTED_S = 1.0


class Database:
    """PostgreSQL behind a bounded pool.

    Args:
        url: `postgresql+psycopg://user:password@host:port/name`.
        pool_size: connections kept; more callers wait at most `pool_timeout_s`, then get `Unavailable`.
        statement_timeout_s: PostgreSQL cancels statements that run longer.
    """

    def __init__(
        self, url: str, *, pool_size: int = 5, pool_timeout_s: float = 5.0, statement_timeout_s: float = 30.0
    ) -> None:
        self.url = url
        self._listener: psycopg.Connection[tuple[object, ...]] | None = None
        self._channel = ""
        self._engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout_s,
            connect_args={
                "connect_timeout": 3,
                "options": f"-c statement_timeout={int(statement_timeout_s * 1000)}"
                " -c idle_in_transaction_session_timeout=120000 -c lock_timeout=10000",
            },
        )
        _ping_after_rest(self._engine)

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A transaction that commits at the end of the block and rolls back on any error.

        Raises:
            Unavailable: the database cannot be reached, or went away.
        """
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """For statements that read and each see a moment of their own: no round trips to begin and commit.

        Raises as `transaction`.
        """
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            raise Unavailable(
                "The database does not answer; try again in a few seconds.",
                code="database_unavailable",
                retry_after_s=5,
            ) from error

    @contextmanager
    def outside_transactions(self) -> Generator[Connection]:
        """A connection whose statements stand alone and may take any time, for maintenance. Raises as `transaction`."""
        with self.reading() as connection:
            connection.execute(text("SET statement_timeout = 0"))
            try:
                yield connection
            finally:
                # The pool must not lend it out with these settings.
                connection.invalidate()

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        """A read-only transaction whose statements all see the same moment. Raises as `transaction`."""
        with self._translated(), self._engine.connect() as connection:
            one = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with one.begin():
                yield one

    def check(self) -> None:
        """A real query, for readiness."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    def wait_for_notice(self, channel: str, *, timeout_s: float, stop: Event | None = None) -> bool:
        """Wait until someone notifies `channel`. Returns False on time-out, or a second after `stop` is set.

        Late or lost notices are possible, so the caller looks at the tables either way.
        """
        try:
            if self._listener is None or self._listener.closed or self._channel != channel:
                self.close_listener()
                self._listener = psycopg.connect(
                    self.url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True, connect_timeout=3
                )
                self._listener.execute(f'LISTEN "{channel}"'.encode())
                self._channel = channel
            until_s = time.monotonic() + timeout_s
            while (left_s := until_s - time.monotonic()) > 0 and not (stop and stop.is_set()):
                for _ in self._listener.notifies(timeout=min(left_s, 1.0), stop_after=1):
                    return True
        except psycopg.OperationalError as error:
            self.close_listener()
            raise Unavailable("The database does not answer.", code="database_unavailable") from error
        return False

    def close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def dispose(self) -> None:
        """Close all connections."""
        self.close_listener()
        self._engine.dispose()


def _ping_after_rest(engine: Engine) -> None:
    """Have connections asked whether they are still there, unless they were just used: that costs a round trip."""

    @event.listens_for(engine, "checkin")
    def remember(_: object, record: Any) -> None:  # Any: SQLAlchemy's record of a connection
        record.info["rests_since_s"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _: object) -> None:  # Any: psycopg's connection behind SQLAlchemy's types
        since_s = record.info.get("rests_since_s")
        if since_s is None or time.monotonic() - since_s < _TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def notify(connection: Connection, channel: str) -> None:
    """Wake the listeners of `channel` when this transaction commits."""
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})


def clock(connection: Connection) -> datetime:
    """The database's time at the start of this transaction."""
    return connection.execute(text("SELECT now()")).scalar_one()
