"""The reader of a red team: may read what everyone may, and nothing after it was dismissed."""

import pytest
from assay_core.errors import Denied
from assay_gateway import first_run, passing_reader
from assay_store import access
from assay_store.database import Database
from sqlalchemy import text

from .conftest import ADMIN_KEY

pytestmark = pytest.mark.integration


def test_a_reader_comes_with_a_key_that_ends(database: Database) -> None:
    first_run.run(database, ADMIN_KEY)
    key = passing_reader.admit(database)
    with database.transaction() as connection:
        reader = access.authenticate(connection, key)
        ends = connection.execute(text("SELECT expires_at < now() + interval '13 hours' FROM api_keys")).scalars().all()
    assert (reader.id, reader.roles) == (passing_reader.READER.id, frozenset({"reader"}))
    assert True in ends
    passing_reader.dismiss(database, key)
    with database.transaction() as connection, pytest.raises(Denied):
        access.authenticate(connection, key)
    assert passing_reader.admit(database) != key
