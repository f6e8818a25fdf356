"""Which port each part listens on: its default, or a free one, and the same again after a restart."""

import socket
from collections.abc import Iterable, Iterator, Mapping

DEFAULTS: dict[str, int] = {
    "gateway": 8700,
    "retrieval": 8701,
    "generation": 8702,
    "evaluation": 8703,
    "worker": 8704,
    "indexer": 8705,
    "relay": 8706,
    "beat": 8707,
    "evaluation-worker": 8708,
    "postgres": 8710,
    "broker": 8711,
    "cache": 8712,
    "milvus": 8713,
    "vllm": 8714,
}
# Below the range from which the kernel takes the ports of outgoing connections (32768 by default): a port
# from there may be taken by a client while the part that owns it restarts.
_OTHERS = range(18700, 28700)


def is_free(port: int) -> bool:
    """Whether a server could listen on all addresses at this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def assign(names: Iterable[str], *, remembered: Mapping[str, int], start_at: int | None = None) -> dict[str, int]:
    """Give every name a port that is free now: the remembered one, the default, or any."""
    taken: set[int] = set()
    assigned: dict[str, int] = {}
    others = _others(start_at)
    for name in names:
        candidates = _candidates(remembered.get(name), DEFAULTS.get(name), others)
        port = next(port for port in candidates if port not in taken and is_free(port))
        taken.add(port)
        assigned[name] = port
    return assigned


def _candidates(remembered: int | None, default: int | None, others: Iterator[int]) -> Iterator[int]:
    yield from (port for port in (remembered, default) if port is not None)
    yield from others


def _others(start_at: int | None) -> Iterator[int]:
    offset = (start_at or _OTHERS.start) - _OTHERS.start
    for step in range(len(_OTHERS)):
        yield _OTHERS[(offset + step) % len(_OTHERS)]
