import errno

import pytest
from assay_core.errors import Broken, Exhausted, Invalid, NotFound, Unavailable
from assay_ingestion.failures import WORKER_DIED, given_up, judge, retry_delay_s


@pytest.mark.parametrize(
    ("error", "code", "lasting"),
    [
        (Invalid("'a' is encrypted", code="encrypted"), "encrypted", True),
        (NotFound("no blob", code="blob_not_found"), "blob_not_found", True),
        (Broken("bad frame", code="corrupt"), "corrupt", True),
        (Unavailable("away"), "unavailable", False),
        (Exhausted("disk full", code="storage_full"), "storage_full", False),
        (OSError(errno.ENOSPC, "No space left"), "storage_full", False),
        (OSError(errno.EIO, "I/O error"), "internal", False),
        (RuntimeError("secret text of a document"), "internal", False),
    ],
)
def test_errors_are_sorted_by_whether_another_try_may_help(error: Exception, code: str, lasting: bool) -> None:
    failure = judge(error, "a.pdf")
    assert (failure.code, failure.lasting) == (code, lasting)
    assert "secret" not in failure.reason


def test_giving_up_names_the_document_the_limit_and_the_way_out() -> None:
    reason = given_up(WORKER_DIED, "a.pdf").reason
    assert "'a.pdf'" in reason
    assert "3 tries" in reason
    assert "Upload it again" in reason


def test_the_delay_grows_and_is_jittered() -> None:
    assert [retry_delay_s(attempt, 1.0) for attempt in (1, 2, 3)] == [10, 40, 160]
    assert retry_delay_s(1, 0.0) == 5
