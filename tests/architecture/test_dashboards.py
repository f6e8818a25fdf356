"""What the dashboards of Grafana ask for is what the code exports."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "infra/grafana"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}
SUFFIXES = {"Counter": ("",), "Gauge": ("",), "Histogram": ("_bucket", "_sum", "_count")}
OF_PROMETHEUS = {"job", "instance", "le"}
SELECTED = re.compile(r"\b(assay_\w+)\s*(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
SHOWN = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Exported:
    labels: frozenset[str]


def exported() -> dict[str, Exported]:
    """Every series that the code exports, by name, with its labels."""
    found: dict[str, Exported] = {}
    for path in (p for folder in ("libs", "services", "ingestion") for p in (ROOT / folder).rglob("src/**/*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            kind = call.func.id if isinstance(call.func, ast.Name) else ""
            if kind in SUFFIXES and call.args and isinstance(call.args[0], ast.Constant):
                labels = frozenset(ast.literal_eval(call.args[2])) if len(call.args) > 2 else frozenset[str]()
                found |= {f"{call.args[0].value}{suffix}": Exported(labels) for suffix in SUFFIXES[kind]}
    return found


EXPORTED = exported()


def targets() -> Iterator[tuple[str, str, str]]:
    """Dashboard, expression and legend of each target; expressions of variables too, with no legend."""
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield name, target["expr"], target["legendFormat"]
        for variable in board["templating"]["list"]:
            yield name, variable["query"]["query"], ""


def test_code_exports_metrics_and_dashboards_ask_for_some() -> None:
    assert {"assay_http_seconds_bucket", "assay_answers_total", "assay_night_figure"} <= EXPORTED.keys()
    assert BOARDS.keys() == {"evaluation", "operations"}
    assert len(list(targets())) > 20


@pytest.mark.parametrize(("board", "expression", "legend"), targets())
def test_dashboard_asks_for_what_is_exported(board: str, expression: str, legend: str) -> None:
    asked = SELECTED.findall(expression)
    assert asked
    known = frozenset[str]()
    for name, selectors in asked:
        assert name in EXPORTED, f"{board}: nothing exports {name}"
        labels = EXPORTED[name].labels
        known |= labels
        assert set(LABEL.findall(re.sub(r'"[^"]*"', '""', selectors))) <= labels | OF_PROMETHEUS, expression
    for group in GROUPED.findall(expression):
        grouped = set(re.split(r",\s*", group))
        assert grouped <= known | OF_PROMETHEUS, expression
        assert set(SHOWN.findall(legend)) <= grouped, "the legend names a label that the sum has dropped"
    assert set(SHOWN.findall(legend)) <= known | OF_PROMETHEUS, legend


@pytest.mark.parametrize("name", BOARDS)
def test_dashboard_is_sound(name: str) -> None:
    board: dict[str, Any] = BOARDS[name]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    uids = {source["uid"] for source in sources}
    used = {target["datasource"]["uid"] for panel in board["panels"] for target in panel["targets"]}
    assert used <= uids
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]


def test_no_two_panels_lie_on_each_other() -> None:
    for board in BOARDS.values():
        taken = [
            (x, y)
            for panel in board["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(set(taken)) == len(taken)


def test_provisioning_finds_the_dashboards_where_compose_puts_them() -> None:
    providers = yaml.safe_load((GRAFANA / "provisioning/dashboards/assay.yml").read_text())["providers"]
    volumes = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./infra/grafana/dashboards:{providers[0]['options']['path']}:ro" in volumes
    assert "./infra/grafana/provisioning:/etc/grafana/provisioning:ro" in volumes
