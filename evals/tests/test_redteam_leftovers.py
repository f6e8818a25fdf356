"""A run that was killed leaves collections behind; the next one knows them, and no others."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from assay_core.collection_settings import CollectionSettings
from assay_evals.redteam.leftovers import LONGEST, is_left_behind, new_name, remove_leftovers
from assay_testing.fake_gateway import API_KEY, FakeGateway, problem
from assay_wire import public
from assay_wire.clients import AssayClient

NOW = datetime(2026, 1, 2, 4, tzinfo=UTC)


def named(name: str, age: timedelta = timedelta(minutes=1)) -> public.Collection:
    return public.Collection.model_validate(
        {
            "name": name, "id": "c", "documents": 1, "chunks": 1, "epoch": 1, "index_kind": "hnsw",
            "created_at": NOW - age, "settings": CollectionSettings().as_json(),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def of_a_dead_run() -> str:
    code = "from assay_evals.redteam.leftovers import new_name; print(new_name())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_collection_whose_process_is_gone_is_left_behind(of_a_dead_run: str) -> None:
    assert is_left_behind(named(of_a_dead_run), NOW)
    assert is_left_behind(named(f"{of_a_dead_run}-control"), NOW)


def test_a_collection_of_a_run_that_goes_on_is_not() -> None:
    assert not is_left_behind(named(new_name()), NOW)
    assert not is_left_behind(named(new_name().replace(f"-{os.getpid()}-", "-1-")), NOW)


def test_one_of_another_machine_is_left_behind_when_no_run_can_be_so_old(of_a_dead_run: str) -> None:
    place = of_a_dead_run.split("-")[1]
    elsewhere = of_a_dead_run.replace(place, "0" * 8)
    assert not is_left_behind(named(elsewhere, LONGEST), NOW)
    assert is_left_behind(named(elsewhere, LONGEST + timedelta(seconds=1)), NOW)


@pytest.mark.parametrize(
    "name", ["redteam", "redteam-notes", "redteam-2024-1-report", "my-redteam-00000000-1-00000000"]
)
def test_a_collection_that_a_person_named_is_never_touched(name: str) -> None:
    assert not is_left_behind(named(name, timedelta(days=900)), NOW)


def test_leftovers_are_deleted_and_what_may_not_be_is_left(of_a_dead_run: str) -> None:
    gateway = FakeGateway()
    closed = f"{of_a_dead_run}-control"
    gateway.collections |= {of_a_dead_run: {}, closed: {}, "docs": {}, new_name(): {}}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE" and request.url.path.endswith(closed):
            return problem(403, "denied", "Not yours.")
        return gateway.handle(request)

    with AssayClient(base_url="http://gateway.test", api_key=API_KEY, transport=httpx.MockTransport(handle)) as client:
        assert remove_leftovers(client, now=NOW) == [of_a_dead_run]
    assert len(gateway.collections) == 3
