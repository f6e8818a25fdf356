"""Work on several items at once while earlier ones are being used, and stop soon when told to."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_STOP_CHECK_S = 0.25


class Stopped(Exception):
    """The worker goes down: what is under way is left."""


def check_stop(stopping: threading.Event) -> None:
    """Raise `Stopped` if it is time to."""
    if stopping.is_set():
        raise Stopped


def work_ahead(
    work: Callable[[Item], Result], items: Sequence[Item], *, threads: int, stopping: threading.Event
) -> Iterator[tuple[Item, Result]]:
    """Results in the order of the items; at most `threads` are in work and as many wait to be taken.

    Raises:
        Stopped: `stopping` was set; threads under way finish alone, their results are dropped.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    pending: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            pending.append((item, pool.submit(work, item)))
            if len(pending) == 2 * threads:
                yield _first(pending, stopping)
        while pending:
            yield _first(pending, stopping)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _first(pending: deque[tuple[Item, Future[Result]]], stopping: threading.Event) -> tuple[Item, Result]:
    item, future = pending.popleft()
    check_stop(stopping)
    while not wait([future], timeout=_STOP_CHECK_S).done:
        check_stop(stopping)
    return item, future.result()
