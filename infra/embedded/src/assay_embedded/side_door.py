"""Processes beside a running platform, for a red team: `python -m assay_embedded.side_door reader|serve`.

`reader` admits somebody who may not read everything. `serve` starts a gateway and a generation service of its own on
loopback, which share stores, search and secrets with the platform, and may have another chat model, or one collection
without defences (docs/decisions/0022). The platform itself is left as it is. Prints one line of JSON when it is ready;
all that it started ends when its standard input does, or with it.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from assay_core.errors import AssayError, Unavailable

from assay_embedded import launch
from assay_embedded.environment import environment_of, running
from assay_embedded.errors import NotReady
from assay_embedded.launch import Place
from assay_embedded.loopback import http_request
from assay_embedded.wiring import Wiring

_LOOPBACK = "127.0.0.1"
_READY_S = 180.0
_END_S = 15.0


def main() -> None:
    """Do what the arguments say, until standard input ends."""
    signal.signal(signal.SIGTERM, _end)
    options = _options()
    try:
        wiring = running(options.home)
        with reader(wiring) if options.what == "reader" else serving(wiring, _changes(options)) as opened:
            print(json.dumps(opened), flush=True)
            sys.stdin.read()
    except AssayError as error:
        print(json.dumps({"error": error.message}), flush=True)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever asked was killed meanwhile. The interpreter would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@contextmanager
def reader(wiring: Wiring) -> Generator[Mapping[str, str]]:
    """A principal without rights: its `id` and a `key`, which is revoked at the end."""
    with _process(wiring, "gateway", "assay_gateway.passing_reader", {}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Unavailable(f"No reader could be admitted; {_log(wiring)!r} says why.", code="no_reader")
        yield json.loads(line)


@contextmanager
def serving(wiring: Wiring, changes: Mapping[str, str]) -> Generator[Mapping[str, str]]:
    """A gateway (`url`) before a generation service whose settings have these changes."""
    generation, gateway = _free_ports(2)
    told = {**changes, "ASSAY_HTTP__HOST": _LOOPBACK}
    before = {"ASSAY_HTTP__HOST": _LOOPBACK, "ASSAY_PEERS__GENERATION_URL": f"http://{_LOOPBACK}:{generation}"}
    with ExitStack() as stack:
        for service, port, more in (("generation", generation, told), ("gateway", gateway, before)):
            module = f"assay_{service}.main"
            process = stack.enter_context(_process(wiring, service, module, {**more, "ASSAY_HTTP__PORT": str(port)}))
            _await_ready(process, port, service, _log(wiring))
        yield {"url": f"http://{_LOOPBACK}:{gateway}"}


@contextmanager
def _process(wiring: Wiring, service: str, module: str, more: Mapping[str, str]) -> Generator[subprocess.Popen[str]]:
    place = Place(parent_pid=os.getpid(), death_signal=signal.SIGTERM)
    environment = {**environment_of(wiring, service), **more}
    with Path(_log(wiring)).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            launch.launching(place, [sys.executable, "-P", "-m", module]),
            env={key: value for key, value in environment.items() if value},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if module.endswith("reader") else log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if not module.endswith("reader"):
            process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(process: subprocess.Popen[str], port: int, service: str, log: str) -> None:
    until = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < until:
        with suppress(NotReady):
            if http_request(port, "/readyz").status == 200:
                return
        time.sleep(0.2)
    raise Unavailable(
        f"The {service} service beside the platform did not start; {log!r} says why.", code="no_side_door"
    )


def _changes(options: argparse.Namespace) -> dict[str, str]:
    changes: dict[str, str] = {}
    if options.chat_url:
        changes |= {"ASSAY_CHAT__BASE_URL": options.chat_url, "ASSAY_CHAT__MODEL": options.chat_model}
        changes |= {"ASSAY_CHAT__API_KEY_FILE": ""}
    if options.prompt:
        changes |= {"ASSAY_ANSWERS__PROMPT": options.prompt}
    if options.undefended:
        changes |= {"ASSAY_ANSWERS__UNDEFENDED_COLLECTION": options.undefended}
    return changes


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="side_door", description=__doc__)
    parser.add_argument("what", choices=["reader", "serve"])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--chat-url", default="", help="another chat model, as an OpenAI-compatible URL with /v1")
    parser.add_argument("--chat-model", default="", help="its name")
    parser.add_argument("--prompt", default="", help="another prompt, such as cite.v1")
    parser.add_argument("--undefended", default="", help="id of the one collection that is answered without defences")
    return parser.parse_args()


def _log(wiring: Wiring) -> str:
    return str(wiring.home.log("side-door"))


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((_LOOPBACK, 0))) for _ in range(number)]
        return [probe.getsockname()[1] for probe in probes]


def _end(*_: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
