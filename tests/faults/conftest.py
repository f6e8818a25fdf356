"""A whole platform in small for the tests that kill parts of it."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from assay_embedded.testing import Platform
from assay_testing.crash.servers import Servers
from assay_testing.crash.world import World, Worlds, world


@pytest.fixture(scope="module")
def module_world(
    servers: Platform,
    milvus_server: Platform,
    new_database_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[World]:
    """One platform for all tests of a module; each leaves it at rest."""
    folder = tmp_path_factory.mktemp("world")
    with world(Servers([servers, milvus_server]), new_database_url(), folder) as platform:
        yield platform


@pytest.fixture
def a_world(servers: Platform, milvus_server: Platform, database_url: str, tmp_path: Path) -> Worlds:
    """Makes the platform of one test: `with a_world(delay_s=0.1) as world`."""

    def make(*, seed: int = 1, delay_s: float = 0.02, readers: int = 2) -> AbstractContextManager[World]:
        platforms = Servers([servers, milvus_server])
        return world(platforms, database_url, tmp_path, seed=seed, delay_s=delay_s, readers=readers)

    return make
