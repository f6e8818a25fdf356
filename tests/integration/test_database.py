"""Connections that were cut while they rested."""

from collections.abc import Iterator

import pytest
from assay_core.errors import Unavailable
from assay_store import database as module
from assay_store.database import Database
from sqlalchemy import text

pytestmark = pytest.mark.integration

CUT = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name")


@pytest.fixture
def named(database: Database) -> Iterator[Database]:
    """A pool of one connection, which another can find and cut."""
    named = Database(f"{database.url}?application_name=to-be-cut", pool_size=1)
    yield named
    named.dispose()


def cut(database: Database) -> None:
    with database.transaction() as connection:
        assert connection.execute(CUT, {"name": "to-be-cut"}).scalar_one() == 1


def test_a_connection_that_was_cut_while_it_rested_is_replaced_unseen(
    database: Database, named: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    named.check()
    cut(database)
    monkeypatch.setattr(module, "_TRUSTED_S", 0.0)
    named.check()


def test_one_that_was_cut_just_after_its_last_use_fails_once(
    database: Database, named: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRUSTED_S", 60.0)
    named.check()
    cut(database)
    with pytest.raises(Unavailable):
        named.check()
    named.check()


def test_each_statement_of_reading_stands_alone_and_a_snapshot_is_one_moment(named: Database) -> None:
    moment = text("SELECT now()")  # when the transaction began
    with named.reading() as connection:
        assert connection.execute(moment).scalar_one() < connection.execute(moment).scalar_one()
    level = text("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
    with named.snapshot() as connection:
        assert connection.execute(moment).scalar_one() == connection.execute(moment).scalar_one()
        assert tuple(connection.execute(level).one()) == ("repeatable read", "on")
    with named.transaction() as connection:
        assert tuple(connection.execute(level).one()) == ("read committed", "off")
