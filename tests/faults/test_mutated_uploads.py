"""Mutated files end as documents or with a reason, each in its own process, and nothing else notices (row U1)."""

import json
import subprocess
import sys
import time
from collections.abc import Generator

import pytest
from assay_adapters.parsers.sandbox import SandboxedParser
from assay_testing.fuzz.run import READY, Report, run
from assay_testing.fuzz.seeds import seeds

pytestmark = pytest.mark.integration

LIMIT_S = 30.0
MEMORY_BYTES = 2**30
SHARDS = 20


@pytest.fixture(scope="module")
def ends() -> list[dict[str, int | bool]]:
    return []


@pytest.fixture(scope="module")
def sandbox(ends: list[dict[str, int | bool]]) -> Generator[SandboxedParser]:
    parser = SandboxedParser(timeout_s=LIMIT_S, memory_bytes=MEMORY_BYTES, on_end=ends.append)
    yield parser
    parser.close()


def examined(
    parser: SandboxedParser, ends: list[dict[str, int | bool]], *, seed: int, first: int, count: int
) -> Report:
    report = run(parser, seed=seed, first=first, count=count)
    assert report.errors_of_ours == []
    assert report.count == count
    assert max(int(end["max_rss_bytes"]) for end in ends) <= MEMORY_BYTES
    # The limit, and what a busy machine takes to say so.
    assert report.worst_s <= LIMIT_S + 10
    return report


def test_every_seed_is_healthy(sandbox: SandboxedParser, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("seeds") / "upload"
    for name, data in seeds().items():
        path.write_bytes(data)
        if name in ("a.zip", "a.msg", "a.xls", "a.png"):
            continue  # a folder of files, and frames of formats that hold too little to be read
        assert sandbox.parse(str(path), name=name).elements, name


def test_two_hundred_mutated_files_end_with_a_document_or_a_reason(
    sandbox: SandboxedParser, ends: list[dict[str, int | bool]]
) -> None:
    report = examined(sandbox, ends, seed=20261122, first=0, count=200)
    assert report.outcomes[READY] >= 20, "mutations that leave nothing readable test little"
    assert report.outcomes.total() - report.outcomes[READY] >= 20


def test_the_command_prints_what_it_found() -> None:
    command = [sys.executable, "-m", "assay_testing.fuzz.run", "--count", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert sum(json.loads(done.stdout)["outcomes"].values()) == 3


@pytest.mark.nightly
@pytest.mark.parametrize("shard", range(SHARDS))
def test_ten_thousand_mutated_files(sandbox: SandboxedParser, ends: list[dict[str, int | bool]], shard: int) -> None:
    """Half of them are the same every night; the others are new each day."""
    seed = 7 if shard < SHARDS // 2 else int(time.time() // 86_400)
    report = examined(sandbox, ends, seed=seed, first=500 * shard, count=500)
    assert report.outcomes["crashed"] == 0, report.parsers_that_died
