"""The probe outlasts what Milvus and its client do while the server comes back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from assay_embedded import milvus_probe
from grpc import RpcError
from pymilvus import MilvusException


class ReturningMilvus:
    """Fails in every way before it answers."""

    def __init__(self) -> None:
        self.failures: list[Exception] = [RpcError("deadline exceeded"), MilvusException(message="not loaded")]
        self.queries = 0

    def list_collections(self, **_: Any) -> list[str]:
        return ["assay_hnsw"]

    def query(self, *_: Any, **__: Any) -> None:
        self.queries += 1
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    token = tmp_path / "token"
    token.write_text("root:secret")
    options = {"uri": "http://127.0.0.1:1", "token_file": str(token), "secured": str(tmp_path / "secured")}
    (tmp_path / "secured").touch()
    monkeypatch.setattr("sys.argv", ["probe", json.dumps(options)])
    monkeypatch.setattr(milvus_probe, "_PAUSE_S", 0.0)

    def run(client: Callable[..., Any]) -> None:
        monkeypatch.setattr(milvus_probe, "MilvusClient", client)
        milvus_probe.main()

    return run


def test_it_waits_until_every_collection_can_be_counted(probe: Callable[[Callable[..., Any]], None]) -> None:
    milvus = ReturningMilvus()
    probe(lambda **_: milvus)
    assert milvus.queries == 3


def test_a_server_that_cannot_be_reached_yet_is_asked_again(probe: Callable[[Callable[..., Any]], None]) -> None:
    failures = [RpcError("unavailable"), MilvusException(message="no"), RpcError("unavailable")]

    def connect(**_: Any) -> ReturningMilvus:
        if failures:
            raise failures.pop(0)
        return ReturningMilvus()

    probe(connect)
    assert not failures
