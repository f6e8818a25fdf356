import threading
import time

import pytest
from assay_evaluation.ahead import Stopped, work_ahead


def test_results_come_in_the_order_of_the_items_whatever_finishes_first() -> None:
    def work(item: int) -> int:
        time.sleep(0.02 if item % 2 == 0 else 0)
        return item * item

    found = list(work_ahead(work, range(9), threads=3, stopping=threading.Event()))
    assert found == [(item, item * item) for item in range(9)]


def test_no_more_than_twice_the_threads_are_taken_ahead_of_use() -> None:
    begun: list[int] = []
    results = work_ahead(lambda item: begun.append(item), range(100), threads=2, stopping=threading.Event())
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 4
    results.close()  # pyright: ignore[reportAttributeAccessIssue] - a generator


def test_stopping_does_not_wait_for_what_is_under_way() -> None:
    stopping, release = threading.Event(), threading.Event()
    results = work_ahead(lambda _: release.wait(30), range(4), threads=2, stopping=stopping)
    threading.Timer(0.05, stopping.set).start()
    start = time.monotonic()
    with pytest.raises(Stopped):
        next(results)
    assert time.monotonic() - start < 5
    release.set()


def test_an_error_of_the_work_is_raised_in_its_turn() -> None:
    def work(item: int) -> int:
        if item == 1:
            raise ZeroDivisionError
        return item

    results = work_ahead(work, [0, 1, 2], threads=1, stopping=threading.Event())
    assert next(results) == (0, 0)
    with pytest.raises(ZeroDivisionError):
        next(results)
