"""PostgreSQL and the Redis-compatible servers as the supervisor runs them."""

import os
import shutil
import signal
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
import redis
from assay_core.errors import AssayError
from assay_embedded import control, proctable
from assay_embedded.errors import HomeInUse
from assay_embedded.home import Home
from assay_embedded.testing import Platform, running

pytestmark = pytest.mark.integration

_PARTS = {"postgres", "broker", "cache"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    with running(tmp_path_factory.mktemp("embedded"), parts=_PARTS) as started:
        yield started


def _database_url(platform: Platform) -> str:
    return platform.env["ASSAY_DATABASE__URL"].replace("+psycopg", "")


def _home(platform: Platform) -> Home:
    return platform.supervisor.home


def _kill_and_await(platform: Platform, part: str) -> None:
    before = platform.pid(part)
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = next(s for s in platform.supervisor.statuses() if s.name == part)
        if status.state == "ready" and status.pid not in (None, before):
            return
        time.sleep(0.05)
    pytest.fail(f"{part} did not come back")


def test_what_was_committed_survives_a_kill_of_postgres(platform: Platform) -> None:
    with psycopg.connect(_database_url(platform), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    _kill_and_await(platform, "postgres")
    with psycopg.connect(_database_url(platform)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_the_broker_keeps_its_queue_over_a_kill(platform: Platform) -> None:
    with redis.Redis.from_url(platform.env["ASSAY_BROKER__URL"]) as client:
        client.rpush("queue", *range(100))
    time.sleep(1.2)  # appendfsync everysec
    _kill_and_await(platform, "broker")
    with redis.Redis.from_url(platform.env["ASSAY_BROKER__URL"]) as client:
        assert client.llen("queue") == 100


def test_a_killed_cache_comes_back_with_its_query_engine(platform: Platform) -> None:
    _kill_and_await(platform, "cache")
    with redis.Redis.from_url(platform.env["ASSAY_CACHE__URL"]) as client:
        client.execute_command("FT.CREATE", "idx", "ON", "HASH", "SCHEMA", "tenant", "TAG")
        assert client.execute_command("FT._LIST") == [b"idx"]


def test_the_broker_never_evicts_and_the_cache_is_bounded(platform: Platform) -> None:
    with (
        redis.Redis.from_url(platform.env["ASSAY_BROKER__URL"]) as broker,
        redis.Redis.from_url(platform.env["ASSAY_CACHE__URL"]) as cache,
    ):
        assert broker.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert broker.config_get("appendfsync")["appendfsync"] == "everysec"
        assert cache.config_get("maxmemory")["maxmemory"] == str(256 * 2**20)
        assert cache.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"


@pytest.mark.parametrize("part", ["broker", "cache"])
def test_redis_refuses_a_stranger(platform: Platform, part: str) -> None:
    with redis.Redis(port=platform.ports[part]) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


@pytest.mark.parametrize("user", ["assay", "postgres"])
def test_postgres_refuses_a_stranger(platform: Platform, user: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password|authentication"):
        psycopg.connect(host="127.0.0.1", port=platform.ports["postgres"], user=user, password="", dbname="assay")


def test_the_application_is_no_superuser(platform: Platform) -> None:
    with psycopg.connect(_database_url(platform)) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")


def test_nothing_listens_beyond_loopback(platform: Platform) -> None:
    ours = {f"{port:04X}" for port in platform.ports.values()}
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].rpartition(":")[2] in ours
    ]
    assert len(listening) == len(ours)
    assert all(address.startswith("0100007F:") for address in listening)


def test_no_secret_is_in_a_process_list(platform: Platform) -> None:
    secrets = [path.read_text().strip() for path in _home(platform).secrets.iterdir()]
    for pid in proctable.marked(_home(platform).mark()):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        assert not any(secret in words for secret in secrets)


def test_a_second_owner_is_refused_within_a_second(platform: Platform) -> None:
    started = time.monotonic()
    with pytest.raises(HomeInUse, match=str(os.getpid())), running(_home(platform).path, parts={"cache"}):
        pass
    assert time.monotonic() - started < 1


def test_status_is_answered_with_memory_and_versions(platform: Platform) -> None:
    report = control.status(_home(platform))
    postgres = next(part for part in report.parts if part.name == "postgres")
    assert postgres.version.startswith("18.")
    assert 5 * 2**20 < report.memory_bytes["postgres"] < 500 * 2**20


def test_a_replaced_watchdog_still_knows_the_parts(platform: Platform) -> None:
    watchdog = platform.supervisor.watchdog
    os.kill(watchdog.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    before = watchdog.pid
    while watchdog.pid == before and time.monotonic() < deadline:
        watchdog.revive()
        time.sleep(0.05)
    assert watchdog.pid != before
    assert proctable.read(platform.pid("cache")) is not None


def test_a_restart_keeps_ports_secrets_and_data(tmp_path: Path) -> None:
    with running(tmp_path, parts={"broker"}) as first:
        before = (first.env, first.ports)
        with redis.Redis.from_url(first.env["ASSAY_BROKER__URL"]) as client:
            client.set("kept", "yes")
    with running(tmp_path, parts={"broker"}) as second:
        assert (second.env, second.ports) == before
        with redis.Redis.from_url(second.env["ASSAY_BROKER__URL"]) as client:
            assert client.get("kept") == b"yes"


def test_leaving_the_block_leaves_no_process(tmp_path: Path) -> None:
    with running(tmp_path, parts=_PARTS):
        assert len(proctable.marked(str(tmp_path))) >= 3
    assert not proctable.marked(str(tmp_path))


def test_a_folder_deeper_than_a_socket_name_allows_works(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("deeper" * 20)
    with running(deep, parts={"cache"}):
        assert control.status(Home(deep)).parts[0].state == "ready"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_root_without_namespaces_runs_postgres_as_another_account(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("other")
    # pytest's own folders are closed to other accounts, which is exactly what the message must explain.
    with (
        pytest.raises(AssayError, match="--home"),
        running(home, parts={"postgres"}, environ={"ASSAY_EMBEDDED__NAMESPACES": "false"}),
    ):
        pass
    open_home = Path("/tmp") / f"assay-test-{os.getpid()}"
    open_home.mkdir(mode=0o755)
    try:
        with running(open_home, parts={"postgres"}, environ={"ASSAY_EMBEDDED__NAMESPACES": "false"}) as started:
            assert Path(f"/proc/{started.pid('postgres')}").stat().st_uid != 0
            with psycopg.connect(_database_url(started)) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        shutil.rmtree(open_home)
