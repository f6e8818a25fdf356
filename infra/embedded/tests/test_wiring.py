from dataclasses import replace
from pathlib import Path

import pytest
from assay_embedded import roster, secrets, settings
from assay_embedded.home import Home
from assay_embedded.ports import DEFAULTS
from assay_embedded.wiring import Wiring, port_names


def _wiring(tmp_path: Path, environ: dict[str, str] | None = None, ports: dict[str, int] | None = None) -> Wiring:
    read = settings.read(home=tmp_path, environ=environ or {})
    return Wiring(
        settings=read,
        home=Home(tmp_path),
        secrets=secrets.ensure(tmp_path),
        ports=DEFAULTS if ports is None else ports,
        milvus_closed_in=True,
    )


def test_every_part_can_be_built(tmp_path: Path) -> None:
    parts = _wiring(tmp_path).parts(frozenset(roster.ALL))
    assert [part.name for part in parts] == list(roster.ALL)


def test_only_those_that_sign_tokens_are_told_the_private_key(tmp_path: Path) -> None:
    wiring = _wiring(tmp_path)
    told = [
        name
        for name in (*roster.SERVICES, *roster.ONE_SHOTS)
        if "ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE" in wiring.service_environment(name)
    ]
    assert told == ["gateway", "evaluation-worker"]


def test_only_the_first_run_is_told_the_first_key(tmp_path: Path) -> None:
    wiring = _wiring(tmp_path)
    told = [
        name
        for name in (*roster.SERVICES, *roster.ONE_SHOTS)
        if "ASSAY_SECRETS__FIRST_API_KEY_FILE" in wiring.service_environment(name)
    ]
    assert told == ["first-run"]


def test_the_users_settings_reach_the_services(tmp_path: Path) -> None:
    wiring = _wiring(tmp_path, {"ASSAY_EMBEDDER__MODEL": "mine", "ASSAY_VLLM__CONTEXT_TOKENS": "2048"})
    environment = wiring.service_environment("worker")
    assert environment["ASSAY_EMBEDDER__MODEL"] == "mine"
    assert "ASSAY_VLLM__CONTEXT_TOKENS" not in environment


def test_the_platforms_own_wiring_wins_over_the_users(tmp_path: Path) -> None:
    wiring = _wiring(tmp_path, {"ASSAY_DATABASE__URL": "postgresql://elsewhere", "ASSAY_HTTP__PORT": "1"})
    environment = wiring.service_environment("retrieval")
    assert ":8710/assay" in environment["ASSAY_DATABASE__URL"]
    assert environment["ASSAY_HTTP__PORT"] == str(DEFAULTS["retrieval"])


def test_without_vllm_the_users_generator_is_used(tmp_path: Path) -> None:
    given = {"ASSAY_VLLM__ENABLED": "false", "ASSAY_CHAT__BASE_URL": "https://llm.example/v1"}
    ports = {name: port for name, port in DEFAULTS.items() if name != "vllm"}
    wiring = _wiring(tmp_path, given, ports)
    assert wiring.service_environment("generation")["ASSAY_CHAT__BASE_URL"] == "https://llm.example/v1"


@pytest.mark.parametrize("name", ["retrieval", "generation", "worker"])
def test_only_the_gateway_listens_where_the_user_says(tmp_path: Path, name: str) -> None:
    wiring = replace(_wiring(tmp_path), settings=settings.read(home=tmp_path, host="0.0.0.0", environ={}))
    assert wiring.service_environment(name)["ASSAY_HTTP__HOST"] == "127.0.0.1"
    assert wiring.service_environment("gateway")["ASSAY_HTTP__HOST"] == "0.0.0.0"


def test_passwords_are_not_among_arguments(tmp_path: Path) -> None:
    wiring = _wiring(tmp_path)
    known = {path.read_text().strip() for path in tmp_path.iterdir() if path.is_file()}
    wordy = [part for part in wiring.parts(frozenset(roster.ALL)) if part.name != "vllm"]
    for part in wordy:
        words = " ".join(part.command().argv)
        assert not any(secret in words for secret in known), part.name


def test_milvus_in_the_open_needs_ports_for_all_its_doors() -> None:
    closed = port_names(frozenset({"milvus"}), milvus_closed_in=True)
    opened = port_names(frozenset({"milvus"}), milvus_closed_in=False)
    assert closed == ["milvus"]
    assert len(opened) == 12


def test_everything_that_a_part_needs_is_in_the_roster() -> None:
    for service in (*roster.SERVICES.values(), *roster.ONE_SHOTS.values()):
        assert set(service.needs) <= set(roster.ALL)
