"""Transactions from async code: each runs whole in a thread, so the event loop never waits for SQL."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from assay_core.errors import Invalid
from assay_runtime.threads import Workers
from assay_store.database import Database
from sqlalchemy import Connection
from sqlalchemy.exc import DataError

Result = TypeVar("Result")


class Transactions:
    """Runs functions of a connection; at most `size` at once, which is the size of the pool."""

    def __init__(self, database: Database, *, size: int) -> None:
        self._database = database
        self._workers = Workers(size)

    async def __call__(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction of its own, which commits if it returns."""
        return await self._workers.run(lambda: self._run(self._database.transaction, work))

    async def reading(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work`, which only reads, and each of whose statements may see a moment of its own: half the waiting."""
        return await self._workers.run(lambda: self._run(self._database.reading, work))

    def _run(
        self, connected: Callable[[], AbstractContextManager[Connection]], work: Callable[[Connection], Result]
    ) -> Result:
        try:
            with connected() as connection:
                return work(connection)
        except DataError as error:
            raise Invalid("A value cannot be stored: it is out of range or holds a NUL.", code="validation") from error
