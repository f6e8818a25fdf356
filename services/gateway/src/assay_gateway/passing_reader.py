"""A reader without rights, for as long as this process lives: `python -m assay_gateway.passing_reader`.

A red team asks as somebody who may not read everything. Prints one line of JSON with the principal's id and an API key,
and revokes the key when its standard input ends; if the process is killed, the key ends by itself.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

from assay_core.principals import Principal
from assay_runtime import log as logging
from assay_store import access
from assay_store.database import Database

from assay_gateway.first_run import TENANT
from assay_gateway.settings import FirstRunSettings

READER = Principal(TENANT, "redteam-reader", "Red team", frozenset({"reader"}))
_LONGEST = timedelta(hours=12)


def admit(database: Database) -> str:
    """Make the reader with a new key, and return the key."""
    key = access.new_api_key()
    with database.transaction() as connection:
        access.ensure_principal(connection, READER)
        access.ensure_api_key(connection, READER, key, name="red team", expires_at=datetime.now(UTC) + _LONGEST)
    return key


def dismiss(database: Database, key: str) -> None:
    """Revoke the key. The principal stays, since rules may name it; without a key it can do nothing."""
    with database.transaction() as connection:
        access.revoke_api_key(connection, key)


def main() -> None:
    settings = FirstRunSettings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    logging.configure(settings.log, process="passing-reader")
    database = Database(settings.database.url.get_secret_value(), pool_size=1)
    try:
        key = admit(database)
        try:
            print(json.dumps({"id": READER.id, "key": key}), flush=True)
            sys.stdin.read()
        finally:
            dismiss(database, key)
    finally:
        database.dispose()


if __name__ == "__main__":
    main()
