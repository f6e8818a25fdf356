from pathlib import Path

from assay_embedded import logs


def test_a_log_over_the_limit_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("x" * 2000)
    with log.open("a") as still_open:
        assert logs.rotate(log, limit_bytes=1000)
        still_open.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "part.log.1").stat().st_size == 1000


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("x")
    assert not logs.rotate(log, limit_bytes=1000)
    assert not logs.rotate(tmp_path / "missing.log")


def test_the_reason_is_the_line_that_says_what_failed(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text(
        "starting\nTraceback (most recent call last):\n"
        '  File "/x/errors.py", line 1\nValueError: the port is taken, cannot listen\nbye\n'
    )
    assert logs.reason(log) == "ValueError: the port is taken, cannot listen"


def test_the_reason_comes_from_this_start_only(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("error: old\n")
    assert logs.reason(log, after_bytes=log.stat().st_size) == ""
