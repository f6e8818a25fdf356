import os
import subprocess
import sys
import time

from assay_embedded import proctable
from assay_embedded.proctable import MARK, Process


def _table(*rows: tuple[int, int]) -> dict[int, Process]:
    return {pid: Process(pid, parent, pid, pid, 1) for pid, parent in rows}


def test_descendants_of_all_generations_are_found() -> None:
    table = _table((10, 1), (11, 10), (12, 11), (13, 1))
    assert proctable.descendants(10, table) == {11, 12}


def test_a_process_is_found_by_its_mark_and_by_its_folders() -> None:
    sleeper = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(sleeper, stdin=subprocess.PIPE, env={MARK: "/some/home:cache"}) as process:
        # A new process carries the environment of its parent until it has become another program.
        until_s = time.monotonic() + 5
        while not proctable.carries(process.pid, "/some/home:cache"):
            assert time.monotonic() < until_s
        assert proctable.carries(process.pid, "/some/home")
        assert not proctable.carries(process.pid, "/some/home:broker")
        assert not proctable.carries(process.pid, "/some")
        assert process.pid in proctable.marked("/some/home")
        process.kill()


def test_this_process_is_never_among_its_own_victims() -> None:
    assert os.getpid() not in proctable.marked("/some/home")


def test_memory_of_this_process_is_believable() -> None:
    assert 5 * 2**20 < proctable.memory_bytes([os.getpid()]) < 2**32


def test_nothing_is_known_of_a_process_that_is_gone() -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    assert proctable.read(process.pid) is None
    assert proctable.memory_bytes([process.pid]) == 0


def test_processor_time_of_children_that_ended_counts() -> None:
    before_s = proctable.cpu_seconds([os.getpid()])
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert proctable.cpu_seconds([os.getpid()]) - before_s > 0.25
