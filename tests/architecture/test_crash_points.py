"""Each named crash point stands in the code, and is died at by a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

from assay_core.crash_points import POINTS
from assay_testing.crash.points import CASES, once_each

ROOT = Path(__file__).parents[2]


def reached() -> Iterator[str]:
    for package in ("libs", "ingestion", "services"):
        for file in (ROOT / package).rglob("src/**/*.py"):
            source = file.read_text()
            if "crash_points" in source:
                yield from (name for node in ast.walk(ast.parse(source)) if (name := _point(node)))


def _point(node: ast.AST) -> str | None:
    match node:
        case ast.Call(ast.Name("reach"), [ast.Constant(str(name))]):
            return name
        case _:
            return None


def test_every_named_point_stands_in_the_code():
    assert set(reached()) == set(POINTS)


def test_every_named_point_has_a_test_that_dies_there():
    assert {case.point for case in CASES} == set(POINTS)
    assert [case.point for case in once_each()] == list(POINTS)
