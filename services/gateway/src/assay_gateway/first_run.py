"""Make the first tenant, its administrator and the first API key: `python -m assay_gateway.first_run`.

Running it again changes nothing, unless the key file holds another key: then that one becomes valid too.
"""

import structlog
from assay_core.documents import TenantId
from assay_core.errors import Invalid
from assay_core.principals import Principal
from assay_runtime import log as logging
from assay_runtime.settings import read_secret
from assay_store import access
from assay_store.database import Database

from assay_gateway.settings import FirstRunSettings

log = structlog.get_logger()
TENANT = TenantId("default")
ADMINISTRATOR = Principal(TENANT, "admin", "Administrator", frozenset({"administrator"}))
_SHORTEST_KEY = len(access.API_KEY_PREFIX) + 43


def run(database: Database, key: str) -> None:
    """Write tenant, administrator, the rule that everyone may read, and the key's hash."""
    if len(key) < _SHORTEST_KEY or not key.startswith(access.API_KEY_PREFIX):
        raise Invalid(
            f"The first API key must be {access.API_KEY_PREFIX!r} and at least 43 random characters; "
            "delete its file to have a new one made.",
            code="weak_api_key",
        )
    with database.transaction() as connection:
        access.ensure_tenant(connection, TENANT, "Default")
        access.ensure_principal(connection, ADMINISTRATOR)
        access.acl_for(connection, TENANT)
        access.ensure_api_key(connection, ADMINISTRATOR, key, name="first key")
    log.info("first_run.done", tenant=TENANT, principal=ADMINISTRATOR.id)


def main() -> None:
    settings = FirstRunSettings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    logging.configure(settings.log, process="first-run")
    key = read_secret(settings.secrets.first_api_key_file, name="ASSAY_SECRETS__FIRST_API_KEY_FILE")
    database = Database(settings.database.url.get_secret_value(), pool_size=1)
    try:
        run(database, key)
    finally:
        database.dispose()


if __name__ == "__main__":
    main()
