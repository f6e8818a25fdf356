"""What a user points at is fetched by one function: nobody else holds a library that could."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARIES = {
    "aiohttp",
    "ftplib",
    "http.client",
    "httpx",
    "imaplib",
    "poplib",
    "requests",
    "smtplib",
    "urllib.request",
    "urllib3",
}
CONNECTING = {"create_connection", "getaddrinfo", "gethostbyname", "open_connection"}
# Each exception with its reason.
ALLOWED = {
    "libs/adapters/src/assay_adapters/fetching/fetcher.py": "the one fetcher",
    "libs/adapters/src/assay_adapters/fetching/connections.py": "its connections",
    "libs/adapters/src/assay_adapters/connectors/imap.py": "a protocol over a connection of the same guard",
    "libs/adapters/src/assay_adapters/connectors/s3.py": "gives the library answers of the fetcher",
    "libs/adapters/src/assay_adapters/alerts.py": "the webhook and mail server that the administrator set",
    "libs/adapters/src/assay_adapters/model_server.py": "the embedder and the reranker that the administrator set",
    "libs/adapters/src/assay_adapters/openai_chat.py": "the chat model that the administrator set",
    "libs/wire/src/assay_wire/clients.py": "the gateway that the caller named",
    "libs/wire/src/assay_wire/peers.py": "our own services",
}
SEARCHED = ("libs/core", "libs/store", "libs/wire", "libs/adapters", "libs/runtime", "ingestion", "services")
# Programs that people run for themselves.
THEIR_OWN = ("services/cli", "services/mcp")


def test_nobody_else_can_fetch() -> None:
    found = {path: set(names) for path, names in _users()}
    assert found.keys() - ALLOWED.keys() == set(), found


def test_every_exception_is_needed() -> None:
    assert ALLOWED.keys() <= {path for path, _ in _users()}


def _users() -> Iterator[tuple[str, list[str]]]:
    for folder in SEARCHED:
        for file in sorted((ROOT / folder).glob("**/src/**/*.py")):
            path = file.relative_to(ROOT).as_posix()
            names = [] if path.startswith(THEIR_OWN) else _connecting(ast.parse(file.read_text()))
            if names:
                yield path, names


def _connecting(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                found += [alias.name for alias in node.names if alias.name in LIBRARIES]
            case ast.ImportFrom(module=str(module)):
                found += [f"{module}.{alias.name}" for alias in node.names if _is_library(module, alias.name)]
            case ast.Attribute(attr=name) if name in CONNECTING:
                found.append(name)
            case _:
                pass
    return found


def _is_library(module: str, name: str) -> bool:
    return any(candidate in LIBRARIES for candidate in (module, f"{module}.{name}", module.partition(".")[0]))
