"""What docker-compose.yml promises: nothing published but the gateway, no default secrets, no rights to spare."""

import os
import re
import runpy
import shutil
import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
SECRETS = "/run/assay-test-secrets"
MAKE_SECRETS = ROOT / "infra/docker/make_secrets.py"

# Each exception with its reason.
WRITABLE_ROOT = {
    "milvus": "writes beside its own configuration",
    "vllm-gpu": "compiles kernels into folders of its image",
}
USER_OF_THE_IMAGE = {
    "milvus": "its binary cannot be run by users that the image does not know",
    "vllm-gpu": "its image owns the folders that it compiles into",
}
ONE_SHOTS = {"migrate", "first-run"}
PROFILES = {"vllm-cpu": ["cpu"], "vllm-gpu": ["gpu"], "prometheus": ["metrics"], "grafana": ["metrics"]}

SETTINGS = {
    "assay_gateway.main": "assay_gateway.settings:Settings",
    "assay_gateway.first_run": "assay_gateway.settings:FirstRunSettings",
    "assay_retrieval.main": "assay_retrieval.settings:Settings",
    "assay_generation.main": "assay_generation.settings:Settings",
    "assay_evaluation.main": "assay_evaluation.settings:ServiceSettings",
    "assay_evaluation.worker": "assay_evaluation.settings:WorkerSettings",
    "assay_evaluation.beat": "assay_evaluation.settings:BeatSettings",
    "assay_ingestion.worker": "assay_ingestion.settings:WorkerProcess",
    "assay_ingestion.indexer": "assay_ingestion.settings:IndexerProcess",
    "assay_ingestion.relay": "assay_ingestion.settings:RelayProcess",
    "assay_ingestion.syncer": "assay_ingestion.settings:SyncerProcess",
}


def interpolated(value: Any, environ: dict[str, str]) -> Any:
    """The value as compose would see it. Raises `KeyError` with the message of a variable that is required."""
    match value:
        case dict():
            return {key: interpolated(item, environ) for key, item in value.items()}
        case list():
            return [interpolated(item, environ) for item in value]
        case str():
            return re.sub(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}", lambda found: _variable(found, environ), value)
        case _:
            return value


def _variable(found: re.Match[str], environ: dict[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    if environ.get(found[1]):
        return environ[found[1]]
    if found[2] == "?":
        raise KeyError(f"{found[1]} {found[3]}")
    return found[3] or ""


def raw() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())


COMPOSE: dict[str, Any] = interpolated(raw(), {"ASSAY_SECRETS_DIR": SECRETS})
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("assay-")}
PYTHON = {name: service for name, service in OURS.items() if name != "vllm-cpu"}


def module_of(service: dict[str, Any]) -> str:
    """The module that the service runs: of its command, else of its image's target."""
    if "command" in service:
        return service["command"][-1]
    target = service["build"]["target"]
    stage = (ROOT / "infra/docker/Dockerfile").read_text().partition(f"AS {target}\n")[2]
    found = re.search(r'CMD \["python", "-m", "([\w.]+)"\]', stage)
    assert found
    return found[1]


def test_gateway_and_grafana_alone_are_published_and_on_loopback_by_default() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:8700:8700"], "grafana": ["127.0.0.1:3000:3000"]}
    assert not [name for name, service in SERVICES.items() if service.get("network_mode")]


def test_all_others_are_on_the_closed_network() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    reaches_out = {name for name, service in SERVICES.items() if set(service["networks"]) - {"inside"}}
    assert reaches_out == {"gateway", "grafana", "evaluation-worker", "syncer", "vllm-gpu"}


