"""Connections to hosts that a user named: resolved once, every address checked, connected to a checked address."""

import os
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from assay_core.errors import Exhausted, Unavailable

from assay_adapters.fetching.addresses import Address, AddressPolicy, literal

Resolve = Callable[[str, int], list[Address]]
_MOST_ADDRESSES = 16


class Deadline:
    """A point in time that a whole exchange must not pass."""

    def __init__(self, timeout_s: float, *, what: str) -> None:
        self._until_s = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._what = what

    def left_s(self) -> float:
        """Seconds left, more than none. Raises `Exhausted` once it has passed."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise self.passed()
        return left_s

    def passed(self) -> Exhausted:
        return Exhausted(f"{self._what} took longer than {self._timeout_s:.0f} s.", code="fetch_timeout")


class Watchdog:
    """Cuts a connection when its deadline passes: a server that drips bytes never runs into a socket's own timeout."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        # TLS takes the socket over; a duplicate can still shut the connection down.
        self._own = socket.socket(fileno=os.dup(connection.fileno()))
        self._timer = threading.Timer(deadline.left_s(), self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._own.close()

    def _cut(self) -> None:
        with self._lock:
            try:
                self._own.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It has ended by itself.
                return


def system_resolve(host: str, port: int) -> list[Address]:
    """Addresses of a host by the system's resolver, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [literal(str(entry[4][0]).partition("%")[0]) for entry in found]
    return [address for address in dict.fromkeys(addresses) if address is not None]


class Guard:
    """Opens connections, to addresses that the policy lets pass and to no others."""

    def __init__(self, policy: AddressPolicy, *, resolve: Resolve = system_resolve) -> None:
        self._policy = policy
        self._resolve = resolve

    def connect(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        """A TCP connection to `host`, a name or address in its usual form.

        Raises:
            Denied: one of its addresses may not be connected to.
            Unavailable: it has no address, or none answers.
            Exhausted: the deadline passed.
        """
        addresses = self._addresses(host, port, deadline)
        self._policy.check(host, port, addresses)
        failure: OSError | None = None
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return socket.create_connection((str(address), port), timeout=deadline.left_s())
            except OSError as error:
                failure = error
        deadline.left_s()
        raise Unavailable(
            f"{host!r} does not answer on port {port}: {(failure and failure.strerror) or failure}.",
            code="source_unavailable",
        ) from failure

    def _addresses(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        address = literal(host)
        if address is not None:
            return [address]
        found: list[Address] = []
        failure: list[OSError | UnicodeError] = []

        def resolve() -> None:
            try:
                found.extend(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                failure.append(error)

        # The system's resolver has no time-out of its own that can be relied on.
        thread = threading.Thread(target=resolve, name="resolve", daemon=True)
        thread.start()
        thread.join(deadline.left_s())
        if thread.is_alive():
            raise deadline.passed()
        if not found:
            why = failure[0] if failure else "no address"
            raise Unavailable(f"{host!r} cannot be resolved: {why}.", code="source_unavailable")
        return list(found)
