import subprocess
import sys

import pytest
from assay_core import crash_points
from assay_core.errors import Invalid

_RUN = """
import sys
from assay_core.crash_points import arm, reach
arm(sys.argv[1])
for n in range(5):
    reach("parse.before")
    reach("parse.after")
    print(n, flush=True)
"""


def run(spec: str) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, "-c", _RUN, spec], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize(
    ("spec", "reached"), [("parse.before", []), ("parse.after", []), ("parse.after@3", ["0", "1"])]
)
def test_a_process_dies_at_the_point_it_was_armed_for(spec: str, reached: list[str]):
    assert run(spec) == (crash_points.EXIT_CODE, reached)


@pytest.mark.parametrize("spec", ["", "parse.after@6", "blob.before_sync"])
def test_a_process_lives_through_points_that_are_not_armed(spec: str):
    assert run(spec) == (0, ["0", "1", "2", "3", "4"])


@pytest.mark.parametrize("spec", ["nowhere", "parse.before@0", "parse.before@x", "@2x"])
def test_unknown_points_are_refused(spec: str):
    with pytest.raises(Invalid):
        crash_points.arm(spec)


def test_names_are_given_once():
    assert len(set(crash_points.POINTS)) == len(crash_points.POINTS)
