import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from assay_adapters.parsers import landlock
from assay_adapters.parsers.sandbox import SandboxedParser
from assay_core.errors import Invalid
from assay_core.ports import Parser
from assay_testing.conformance.parser import ParserContract
from PIL import Image, ImageDraw, ImageFont

pytestmark = pytest.mark.integration

# The HTML tree builder takes time that grows with the square of the depth: minutes, longer than any limit here.
SLOW = b"<div>" * 160_000 + b"end"


@pytest.fixture(scope="module")
def sandbox() -> Generator[SandboxedParser]:
    parser = SandboxedParser(max_bytes=60 * 2**20, max_chars=10_000_000, timeout_s=1.0, memory_bytes=512 * 2**20)
    yield parser
    parser.close()


class TestSandboxedParser(ParserContract):
    @pytest.fixture
    def parser(self, sandbox: SandboxedParser) -> Parser:
        return sandbox


def code_of(parser: SandboxedParser, data: bytes, folder: Path, name: str = "file") -> str:
    file = folder / "upload"
    file.write_bytes(data)
    with pytest.raises(Invalid) as raised:
        parser.parse(str(file), name=name)
    assert repr(name) in raised.value.message
    return raised.value.code


def test_a_slow_file_ends_at_the_time_limit(sandbox: SandboxedParser, tmp_path: Path) -> None:
    before = time.monotonic()
    assert code_of(sandbox, SLOW, tmp_path, "deep.html") == "timeout"
    assert time.monotonic() - before < 10


def test_a_file_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    parser = SandboxedParser(max_chars=100_000_000, memory_bytes=300 * 2**20)
    wide = ("漢字 " * 40 + "\n").encode("utf-16")[2:] * 200_000
    assert code_of(parser, b"\xff\xfe" + wide, tmp_path) == "out_of_memory"
    parser.close()


def test_too_many_bytes_or_characters_are_refused(tmp_path: Path) -> None:
    parser = SandboxedParser(max_bytes=60 * 2**20, max_chars=10_000_000)
    assert code_of(parser, b"a" * (60 * 2**20 + 1), tmp_path) == "too_large"
    assert code_of(parser, b"word " * 2_100_000, tmp_path) == "too_large"
    parser.close()


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGSEGV, "crashed"), (signal.SIGABRT, "crashed"), (signal.SIGKILL, "out_of_memory")]
)
def test_a_killed_process_costs_only_its_file(
    sandbox: SandboxedParser, tmp_path: Path, number: signal.Signals, code: str
) -> None:
    sandbox.start()
    known = {child.pid for child in children_of(os.getpid())}

    def kill() -> None:
        while not (new := [child for child in children_of(os.getpid()) if child.pid not in known]):
            time.sleep(0.005)
        os.kill(new[0].pid, number)

    killer = threading.Thread(target=kill)
    killer.start()
    assert code_of(sandbox, SLOW, tmp_path, "deep.html") == code
    killer.join()
    (tmp_path / "good.txt").write_text("Fine.")
    assert sandbox.parse(str(tmp_path / "good.txt"), name="good.txt").text == "Fine."


def test_a_killed_server_is_replaced(tmp_path: Path) -> None:
    parser = SandboxedParser()
    (tmp_path / "good.txt").write_text("Fine.")
    known = {child.pid for child in children_of(os.getpid())}
    parser.start()
    for child in children_of(os.getpid()):
        if child.pid not in known:
            child.kill()
    assert parser.parse(str(tmp_path / "good.txt"), name="good.txt").text == "Fine."
    parser.close()


def test_threads_parse_side_by_side(tmp_path: Path) -> None:
    parser = SandboxedParser(timeout_s=5.0)
    (tmp_path / "slow.html").write_bytes(SLOW)
    files = [tmp_path / f"{i}.txt" for i in range(20)]
    for i, file in enumerate(files):
        file.write_text(f"Text {i}.")
    with ThreadPoolExecutor(9) as pool:
        slow = pool.submit(parser.parse, str(tmp_path / "slow.html"), name="slow.html")
        texts = list(pool.map(lambda file: parser.parse(str(file), name=file.name).text, files))
        assert not slow.done(), "a slow file must not hold up the others"
        with pytest.raises(Invalid):
            slow.result()
    assert texts == [f"Text {i}." for i in range(20)]
    parser.close()


WORKER = """
import sys, threading, time
from assay_adapters.parsers.sandbox import SandboxedParser
parser = SandboxedParser(timeout_s=60)
threading.Thread(target=parser.parse, args=(sys.argv[1],), kwargs={"name": "deep.html"}, daemon=True).start()
time.sleep(60)
"""


def test_a_worker_killed_hard_leaves_no_orphan(tmp_path: Path) -> None:
    (tmp_path / "slow.html").write_bytes(SLOW)
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path / "slow.html")])
    wait_until(lambda: len(children_of(worker.pid)) == 2, timeout_s=60.0)
    family = children_of(worker.pid)
    worker.kill()
    worker.wait()
    wait_until(lambda: not any(process.is_running() for process in family))


def wait_until(condition: Callable[[], bool], timeout_s: float = 8.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_confined_process_reads_pictures_with_its_memory_bounded(tmp_path: Path) -> None:
    drawn = Image.new("L", (1240, 1754), "white")
    ImageDraw.Draw(drawn).text((100, 100), "Recognised in confinement", font=ImageFont.load_default(size=40))
    file = tmp_path / "upload"
    parser = SandboxedParser(memory_bytes=768 * 2**20, timeout_s=120)
    try:
        for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"):
            drawn.save(file, kind)
            assert parser.parse(str(file), name="scan").text == "Recognised in confinement"
            drawn = drawn.crop((0, 0, 700, 200))  # the first is as large as a page, which is what takes memory
    finally:
        parser.close()


def test_the_protections_of_this_machine_can_be_told() -> None:
    command = [sys.executable, "-I", "-m", "assay_adapters.parsers.protections"]
    held = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert held.keys() == {"limits", "network namespace", "landlock", "unprivileged user"}
    assert held["limits"]


def test_landlock_denies_files_where_the_kernel_has_it() -> None:
    if landlock.version() == 0:
        pytest.skip("this kernel has no Landlock")
    script = "from assay_adapters.parsers import landlock; assert landlock.restrict(); open('/etc/hostname')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr


def test_an_encoding_that_a_mail_made_up_is_no_crash(sandbox: SandboxedParser, tmp_path: Path) -> None:
    mail = b"From: a@x\nMessage-ID: <1@x>\nSubject: =?utf-0?q?T=C3=A9?=\n\nHot water."
    (tmp_path / "a.eml").write_bytes(mail)
    assert "Hot water." in sandbox.parse(str(tmp_path / "a.eml"), name="a.eml").text
