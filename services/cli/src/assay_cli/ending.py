"""SIGTERM, as a way to end that cleans up."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

_EXIT_CODE = 128 + signal.SIGTERM


@contextmanager
def cleaning_up() -> Generator[None]:
    """Within this block SIGTERM unwinds like Ctrl-C, once: a second one does not cut the cleaning short."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(_EXIT_CODE)
