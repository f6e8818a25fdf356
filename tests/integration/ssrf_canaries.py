"""Runs in a network namespace of its own, in which every address is this machine: see test_fetching_nowhere.py.

Listeners take whatever connects, and note which address it was for. Prints what was found as JSON.
"""

import json
import socket
import subprocess
import threading
import time
from ipaddress import ip_address

from assay_adapters.fetching.addresses import Address, AddressPolicy
from assay_adapters.fetching.connections import Guard
from assay_adapters.fetching.fetcher import Fetcher, Limits
from assay_core.errors import AssayError
from assay_testing.hostile_urls import HOSTILE_NAMES, hostile_urls

PUBLIC = "93.184.216.34"
PORTS = (80, 81, 443, 6379, 8080, 8443, 11211)
REACHED: list[str] = []
ANSWERS: dict[str, bytes | str] = {
    "/plain": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "/endless": "body",
    "/drip": "drip",
    "/headers": "headers",
    "/continue": "continue",
    "/declared": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
    "/garbage": b"\0\1\2 this is not HTTP\r\n\r\n",
    "/mute": "mute",
}


class Names:
    """A name server that gives a public address once, and this machine's afterwards."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}

    def __call__(self, host: str, port: int) -> list[Address]:
        del port
        count = self.asked[host] = self.asked.get(host, 0) + 1
        if host == "turns.test":
            return [ip_address(PUBLIC if count == 1 else "127.0.0.1")]
        if host == "public.test":
            return [ip_address(PUBLIC)]
        if host.startswith(("localhost", "ip6-localhost")):
            return [ip_address("127.0.0.1")]
        if host in HOSTILE_NAMES:
            return [ip_address(address) for address in HOSTILE_NAMES[host]]
        raise socket.gaierror(host)


def serve(family: socket.AddressFamily, port: int) -> None:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("" if family == socket.AF_INET else "::", port))
    listener.listen(64)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            REACHED.append(connection.getsockname()[0])
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def answer(connection: socket.socket) -> None:
    try:
        path = connection.recv(65536).decode("latin-1").split(" ")[1]
        if path.startswith("/to?"):
            target = path[4:].encode("latin-1")
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n\r\n")
        else:
            behave(connection, ANSWERS.get(path, b"HTTP/1.1 404 Not found\r\nContent-Length: 0\r\n\r\n"))
    except (OSError, IndexError):
        pass
    finally:
        connection.close()


def behave(connection: socket.socket, how: bytes | str) -> None:
    if isinstance(how, bytes):
        connection.sendall(how)
        return
    if how in ("body", "drip"):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    if how == "headers":
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        match how:
            case "body":
                connection.sendall(b"x" * 65536)
            case "drip":
                connection.sendall(b"x")
                time.sleep(0.05)
            case "headers":
                connection.sendall(b"X")
                time.sleep(0.05)
            case "continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.02)
            case _:
                time.sleep(0.05)


def outcome(fetcher: Fetcher, url: str) -> str:
    try:
        with fetcher.open(url) as found:
            return f"{found.status} {len(found.read())}"
    except AssayError as error:
        return error.code


def main() -> None:
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
    ):
        subprocess.run(command.split(), check=True)
    for port in PORTS:
        serve(socket.AF_INET, port)
        serve(socket.AF_INET6, port)
    names = Names()
    fetcher = Fetcher(Guard(AddressPolicy(), resolve=names), limits=Limits(max_bytes=1 << 20, timeout_s=1.0))
    report: dict[str, object] = {"control": outcome(fetcher, f"http://{PUBLIC}/plain"), "seen": list(REACHED)}
    # The listeners do hear what is for this machine.
    with socket.create_connection(("127.0.0.1", 80), timeout=2), socket.create_connection(("10.0.0.1", 80), timeout=2):
        time.sleep(0.2)
    report["heard"] = REACHED[1:]
    REACHED.clear()
    hostile = [url for url in hostile_urls() if "example.com" not in url]
    report["hostile"] = {url: outcome(fetcher, url) for url in hostile}
    report["reached"] = list(REACHED)
    REACHED.clear()
    redirects = [url for url in hostile if url.isascii() and url.isprintable() and " " not in url]
    report["redirects"] = {url: outcome(fetcher, f"http://public.test/to?{url}") for url in redirects}
    report["reached by redirect"] = [address for address in REACHED if address != PUBLIC]
    report["rebound"] = [outcome(fetcher, "http://turns.test/plain"), outcome(fetcher, "http://turns.test/plain")]
    report["chains"] = {
        n: outcome(fetcher, "http://public.test/to?" * n + "http://public.test/plain") for n in (1, 3, 4)
    }
    started = time.monotonic()
    report["bodies"] = {path: outcome(fetcher, f"http://public.test{path}") for path in ANSWERS}
    report["bodies_s"] = time.monotonic() - started
    report["reached at last"] = [address for address in REACHED if address != PUBLIC]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