@pytest.mark.parametrize("name", SERVICES)
def test_image_has_an_exact_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?", tag), tag


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_no_rights_to_spare(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["read_only"] is (name not in WRITABLE_ROOT)
    if name not in USER_OF_THE_IMAGE:
        assert service["user"].partition(":")[0] not in ("", "root", "0")


@pytest.mark.parametrize("name", SERVICES)
def test_commands_are_lists_of_words(name: str) -> None:
    for key in ("command", "entrypoint"):
        assert all(isinstance(word, str) for word in SERVICES[name].get(key, []))


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_bounded(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", SERVICES)
def test_service_tells_its_health(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if name in ONE_SHOTS:
        assert check == {"disable": True}
        assert SERVICES[name]["restart"] == "no"
    else:
        assert check["test"]
        assert {"interval", "timeout", "start_period", "retries"} <= check.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_who_is_waited_for_can_be_waited_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
        assert how == {"condition": wanted}
        assert other not in PROFILES, "a service of a profile may be absent"


def test_profiles() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == PROFILES


def test_secrets_are_files_that_the_script_makes() -> None:
    made = runpy.run_path(str(MAKE_SECRETS))["make"]
    assert callable(made)
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"{SECRETS}/{name}"}


def test_script_makes_every_secret_once(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    make = runpy.run_path(str(MAKE_SECRETS))["make"]
    folder = tmp_path / "secrets"
    assert set(make(folder)) >= COMPOSE["secrets"].keys()
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert make(folder) == []
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o777 == 0o700
    assert before["postgres_password"].strip() in before["database_url"]


def test_without_secrets_compose_says_what_to_run() -> None:
    with pytest.raises(KeyError, match=r"ASSAY_SECRETS_DIR is not set\. Run: python infra/docker/make_secrets\.py"):
        interpolated(raw(), {})


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|_KEY|TOKEN|DATABASE__URL|BROKER__URL|CACHE__URL", key):
                assert key.endswith(("_FILE", "_TOKENS")) or not value, (name, key)


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_and_volumes_that_are_used_exist(name: str) -> None:
    service = SERVICES[name]
    given = set(service.get("secrets", []))
    assert given <= COMPOSE["secrets"].keys()
    mentioned = set(
        re.findall(r"/run/secrets/([\w.]+)", yaml.safe_dump([service.get("environment"), service.get("command")]))
    )
    assert mentioned <= given
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_every_volume_is_used() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert COMPOSE["volumes"].keys() <= used


@pytest.mark.parametrize("name", PYTHON)
def test_module_exists(name: str) -> None:
    module = module_of(PYTHON[name])
    if find_spec(module.partition(".")[0]) is None:
        pytest.skip(f"{module} is not installed here")
    assert find_spec(module) is not None


@pytest.mark.parametrize("name", PYTHON)
def test_variables_are_settings_of_the_process(name: str) -> None:
    module = module_of(PYTHON[name])
    variables = {key.removesuffix("_FILE") if "__URL_FILE" in key else key for key in PYTHON[name]["environment"]}
    if module == "assay_store.migrate":
        assert variables == {"ASSAY_DATABASE__URL", "ASSAY_SECRETS__MASTER_KEY_FILE"}
        return
    package, _, kind = SETTINGS[module].partition(":")
    fields = getattr(import_module(package), kind).model_fields
    for variable in variables:
        section, _, key = variable.removeprefix("ASSAY_").lower().partition("__")
        assert section in fields, f"{module} has no section for {variable}"
        kinds = [kind for kind in _options(fields[section].annotation) if hasattr(kind, "model_fields")]
        assert any(key in kind.model_fields for kind in kinds), f"{module} has no setting {variable}"


@pytest.mark.parametrize("name", PYTHON)
def test_sections_without_default_are_set(name: str) -> None:
    module = module_of(PYTHON[name])
    if module not in SETTINGS:
        return
    package, _, kind = SETTINGS[module].partition(":")
    set_sections = {key.removeprefix("ASSAY_").lower().partition("__")[0] for key in PYTHON[name]["environment"]}
    needed = {field for field, info in getattr(import_module(package), kind).model_fields.items() if info.is_required()}
    assert needed <= set_sections


def test_prometheus_asks_services_that_exist() -> None:
    jobs = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]
    hosts = {target.partition(":")[0] for job in jobs for group in job["static_configs"] for target in group["targets"]}
    assert hosts - {"vllm"} <= SERVICES.keys()
    assert PYTHON.keys() - ONE_SHOTS <= hosts


def test_example_settings_are_those_of_the_file() -> None:
    names = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert names - {"COMPOSE_PROFILES"} == used - {"ASSAY_SECRETS_DIR"}


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no `docker compose` here")
    environ = {**os.environ, "ASSAY_SECRETS_DIR": str(tmp_path)}
    for profile in ("cpu", "gpu", "metrics"):
        command = [docker, "compose", "--file", str(FILE), "--profile", profile, "config", "--quiet"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr


def test_start_puts_secrets_from_files_into_the_environment(tmp_path: Path) -> None:
    with_secrets = runpy.run_path(str(ROOT / "infra/docker/start.py"))["with_secrets"]
    (tmp_path / "url").write_text("redis://x\n")
    found = with_secrets({"ASSAY_CACHE__URL_FILE": str(tmp_path / "url"), "ASSAY_SECRETS__MASTER_KEY_FILE": "/k"})
    assert found == {"ASSAY_CACHE__URL": "redis://x", "ASSAY_SECRETS__MASTER_KEY_FILE": "/k"}
    with pytest.raises(SystemExit, match="cannot read"):
        with_secrets({"ASSAY_CACHE__URL_FILE": str(tmp_path / "nowhere")})


def _options(annotation: Any) -> list[Any]:
    """The types of a union, or the type itself."""
    return list(getattr(annotation, "__args__", None) or [annotation])
