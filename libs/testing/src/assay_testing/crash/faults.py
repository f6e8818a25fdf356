"""What happens to servers: killed, frozen, emptied. Each fault returns when the server answers again."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import redis

from assay_testing.crash.world import World

Fault = Callable[[World], None]


def killed(part: str) -> Fault:
    """kill -9; the supervisor starts it again."""

    def fault(world: World) -> None:
        world.servers.kill(part)
        world.servers.await_ready(part)

    return fault


def frozen(part: str, seconds: float) -> Fault:
    """There, and silent: the fault that no connection error tells of."""

    def fault(world: World) -> None:
        with world.servers.frozen(part):
            time.sleep(seconds)
        world.servers.await_ready(part)

    return fault


def broker_flushed(world: World) -> None:
    """Every message is gone."""
    redis.Redis.from_url(world.servers.env["ASSAY_BROKER__URL"]).flushall()


def broker_lost(world: World) -> None:
    """kill -9, and its files are gone as well."""
    with world.servers.frozen("broker"):
        for path in Path(world.servers.home("broker")).iterdir():
            if path.suffix in (".rdb", ".aof"):
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)
        world.servers.kill("broker")
    world.servers.await_ready("broker")


def short() -> dict[str, Fault]:
    """One of each, in seconds."""
    return {
        "broker flushed": broker_flushed,
        "broker lost": broker_lost,
        "broker frozen 5 s": frozen("broker", 5.0),
        "cache killed": killed("cache"),
        "PostgreSQL killed": killed("postgres"),
        "PostgreSQL frozen 3 s": frozen("postgres", 3.0),
        "Milvus frozen 12 s": frozen("milvus", 12.0),
        "Milvus killed": killed("milvus"),
    }


def long() -> dict[str, Fault]:
    """Many of each, for a night."""
    return {
        **{f"broker flushed, {n}": broker_flushed for n in range(10)},
        **{f"broker lost, {n}": broker_lost for n in range(10)},
        "broker frozen 120 s": frozen("broker", 120.0),
        **{f"PostgreSQL killed, {n}": killed("postgres") for n in range(50)},
        "PostgreSQL frozen 30 s": frozen("postgres", 30.0),
        "Milvus frozen 60 s": frozen("milvus", 60.0),
        **{f"Milvus killed, {n}": killed("milvus") for n in range(10)},
    }
