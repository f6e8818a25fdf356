"""Which parts there are, and the environment that tells each process where the others are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from assay_embedded import namespaces
from assay_embedded.home import Home
from assay_embedded.part import Part
from assay_embedded.parts import assay, milvus, vllm
from assay_embedded.parts.milvus import Milvus
from assay_embedded.parts.postgres import Postgres
from assay_embedded.parts.valkey import BROKER, CACHE, Valkey
from assay_embedded.parts.vllm import Vllm
from assay_embedded.roster import ALL, ONE_SHOTS, SERVICES
from assay_embedded.secrets import Secrets
from assay_embedded.settings import Settings
from assay_embedded.vllm_env import VllmEnvironment

_LOOPBACK = "127.0.0.1"
# Settings of the supervisor itself, which the services would refuse as unknown.
_OURS = ("ASSAY_VLLM__", "ASSAY_EMBEDDED__")


def port_names(parts: frozenset[str], *, milvus_closed_in: bool) -> list[str]:
    """Everything that needs a port of the host."""
    names = [name for name in ALL if name in parts and name not in ONE_SHOTS]
    if "milvus" in parts and not milvus_closed_in:
        names += [f"milvus.{name}" for name in milvus.INNER_PORTS if name != "proxy_port"]
    return names


@dataclass(frozen=True)
class Wiring:
    settings: Settings
    home: Home
    secrets: Secrets
    ports: Mapping[str, int]
    milvus_closed_in: bool

    def parts(self, names: frozenset[str]) -> list[Part]:
        makers = {
            "postgres": self._postgres,
            "broker": lambda: self._valkey("broker", BROKER, query_engine=False),
            "cache": lambda: self._valkey("cache", CACHE, query_engine=True),
            "milvus": self._milvus,
            "vllm": self._vllm,
        }
        return [makers[name]() if name in makers else self._own(name) for name in ALL if name in names]

    @property
    def url(self) -> str | None:
        """Where a person finds the platform."""
        if "gateway" not in self.ports:
            return None
        host = _LOOPBACK if self.settings.host in ("0.0.0.0", "::") else self.settings.host
        return f"http://{host}:{self.ports['gateway']}"

    @cached_property
    def connections(self) -> dict[str, str]:
        """How to reach the parts that have a port, as Assay's settings."""
        ports, home = self.ports, self.home
        found = {
            "ASSAY_LEXICAL__PATH": str(home.path / "bm25"),
            "ASSAY_BLOBS__PATH": str(home.path / "blobs"),
            "ASSAY_MODELS__PATH": str(home.models),
            "ASSAY_SECRETS__MASTER_KEY_FILE": str(self.secrets.master_key),
            "ASSAY_SECRETS__TOKEN_PUBLIC_KEY_FILE": str(self.secrets.token_public_key),
            "ASSAY_RAGAS__ENV_PATH": str(home.environments / "ragas"),
        }
        if "postgres" in ports:
            password = quote(self.secrets.read("postgres_password"))
            found["ASSAY_DATABASE__URL"] = (
                f"postgresql+psycopg://assay:{password}@{_LOOPBACK}:{ports['postgres']}/assay"
            )
        for name in ("broker", "cache"):
            if name in ports:
                password = quote(self.secrets.read(f"{name}_password"))
                found[f"ASSAY_{name.upper()}__URL"] = f"redis://:{password}@{_LOOPBACK}:{ports[name]}/0"
        if "milvus" in ports:
            found["ASSAY_MILVUS__URI"] = f"http://{_LOOPBACK}:{ports['milvus']}"
            found["ASSAY_MILVUS__TOKEN_FILE"] = str(self.secrets.milvus_token)
        for name in ("retrieval", "generation", "evaluation"):
            if name in ports:
                found[f"ASSAY_PEERS__{name.upper()}_URL"] = f"http://{_LOOPBACK}:{ports[name]}"
        if "vllm" in ports:
            found["ASSAY_CHAT__BASE_URL"] = f"http://{_LOOPBACK}:{ports['vllm']}/v1"
            found["ASSAY_CHAT__MODEL"] = vllm.served_name(self.settings.vllm)
            found["ASSAY_CHAT__API_KEY_FILE"] = str(self.secrets.vllm_api_key)
        return found

    def service_environment(self, name: str) -> dict[str, str]:
        """The whole environment of one of Assay's processes."""
        mine = {key: value for key, value in self.settings.user_environment.items() if not key.startswith(_OURS)}
        return {
            **self.settings.base_environment,
            **self.settings.model_environment,
            "OMP_NUM_THREADS": str(os.cpu_count() or 1),
            "TOKENIZERS_PARALLELISM": "false",
            "MALLOC_ARENA_MAX": "2",
            "PYTHONUNBUFFERED": "1",
            **mine,
            **self.connections,
            "ASSAY_HOME": str(self.home.path),
            **self._private(name),
        }

    def _private(self, name: str) -> dict[str, str]:
        """What only this process is told."""
        found: dict[str, str] = {}
        if name in self.ports:
            found["ASSAY_HTTP__HOST"] = self.settings.host if name == "gateway" else _LOOPBACK
            found["ASSAY_HTTP__PORT"] = str(self.ports[name])
        match name:
            case "gateway" | "evaluation-worker":
                found["ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE"] = str(self.secrets.token_private_key)
            case "first-run":
                found["ASSAY_SECRETS__FIRST_API_KEY_FILE"] = str(self.secrets.api_key)
            case _:
                pass
        return found

    @cached_property
    def _server_environment(self) -> dict[str, str]:
        return {**self.settings.base_environment, "ASSAY_HOME": str(self.home.path)}

    def _postgres(self) -> Part:
        return Postgres(
            port=self.ports["postgres"],
            folder=self.home.path / "postgres",
            password=self.secrets.read("postgres_password"),
            owner_password_file=self.secrets.postgres_owner_password,
            hide_root=self.settings.namespaces and namespaces.allowed("hide_root"),
            env=self._server_environment,
        )

    def _valkey(self, name: str, settings: Mapping[str, str], *, query_engine: bool) -> Part:
        return Valkey(
            name,
            port=self.ports[name],
            folder=self.home.path / name,
            password=self.secrets.read(f"{name}_password"),
            settings=settings,
            query_engine=query_engine,
            env=self._server_environment,
        )

    def _milvus(self) -> Part:
        inner = {name: self.ports.get(f"milvus.{name}", 0) for name in milvus.INNER_PORTS}
        return Milvus(
            port=self.ports["milvus"],
            inner_ports=None if self.milvus_closed_in else inner,
            folder=self.home.path / "milvus",
            token_file=self.secrets.milvus_token,
            env=self._server_environment,
        )

    def _vllm(self) -> Part:
        return Vllm(
            port=self.ports["vllm"],
            settings=self.settings.vllm,
            environment=self.vllm_environment,
            models=self.home.models,
            folder=self.home.run / "vllm",
            api_key=self.secrets.read("vllm_api_key"),
            env={**self._server_environment, **self.settings.model_environment},
            installer_env=self.settings.installer_environment,
        )

    @property
    def vllm_environment(self) -> VllmEnvironment:
        return vllm_environment(self.settings, self.home)

    def _own(self, name: str) -> Part:
        env = self.service_environment(name)
        folder = self.home.run / name
        if name in ONE_SHOTS:
            return assay.OneShot(ONE_SHOTS[name], folder=folder, env=env)
        host = env["ASSAY_HTTP__HOST"]
        return assay.OwnProcess(SERVICES[name], host=host, port=self.ports[name], folder=folder, env=env)


def vllm_environment(settings: Settings, home: Home) -> VllmEnvironment:
    given = settings.vllm.env_path
    return VllmEnvironment(path=given or home.environments / "vllm", given=given is not None)
