"""Give memory back to the system after a run, so that a worker at rest is small."""

import ctypes
import gc


def give_back() -> None:
    """Collect garbage and return free heap pages; the second does nothing where the C library cannot."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
