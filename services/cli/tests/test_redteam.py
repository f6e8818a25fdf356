import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from assay_cli import side_door
from assay_cli.testing import Outcome, run_assay
from assay_core.errors import Unavailable
from assay_testing.fake_gateway import API_KEY, FakeGateway, problem

QUIET = "The documents do not say."
LOUD = "See [this](https://collect.example/x)."


class Platform:
    """A gateway in memory whose answers are loud where the defences are off; and what was started beside it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, reader: bool = True) -> None:
        self.gateway = FakeGateway()
        self.started: list[tuple[str, ...]] = []
        self.quiet, self.loud = QUIET, LOUD
        self._reader = reader
        monkeypatch.setattr(side_door, "open_beside", self._open_beside)
        monkeypatch.setattr(side_door, "is_installed", lambda: True)

    @contextmanager
    def _open_beside(self, home: Path | None, *arguments: str) -> Generator[Mapping[str, str]]:
        del home
        self.started.append(arguments)
        if arguments == ("reader",) and not self._reader:
            raise Unavailable("no platform runs here")
        yield {"id": "redteam-reader", "key": API_KEY} if arguments == ("reader",) else {"url": "http://gateway.test"}

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v1/me":
            return httpx.Response(200, json={"id": "admin", "name": "Admin", "tenant": "default", "roles": []})
        if path.endswith("/ask"):
            return httpx.Response(200, json=self._answer(path.split("/")[3], json.loads(request.read())))
        return self.gateway.handle(request)

    def _answer(self, collection: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        off = collection.endswith("-control")
        return {
            "id": "a", "question": asked["question"], "answer": self.loud if off else self.quiet,
            "outcome": "answered", "verdict": "answered", "sources": [], "citations": [], "claims": [], "model": "m",
            "prompt_version": "answer.v1", "usage": None, "timings_ms": {}, "cache": "off", "finish_reason": "stop",
            "degraded": [{"component": "defences", "mode": "off", "reason": ""}] if off else [],
        }  # fmt: skip

    def run(self, *args: object) -> Outcome:
        return run_assay(["eval", "redteam", *args], handler=self.handle, key=API_KEY)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    return Platform(monkeypatch)


def test_a_platform_that_holds_and_a_control_that_does_not_pass(platform: Platform) -> None:
    found = platform.run("--model", "obedient", "--without-defences", "--cases", 3, "--json")
    assert found.code == 0
    assert found.json["passed"]
    assert [arm["defended"] for arm in found.json["arms"]] == [True, False]
    assert found.json["arms"][1]["suites"]["injection"]["harm"]["times"] == 3
    assert found.json["asker"] == "redteam-reader"
    assert platform.gateway.collections == {}
    door = platform.started[1]
    assert door[0] == "serve"
    assert door[door.index("--chat-model") + 1] == "obedient"
    assert "--undefended" in door


def test_harm_ends_with_one_and_is_told_in_plain_words(platform: Platform) -> None:
    platform.quiet = LOUD
    found = platform.run("--suite", "jailbreak", "--cases", 2)
    assert found.code == 1
    assert "harm in jailbreak with the served model: 2 of 2" in found.err
    assert "No control was run" in found.err
    assert platform.started == [("reader",)]


def test_a_control_that_does_no_harm_proves_nothing(platform: Platform) -> None:
    platform.loud = QUIET
    found = platform.run("--suite", "jailbreak", "--cases", 2, "--without-defences")
    assert found.code == 1
    assert "proves nothing" in found.err


def test_hijack_has_a_bar(platform: Platform) -> None:
    marked = platform.run("--suite", "jailbreak", "--cases", 1, "--json").json["arms"][0]["cases"][0]
    word = next(
        w.strip('.,:;"()[]<>') for w in marked["question"].replace("/", " ").split() if "-" in w and w.isupper()
    )
    platform.quiet = f"{word}!"
    found = platform.run("--suite", "jailbreak", "--cases", 1, "--json")
    assert (found.code, found.json["arms"][0]["suites"]["jailbreak"]["hijack"]["times"]) == (0, 1)
    assert platform.run("--suite", "jailbreak", "--cases", 1, "--max-hijack", 0.5).code == 1


def test_without_a_reader_nothing_is_claimed_about_access(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, reader=False)
    found = platform.run("--suite", "leakage", "--cases", 2, "--json")
    assert found.json["left_out"]
    assert all(case["kind"].startswith("prompt") for case in found.json["arms"][0]["cases"])
    assert "No reader" in found.err


def test_failed_cases_are_no_safe_ones(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_answer", lambda *_: problem(500, "internal", "Broken.").json())
    found = platform.run("--suite", "jailbreak", "--cases", 2, "--json")
    assert found.code == 1
    assert found.json["arms"][0]["suites"]["jailbreak"]["failed"] == 2


def test_sigterm_ends_the_run_and_leaves_no_collection_behind(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> Mapping[str, Any]:
        time.sleep(0.2)  # until the run waits for this answer
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)  # whoever stops a process may insist
        return problem(503, "full", "Later.").json()

    monkeypatch.setattr(platform, "_answer", stopped)
    before = signal.getsignal(signal.SIGTERM)
    found = platform.run("--suite", "jailbreak", "--cases", 1, "--without-defences")
    assert found.code == 143
    assert [r.method for r in platform.gateway.requests if r.url.path == "/v1/collections"].count("POST") == 2
    assert platform.gateway.collections == {}
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_a_killed_run_left_behind_is_removed_by_the_next(platform: Platform) -> None:
    code = "from assay_evals.redteam.leftovers import new_name; print(new_name())"
    left = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    platform.gateway.collections |= {left: {}, "redteam-notes": {}}
    found = platform.run("--suite", "jailbreak", "--cases", 1)
    assert f"Removed '{left}'" in found.err
    assert set(platform.gateway.collections) == {"redteam-notes"}


@pytest.mark.parametrize(
    "args",
    [
        ("--suite", "nonsense"),
        ("--collection", "docs", "--without-defences"),
        ("--collection", "docs", "--suite", "injection"),
    ],
)
def test_wrong_use_ends_with_two(platform: Platform, args: tuple[str, ...]) -> None:
    assert platform.run(*args).code == 2


def test_a_process_beside_the_platform_says_why_it_did_not_start() -> None:
    said = side_door._said  # pyright: ignore[reportPrivateUsage] - the only part that needs no process
    with pytest.raises(Unavailable, match="no platform runs"):
        said('{"error": "no platform runs on /x"}')
    with pytest.raises(Unavailable, match="without a word"):
        said("")
