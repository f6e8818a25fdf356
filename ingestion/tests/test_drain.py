import threading
import time

from assay_ingestion.drain import Turnstile


def test_many_go_together_and_one_goes_alone() -> None:
    turnstile, log, both_inside = Turnstile(), list[str](), threading.Barrier(2)

    def together() -> None:
        with turnstile.together():
            both_inside.wait(timeout=5)
            log.append("together")

    def alone() -> None:
        with turnstile.alone():
            log.append("alone in")
            time.sleep(0.05)
            log.append("alone out")

    first = [threading.Thread(target=together) for _ in range(2)]
    for thread in first:
        thread.start()
    for thread in first:
        thread.join()
    loners = [threading.Thread(target=alone) for _ in range(2)]
    for thread in loners:
        thread.start()
    time.sleep(0.01)
    both_inside = threading.Barrier(1)
    late = threading.Thread(target=together)
    late.start()
    for thread in (*loners, late):
        thread.join(timeout=5)
    assert log == ["together", "together", "alone in", "alone out", "alone in", "alone out", "together"]
