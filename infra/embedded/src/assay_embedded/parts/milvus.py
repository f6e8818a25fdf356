"""Milvus 2.3 standalone from a wheel: the dense index.

It listens on every interface whatever its configuration says, so it runs in a network namespace of its own
behind `forward`, where the kernel allows that. Its root password is set before the forwarder opens.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from assay_core.errors import Unavailable

from assay_embedded import forward
from assay_embedded.errors import CannotRun, NotReady
from assay_embedded.loopback import http_request
from assay_embedded.part import Context, Part
from assay_embedded.process import Command

# The ports inside, which collide with nothing there. Without a namespace each of them gets a free one.
INNER_PORTS: dict[str, int] = {
    "proxy_port": 19530,
    "proxy_internal_port": 19529,
    "metrics": 9091,
    "etcd_port": 2379,
    "etcd_peer": 2380,
    "root_coord_port": 53100,
    "query_coord_port": 19531,
    "query_node_port": 21123,
    "index_coord_port": 22930,
    "index_node_port": 21121,
    "data_coord_port": 13333,
    "data_node_port": 21124,
}
# Dotted names of milvus.yaml. What was deleted has to leave the files within 15 minutes, hence the short times.
SETTINGS: dict[str, object] = {
    # The log holds each row that was written. It may only forget what lies in binlogs, which a row does after
    # `syncPeriod` seconds: a crash loses what neither has. A page is forgotten as a whole and only when it is full, of
    # at least the time ticks, 85 bytes a second; RocksDB then still has the bytes, until it is compacted.
    "dataNode.segment.syncPeriod": 120,
    "rocksmq.retentionTimeInMinutes": 6,
    "rocksmq.retentionSizeInMB": 1024,
    "rocksmq.rocksmqPageSize": 2048,
    "rocksmq.compactionInterval": 60,
    # Segments that were compacted into others go at the next round. Files that no segment names may be about to get
    # one, from a flush or a compaction, which Milvus gives up after 180 s.
    "dataCoord.gc.interval": 60,
    "dataCoord.gc.missingTolerance": 600,
    "dataCoord.gc.dropTolerance": 300,
    "common.gracefulStopTimeout": 2,
    # A restarted server waits for the sessions of the one before to run out, however that ended: with Milvus'
    # own 30 s it could be searched after 37 s, with 10 s after 20 s (2,000 rows, 2 busy cores, 2026-11).
    "common.session.ttl": 10,
    # New rows are searched by an IVF index of 128 lists until their segment is sealed; Milvus' own 16 of them find
    # so little that nDCG@10 on 11,442 new passages fell from .435 (exact) to .423.
    "queryNode.segcore.interimIndex.nprobe": 64,
    "log.level": "warn",
}
# What its milvus.yaml has no place for, so that it goes by the environment.
UNLISTED_SETTINGS: dict[str, object] = {
    # How often RocksMQ looks for pages to forget, in seconds.
    "rocksmq.timtickerInterval": 30,
}
_PROBE_S = 180.0
_TIDYING_S = 40.0


@dataclass(frozen=True)
class _Places:
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "configs" / "milvus.yaml"

    @property
    def etcd_config(self) -> Path:
        return self.folder / "configs" / "etcd.yaml"

    @property
    def registry(self) -> Path:
        return self.folder / "data" / "etcd.data"

    @property
    def binary(self) -> Path:
        return self.folder / "bin" / "milvus"

    @property
    def scratch(self) -> Path:
        return self.folder / "run"

    @property
    def secured(self) -> Path:
        """Exists once the default password is gone; the forwarder opens when it does."""
        return self.folder / "secured"


class Milvus(Part):
    check_every_s = 10.0
    # After a hard kill the first tries may find RocksDB still locked.
    first_backoff_s = 1.0
    backoff_limit_s = 5.0

    def __init__(
        self,
        *,
        port: int,
        inner_ports: Mapping[str, int] | None,
        folder: Path,
        token_file: Path,
        env: Mapping[str, str],
    ) -> None:
        """`inner_ports` None = closed in, with the usual ports inside a namespace."""
        super().__init__("milvus", port)
        self._closed_in = inner_ports is None
        self._ports = INNER_PORTS if inner_ports is None else {**inner_ports, "proxy_port": port}
        self._places = _Places(folder)
        self._token_file = token_file
        self._env = env

    def version(self) -> str:
        try:
            return version("milvus")
        except PackageNotFoundError:
            return ""

    def prepare(self, ctx: Context) -> None:
        self._require_wheel()
        places = self._places
        places.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (places.folder / "bin" / ".unpacked").exists():
            ctx.report("preparing", "unpacking the server (250 MB)")
            code = "import sys, milvus; milvus._initialize_data_files(sys.argv[1])"
            ctx.run_helper(
                Command([sys.executable, "-c", code, str(places.folder)], self._env, places.folder), timeout_s=300
            )
            (places.folder / "bin" / ".unpacked").touch()
        self._write_config()
        if (places.registry / "member").exists():
            self._tidy_registry(ctx)

    def _tidy_registry(self, ctx: Context) -> None:
        ctx.report("preparing", "tidying its registry")
        ports = ["--port", str(self._ports["etcd_port"]), "--peer-port", str(self._ports["etcd_peer"])]
        closed_in = ["--closed-in"] if self._closed_in else []
        argv = [sys.executable, "-m", "assay_embedded.milvus_registry", str(self._places.registry), *ports, *closed_in]
        try:
            ctx.run_helper(Command(argv, self._env, self._places.folder), timeout_s=_TIDYING_S)
        except Unavailable as error:
            # It searches all the same; but its log keeps what was deleted, which `assay erasure verify` will show.
            ctx.report("preparing", f"its registry could not be tidied: {error.message}")

    @staticmethod
    def _require_wheel() -> None:
        if find_spec("milvus") is None:
            raise CannotRun(
                "No Milvus server wheel for this machine (there are wheels for x86-64 Linux and older Macs). Run "
                "Assay with `docker compose up`, or use the in-process milvus-lite where only tests are needed."
            )

    def _write_config(self) -> None:
        places = self._places
        shutil.rmtree(places.scratch, ignore_errors=True)
        for folder in (places.config.parent, places.folder / "data", places.scratch):
            folder.mkdir(exist_ok=True)
        rendered = render(
            self._template,
            {name: str(port) for name, port in self._ports.items()}
            | {
                "etcd_data_dir": str(places.registry),
                "local_storage_dir": str(places.folder / "data"),
                "rocksmq_data_dir": str(places.folder / "data/rocksmq"),
                "system_log_path": '""',
                "etcd_log_level": "warn",
                "etcd_log_path": "stdout",
                "authorization_enabled": "true",
            },
        )
        places.config.write_text(override(rendered, SETTINGS))
        places.config.with_name("glog.conf").write_text("--logtostderr=true\n--minloglevel=2\n")
        client = f"http://127.0.0.1:{self._ports['etcd_port']}"
        peer = f"http://127.0.0.1:{self._ports['etcd_peer']}"
        places.etcd_config.write_text(
            f"name: default\nlisten-client-urls: {client}\nadvertise-client-urls: {client}\n"
            f"listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
            "auto-compaction-mode: periodic\nauto-compaction-retention: 1h\nlog-level: warn\n"
        )

    @cached_property
    def _template(self) -> str:
        spec = find_spec("milvus")
        assert spec is not None
        assert spec.origin is not None
        return (Path(spec.origin).parent / "data" / "config.yaml.template").read_text()

    def command(self) -> Command:
        places = self._places
        server = [str(places.binary), "run", "standalone"]
        if self._closed_in:
            assert self.port is not None
            server = forward.forwarding(
                listen_port=self.port,
                inner_port=INNER_PORTS["proxy_port"],
                gate=places.secured,
                scratch=places.scratch,
                argv=server,
            )
        return Command(
            argv=server,
            env={
                **self._env,
                **{name.replace(".", "_").upper(): str(value) for name, value in UNLISTED_SETTINGS.items()},
                "DEPLOY_MODE": "STANDALONE",
                "METRICS_PORT": str(self._ports["metrics"]),
                "LD_LIBRARY_PATH": str(places.folder / "bin"),
                "ETCD_CONFIG_PATH": str(places.etcd_config),
            },
            cwd=places.folder,
            stop_timeout_s=8.0,
        )

    def await_ready(self, ctx: Context) -> None:
        """Until every collection that it held can be counted with strong consistency: health comes much earlier."""
        ctx.report("starting", "until its collections can be read")
        ctx.run_helper(
            Command(
                argv=[
                    sys.executable,
                    "-m",
                    "assay_embedded.milvus_probe",
                    json.dumps(
                        {
                            "uri": f"http://127.0.0.1:{self._ports['proxy_port']}",
                            "token_file": str(self._token_file),
                            "secured": str(self._places.secured),
                        }
                    ),
                ],
                env=self._env,
                cwd=self._places.folder,
                join_pid=ctx.pid if self._closed_in else None,
            ),
            timeout_s=_PROBE_S,
        )
        super().await_ready(ctx)

    def check(self) -> None:
        token = self._token_file.read_text().strip()
        answer = http_request(self.port, "/v1/vector/collections", headers={"Authorization": f"Bearer {token}"})
        # Milvus answers 200 to everything; its own code is in the body.
        if b'"code":200' not in answer.body:
            raise NotReady(f"cannot list its collections: {answer.body[:200].decode(errors='replace')}")


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill `{{ name(type): default }}` the way the wheel does it."""
    lines: list[str] = []
    for line in template.splitlines():
        head, opened, rest = line.partition("{{")
        inside, closed, tail = rest.partition("}}")
        if opened and closed:
            key, _, default = inside.partition(":")
            line = head + values.get(key.partition("(")[0].strip(), default.strip()) + tail
        lines.append(line)
    return "\n".join(lines) + "\n"


def override(config: str, settings: Mapping[str, object]) -> str:
    """Replace values by dotted name in a YAML file of two-space mappings. Unknown names are an error."""
    path: list[str] = []
    left = dict(settings)
    lines: list[str] = []
    for line in config.splitlines():
        text = line.split("#")[0]
        key, colon, _ = text.partition(":")
        if colon and key.strip():
            depth = (len(key) - len(key.lstrip())) // 2
            path[depth:] = [key.strip()]
            name = ".".join(path)
            if name in left:
                line = f"{key}: {left.pop(name)}"
        lines.append(line)
    if left:
        raise KeyError(f"milvus.yaml has no {', '.join(left)}")
    return "\n".join(lines) + "\n"
