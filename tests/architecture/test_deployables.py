"""Each package imports alone: with nothing but the standard library and what its own pyproject.toml asks for."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = {
    "assay-core": "assay_core",
    "assay-wire": "assay_wire",
    "assay-store": "assay_store",
    "assay-adapters": "assay_adapters",
    "assay-runtime": "assay_runtime",
    "assay-testing": "assay_testing",
    "assay-ingestion": "assay_ingestion",
    "assay-gateway": "assay_gateway",
    "assay-retrieval": "assay_retrieval",
    "assay-generation": "assay_generation",
    "assay-evaluation": "assay_evaluation",
    "assay-mcp": "assay_mcp",
    "assay-cli": "assay_cli",
    "assay-evals": "assay_evals",
    "assay-training": "assay_training",
    "assay-models": "assay_models",
    "assay-embedded": "assay_embedded",
}

_IMPORT_ALL = """
import importlib, json, pkgutil, socket, sys
name, foreign, skipped = sys.argv[1], set(json.loads(sys.argv[2])), set(json.loads(sys.argv[3]))

class Refuse:
    def find_spec(self, module, path=None, target=None):
        if module.partition(".")[0] in foreign:
            raise ModuleNotFoundError(f"{module} is not among the declared dependencies")

def no_network(*args, **kwargs):
    raise OSError("importing must not use the network")

sys.meta_path.insert(0, Refuse())
socket.socket.connect = no_network
package = importlib.import_module(name)
for module in pkgutil.walk_packages(package.__path__, name + "."):
    parts = module.name.split(".")
    if parts[-1] != "__main__" and not skipped & set(parts):
        importlib.import_module(module.name)
"""
# Files that run inside an environment of their own, are build scripts, or skip themselves without their extra.
_SKIPPED = {"browser", "conformance", "sample", "migrations", "ragas_runner"}


def closure(name: str, extras: frozenset[str]) -> set[str]:
    """Canonical names of all distributions that `name` with these extras asks for."""
    seen: dict[str, frozenset[str]] = {}
    todo = [(canonicalize_name(name), extras)]
    while todo:
        current, wanted = todo.pop()
        if current in seen and wanted <= seen[current]:
            continue
        wanted |= seen.get(current, frozenset())
        seen[current] = wanted
        try:
            requires = distribution(current).requires or []
        except PackageNotFoundError:
            continue
        for line in requires:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                todo.append((canonicalize_name(need.name), frozenset(need.extras)))
    return set(seen)


@pytest.mark.integration
@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_imports_with_its_declared_dependencies_only(name: str):
    # An adapter is chosen with its extra; the package as a whole is looked at with all of them.
    extras = frozenset(distribution(name).metadata.get_all("Provides-Extra") or [])
    allowed = closure(name, extras)
    foreign = [
        module
        for module, owners in packages_distributions().items()
        if not any(canonicalize_name(owner) in allowed for owner in owners) and module not in sys.stdlib_module_names
    ]
    command = [sys.executable, "-c", _IMPORT_ALL, PACKAGES[name], json.dumps(foreign), json.dumps(sorted(_SKIPPED))]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_command_line_is_light():
    allowed = closure("assay-cli", frozenset())
    assert not allowed & {"torch", "transformers", "openvino", "pymilvus", "sqlalchemy", "celery", "fastapi"}
