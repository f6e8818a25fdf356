"""Ends as soon as Milvus really answers; on its first start, gives it its password before anyone can reach it.

A process of its own: the client library takes 1.5 s and 150 MB to load, and it must enter Milvus' network.
"""

import json
import sys
import time
from pathlib import Path

from grpc import RpcError
from pymilvus import MilvusClient, MilvusException
from pymilvus.client.types import LoadState

_PAUSE_S = 0.5
# A collection that nobody loaded stays that way; one that is being brought back after a crash says the same
# for up to 40 s.
_UNLOADED_S = 60.0
_DEFAULT_TOKEN = "root:Milvus"
# The library lets errors of the connection pass, time-outs among them, as gRPC raises them.
_NOT_YET = (MilvusException, RpcError)


def _connect(uri: str, token: str) -> MilvusClient:
    client = MilvusClient(uri=uri, token=token, timeout=5)
    _collections(client)
    return client


def _collections(client: MilvusClient) -> list[str]:
    # The library types its methods as coroutines of its asynchronous twin.
    return list(client.list_collections(timeout=5))  # pyright: ignore[reportCallIssue, reportArgumentType]


def _open(uri: str, token: str, secured: Path) -> MilvusClient:
    """Log in with our password; where it is not ours yet, with the default one, and change it."""
    try:
        client = _connect(uri, token)
    except MilvusException:
        if secured.exists():
            raise
        client = _connect(uri, _DEFAULT_TOKEN)
        user, _, password = token.partition(":")
        client.update_password(user, _DEFAULT_TOKEN.partition(":")[2], password)
        client.close()
        client = _connect(uri, token)
    secured.touch()
    return client


def _countable(client: MilvusClient, name: str, *, give_up: bool) -> bool:
    try:
        client.query(name, output_fields=["count(*)"], consistency_level="Strong", timeout=10)
    except _NOT_YET:
        return give_up and client.get_load_state(name, timeout=5)["state"] == LoadState.NotLoad
    return True


def main() -> None:
    options = json.loads(sys.argv[1])
    token = Path(options["token_file"]).read_text().strip()
    client: MilvusClient | None = None
    started = time.monotonic()
    while True:
        try:
            client = client or _open(options["uri"], token, Path(options["secured"]))
            give_up = time.monotonic() - started > _UNLOADED_S
            if all(_countable(client, name, give_up=give_up) for name in _collections(client)):
                return
        except _NOT_YET:
            client = None
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main()
