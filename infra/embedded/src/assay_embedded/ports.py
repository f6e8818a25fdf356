"""Which port each part listens on: its default, or a free one, and the same again after a restart."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

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
    "syncer": 8709,
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


class Ports(Mapping[str, int]):
    """The ports of one supervisor, kept from other supervisors until `close`.

    A part binds its port only when it starts. Until then an abstract unix socket named after the port
    stands for it: the kernel gives it to one process only, and takes it back when that process dies.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._claims: list[socket.socket] = []

    def assign(self, names: Iterable[str], *, remembered: Mapping[str, int], start_at: int = _OTHERS.start) -> None:
        """Give every name a port that is free now: the remembered one, the default, or any."""
        others = _others(start_at)
        for name in names:
            candidates = _candidates(remembered.get(name), DEFAULTS.get(name), others)
            self._numbers[name] = next(port for port in candidates if self._claim(port))

    def _claim(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0assay.port.{port}")
        except OSError:
            claim.close()
            return False
        if not is_free(port):
            claim.close()
            return False
        self._claims.append(claim)
        return True

    def close(self) -> None:
        for claim in self._claims:
            claim.close()
        self._claims.clear()

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def _candidates(remembered: int | None, default: int | None, others: Iterator[int]) -> Iterator[int]:
    # Not `yield from others`: a generator that is dropped closes what it delegates to, and the next name needs it.
    return chain((port for port in (remembered, default) if port is not None), others)


def _others(start_at: int) -> Iterator[int]:
    offset = start_at - _OTHERS.start
    for step in range(len(_OTHERS)):
        yield _OTHERS[(offset + step) % len(_OTHERS)]
