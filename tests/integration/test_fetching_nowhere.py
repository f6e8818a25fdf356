"""Hostile URLs in a network in which every address answers: only the public ones may be reached."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration
SCRIPT = Path(__file__).with_name("ssrf_canaries.py")


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("unshare and ip are needed for a network of its own")
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this kernel gives no network of its own to ordinary users")
    command = ["unshare", "-rn", sys.executable, str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_canaries_hear(report: dict[str, Any]) -> None:
    assert report["control"] == "200 2"
    assert report["seen"] == ["93.184.216.34"]
    assert report["heard"] == ["127.0.0.1", "10.0.0.1"]


def test_no_hostile_url_reaches_anything(report: dict[str, Any]) -> None:
    assert len(report["hostile"]) >= 200
    assert report["reached"] == []
    assert set(report["hostile"].values()) == {"bad_url", "host_not_allowed"}


def test_no_redirect_leads_to_one(report: dict[str, Any]) -> None:
    assert len(report["redirects"]) >= 150
    assert report["reached by redirect"] == []


def test_a_name_that_changes_its_address_is_asked_once_and_checked_each_time(report: dict[str, Any]) -> None:
    assert report["rebound"] == ["200 2", "host_not_allowed"]
    assert report["reached at last"] == []


def test_three_redirects_are_followed_and_no_more(report: dict[str, Any]) -> None:
    assert report["chains"] == {"1": "200 2", "3": "200 2", "4": "bad_redirect"}


def test_endless_and_broken_answers_are_bounded(report: dict[str, Any]) -> None:
    assert report["bodies"] == {
        "/plain": "200 2",
        "/endless": "too_large",
        "/drip": "fetch_timeout",
        "/headers": "fetch_timeout",
        "/continue": "fetch_timeout",
        "/declared": "too_large",
        "/cut": "source_unavailable",
        "/garbage": "source_unavailable",
        "/mute": "fetch_timeout",
    }
    assert report["bodies_s"] < 60
