import json
from pathlib import Path

import pytest
from assay_core.errors import Denied, Invalid
from assay_wire.discovery import DEFAULT_URL, find_gateway


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "run" / "state.json").write_text(json.dumps({"ports": {"gateway": 18701}}))
    (tmp_path / "secrets" / "api_key").write_text("assay_local\n")
    return tmp_path


def test_data_folder_says_where_and_who(home: Path) -> None:
    found = find_gateway(environ={"ASSAY_HOME": str(home)})
    assert (found.url, found.api_key) == ("http://127.0.0.1:18701", "assay_local")
    assert "assay_local" not in repr(found)


def test_environment_goes_before_the_data_folder(home: Path) -> None:
    environ = {"ASSAY_HOME": str(home), "ASSAY_URL": "https://assay.example/", "ASSAY_API_KEY": "assay_far"}
    found = find_gateway(environ=environ)
    assert (found.url, found.api_key) == ("https://assay.example", "assay_far")


def test_named_folder_goes_before_the_environment(home: Path) -> None:
    environ = {"ASSAY_URL": "https://assay.example", "ASSAY_API_KEY": "assay_far"}
    found = find_gateway(home=home, environ=environ)
    assert (found.url, found.api_key) == ("http://127.0.0.1:18701", "assay_local")


def test_local_key_is_not_sent_to_another_machine(home: Path) -> None:
    with pytest.raises(Denied, match="There is no API key for https:"):
        find_gateway(url="https://assay.example", environ={"ASSAY_HOME": str(home)})
    for url in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        assert find_gateway(url=url, environ={"ASSAY_HOME": str(home)}).api_key == "assay_local"


def test_default_address_without_a_platform(tmp_path: Path) -> None:
    environ = {"ASSAY_HOME": str(tmp_path), "ASSAY_API_KEY": "assay_x"}
    assert find_gateway(environ=environ).url == DEFAULT_URL


def test_missing_key_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Denied, match="Start a platform"):
        find_gateway(environ={"ASSAY_HOME": str(tmp_path)})


@pytest.mark.parametrize("url", ["gateway", "ftp://x", "http://", "http://x:0", "http://x:port", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="no address"):
        find_gateway(url=url, api_key="assay_x", environ={})


@pytest.mark.parametrize("key", ["assay x", "assay_é", "assay_\x07"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="no API key"):
        find_gateway(url="http://x", api_key=key, environ={})
