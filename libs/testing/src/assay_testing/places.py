"""Servers of other people's making, as places that a connector looks at (extra `places`)."""

import imaplib
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from assay_adapters.connectors.imap import ImapConnector
from assay_adapters.connectors.s3 import S3Connector
from assay_adapters.connectors.web import WebConnector
from assay_adapters.connectors.webdav import WebDavConnector
from assay_adapters.fetching.addresses import AddressPolicy
from assay_adapters.fetching.connections import Guard
from assay_adapters.fetching.fetcher import Fetcher, Limits
from assay_core.ports import Connector

LIMITS = Limits(max_bytes=1 << 20, timeout_s=30.0)


def guard() -> Guard:
    """A guard whose administrator allows this machine."""
    return Guard(AddressPolicy(["127.0.0.0/8"]))


def fetcher() -> Fetcher:
    return Fetcher(guard())


class S3Place:
    """A bucket of moto."""

    def __init__(self, port: int, client: Any) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.bucket = f"bucket-{uuid4().hex[:8]}"
        self.client = client
        client.create_bucket(Bucket=self.bucket)

    def connector(self) -> Connector:
        return S3Connector(
            endpoint=self.endpoint,
            bucket=self.bucket,
            access_key="testing",
            secret_key="testing",
            fetcher=fetcher(),
            limits=LIMITS,
        )

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=data)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)


@contextmanager
def s3_server() -> Generator[tuple[int, Any]]:
    """Moto's server and a client of it that is not ours."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = int(server.get_host_and_port()[1])
    client = cast(Any, boto3).client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    try:
        yield port, client
    finally:
        server.stop()


class WebDavPlace:
    """A folder that wsgidav serves."""

    username, password = "ada", "not a secret"

    def __init__(self, port: int, root: Path) -> None:
        self.url = f"http://127.0.0.1:{port}/docs"
        self._root = root / "docs"
        self._root.mkdir()

    def connector(self, **changes: str) -> Connector:
        given = {"url": self.url, "username": self.username, "password": self.password, **changes}
        return WebDavConnector(**given, fetcher=fetcher(), limits=LIMITS)

    def put(self, name: str, data: bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, name: str) -> None:
        (self._root / name).unlink()


@contextmanager
def webdav_server(root: Path) -> Generator[int]:
    from cheroot.wsgi import Server
    from wsgidav.wsgidav_app import WsgiDAVApp

    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(root)},
            "simple_dc": {"user_mapping": {"*": {WebDavPlace.username: {"password": WebDavPlace.password}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )
    server = Server(("127.0.0.1", 0), app)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield int(server.bind_addr[1])
    finally:
        server.stop()
        thread.join(10)


class ImapPlace:
    """A mailbox of pymap. A message that changes is another message, so names are kept here."""

    username, password = "demouser", "demopass"

    def __init__(self, port: int) -> None:
        self.port = port
        self.mailbox = f"Årkiv-{uuid4().hex[:8]}"
        self._uids: dict[str, str] = {}
        self.client = imaplib.IMAP4("127.0.0.1", port)
        self.client.login(self.username, self.password)
        coded = self.mailbox.replace("Å", "&AMU-")
        self.client.create(coded)
        self._coded = coded

    def connector(self, **changes: Any) -> Connector:
        given: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "mailbox": self.mailbox,
            "security": "none",
            "max_bytes": 1 << 20,
            **changes,
        }
        return ImapConnector(**given, guard=guard())

    def put(self, name: str, data: bytes) -> None:
        if name in self._uids:
            self.remove(name)
        _, answer = self.client.append(self._coded, "", "", data)
        found = re.search(rb"APPENDUID \d+ (\d+)", answer[0])
        assert found
        self._uids[name] = found[1].decode()

    def remove(self, name: str) -> None:
        self.client.select(self._coded)
        self.client.uid("STORE", self._uids.pop(name), "+FLAGS", "(\\Deleted)")
        self.client.expunge()
        self.client.close()


@contextmanager
def imap_server() -> Generator[int]:
    port = free_port()
    command = [str(Path(sys.executable).with_name("pymap")), "--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    command += ["--no-service", "managesieve", "--no-service", "admin", "dict"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(port)


class Site:
    """A web site with a sitemap, a feed and pages with etags. `asked` are the requests with their condition."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.pages: dict[str, bytes] = {}
        self.extra: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        self.robots = "User-agent: *\nAllow: /\n"

    def connector(self, *paths: str, **changes: Any) -> Connector:
        starts = [self.url + path for path in paths or ("/sitemap.xml",)]
        return WebConnector(urls=starts, fetcher=fetcher(), pause_s=0.0, **changes)

    def put(self, name: str, data: bytes) -> None:
        self.pages[f"/{name}"] = data

    def remove(self, name: str) -> None:
        del self.pages[f"/{name}"]

    def answer(self, path: str, condition: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append((path, condition))
        if path in self.extra:
            return self.extra[path]
        if path == "/robots.txt":
            return 200, {}, self.robots.encode()
        if path == "/sitemap.xml":
            return 200, {"Content-Type": "application/xml"}, self._sitemap()
        if path == "/feed.xml":
            return 200, {"Content-Type": "application/rss+xml"}, self._feed()
        if path not in self.pages:
            return 404, {}, b""
        etag = f'"{hash(self.pages[path]):x}"'
        if condition == etag:
            return 304, {"ETag": etag}, b""
        return 200, {"ETag": etag, "Last-Modified": formatdate(0, usegmt=True)}, self.pages[path]

    def _sitemap(self) -> bytes:
        entries = "".join(f"<url><loc>{self.url}{path}</loc></url>" for path in self.pages)
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()

    def _feed(self) -> bytes:
        entries = "".join(f"<item><title>x</title><link>{path}</link></item>" for path in self.pages)
        return f'<rss version="2.0"><channel><title>t</title>{entries}</channel></rss>'.encode()


@contextmanager
def web_server() -> Generator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = site.answer(self.path, self.headers.get("If-None-Match", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(server.server_address[1])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
