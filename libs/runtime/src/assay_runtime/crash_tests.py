"""Whether this process was started to die at a named step; see `assay_core.crash_points`."""

import structlog
from assay_core import crash_points
from assay_core.errors import Invalid

from assay_runtime.settings import ProcessSettings

log = structlog.get_logger()


def arm(settings: ProcessSettings) -> None:
    """Arm the crash point of the settings, if there is one.

    Raises:
        Invalid: crash points are not allowed here, or there is none of this name.
    """
    if not settings.crash_point:
        return
    if not settings.crash_tests:
        raise Invalid(
            "ASSAY_CRASH_POINT makes this process kill itself; it is for tests alone. Remove it, or set"
            " ASSAY_CRASH_TESTS=true as well.",
            code="bad_setting",
        )
    crash_points.arm(settings.crash_point)
    log.warning("crash_point.armed", point=settings.crash_point)
