import pytest
from assay_core.errors import Invalid
from assay_runtime import crash_tests
from assay_runtime.settings import ProcessSettings


def test_a_crash_point_needs_the_permission_of_another_setting():
    with pytest.raises(Invalid, match="ASSAY_CRASH_TESTS"):
        crash_tests.arm(ProcessSettings(crash_point="parse.before"))


def test_without_a_crash_point_nothing_is_armed():
    crash_tests.arm(ProcessSettings())
    crash_tests.arm(ProcessSettings(crash_tests=True))
