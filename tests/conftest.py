"""Real servers for the tests that need them: started once a session, on folders and ports of their own."""

import gc
from collections.abc import Callable, Generator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from assay_embedded.testing import Platform, running
from assay_store.database import Database
from assay_store.migrate import upgrade
from sqlalchemy import create_engine, text


def pytest_collection_finish() -> None:
    """Take what thousands of tests import out of each garbage collection, which saves a tenth of the processor time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    """PostgreSQL, broker and cache."""
    with running(tmp_path_factory.mktemp("servers"), parts={"postgres", "broker", "cache"}) as platform:
        yield platform


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    """Milvus alone: it takes longest to start."""
    with running(tmp_path_factory.mktemp("milvus"), parts={"milvus"}) as platform:
        yield platform


@pytest.fixture(scope="session")
def models_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where models are kept in the form in which they run, which takes half a minute to make from what is packaged."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def template_database(servers: Platform) -> str:
    """The URL of a migrated, empty database; copy it, do not use it."""
    url = servers.env["ASSAY_DATABASE__URL"]
    _as_superuser(servers, "ALTER ROLE assay CREATEDB")
    _create_database(url, "assay_template")
    template = url.rsplit("/", 1)[0] + "/assay_template"
    upgrade(template)
    # As the supervisor grants it in the database that it makes.
    _as_superuser(servers, "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO assay", "assay_template")
    return template


@pytest.fixture(scope="session")
def new_database_url(servers: Platform, template_database: str) -> Callable[[], str]:
    """Makes a fresh database with the schema, and returns its URL."""

    def make() -> str:
        name = f"test_{uuid4().hex[:12]}"
        _create_database(servers.env["ASSAY_DATABASE__URL"], f"{name} TEMPLATE assay_template")
        return template_database.rsplit("/", 1)[0] + f"/{name}"

    return make


@pytest.fixture
def database_url(new_database_url: Callable[[], str]) -> str:
    """The URL of a fresh database with the schema, for one test."""
    return new_database_url()


@pytest.fixture
def database(database_url: str) -> Generator[Database]:
    """A `Database` on a fresh schema."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


def _create_database(url: str, what: str) -> None:
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {what}"))
    admin.dispose()


def _as_superuser(servers: Platform, statement: str, database: str = "postgres") -> None:
    password = servers.supervisor.wiring.secrets.postgres_owner_password.read_text().strip()
    with psycopg.connect(
        host="127.0.0.1", port=servers.ports["postgres"], user="postgres", password=password, dbname=database
    ) as connection:
        connection.execute(statement.encode())
