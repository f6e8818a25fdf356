"""Channels are taken from nodes that are gone, sessions end, and nothing else is touched; also by a real etcd."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from assay_embedded.milvus_registry import NOBODY, serving, tidy

CHANNEL = "by-dev-rootcoord-dml_0_47v0"
WATCHED, FREE = f"by-dev/meta/channelwatch/4/{CHANNEL}", f"by-dev/meta/channelwatch/{NOBODY}/{CHANNEL}"
KEPT = {"by-dev/meta/session/id": b"5", "by-dev/meta/root-coord/credential/users/root": b"secret"}
BYTES = bytes(range(256))


class Dictionary:
    """A registry in memory."""

    def __init__(self, pairs: Mapping[str, bytes]) -> None:
        self.pairs = dict(pairs)

    def under(self, prefix: str) -> dict[str, bytes]:
        return {key: value for key, value in self.pairs.items() if key.startswith(prefix)}

    def change(self, put: Mapping[str, bytes], delete: list[str]) -> None:
        for key in delete:
            del self.pairs[key]
        self.pairs.update(put)


def test_a_channel_of_a_node_that_is_gone_belongs_to_nobody() -> None:
    registry = Dictionary({**KEPT, WATCHED: BYTES, "by-dev/meta/session/datanode-4": b"{}"})
    assert tidy(registry) == 2  # pyright: ignore[reportArgumentType] - it quacks
    assert registry.pairs == {**KEPT, FREE: BYTES}


def test_what_is_tidy_stays_as_it_is() -> None:
    registry = Dictionary({**KEPT, FREE: BYTES})
    assert tidy(registry) == 0  # pyright: ignore[reportArgumentType] - it quacks
    assert registry.pairs == {**KEPT, FREE: BYTES}


@pytest.mark.integration
def test_a_real_etcd_is_tidied_and_keeps_it(tmp_path: Path) -> None:
    client, peer = (free_port() for _ in range(2))
    with serving(tmp_path / "etcd", port=client, peer_port=peer) as registry:
        registry.change({**KEPT, WATCHED: BYTES, "by-dev/meta/session/datanode-4": b"{}"}, [])
        tidy(registry)
    with serving(tmp_path / "etcd", port=client, peer_port=peer) as registry:
        assert registry.under("by-dev/") == {**KEPT, FREE: BYTES}


@pytest.mark.integration
def test_a_folder_that_cannot_be_served_is_told(tmp_path: Path) -> None:
    (tmp_path / "member").write_text("not a folder")
    with pytest.raises(RuntimeError, match="did not come up"), serving(tmp_path, port=1, peer_port=free_port()):
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
