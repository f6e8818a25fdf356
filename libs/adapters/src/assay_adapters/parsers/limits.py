import math
import time
from dataclasses import dataclass, replace

from assay_core.errors import Invalid

_RECOGNITION_SHARE = 0.7
_LAYOUT_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one file may cost. `max_chars` bounds the canonical text, `memory_bytes` the address space.

    `recognition_pages` is how many pages or pictures of a file are put through text recognition; it ends at
    `recognition_until_s` on the monotonic clock, so that what was read by then is not lost to the time limit. From
    `layout_until_s` on, tables and columns are not looked for.
    """

    max_bytes: int
    max_pages: int
    max_chars: int
    timeout_s: float
    memory_bytes: int
    recognition_pages: int = 50
    recognition_until_s: float = float("inf")
    layout_until_s: float = float("inf")

    def from_now(self) -> "ParseLimits":
        """The same limits with the clocks running."""
        if math.isfinite(self.recognition_until_s):
            return self
        now = time.monotonic()
        return replace(
            self,
            recognition_until_s=now + _RECOGNITION_SHARE * self.timeout_s,
            layout_until_s=now + _LAYOUT_SHARE * self.timeout_s,
        )

    def check_bytes(self, name: str, size_bytes: int) -> None:
        if size_bytes > self.max_bytes:
            raise Invalid(
                f"{name!r} is {size_bytes:,} bytes; the limit is {self.max_bytes:,}: split the file",
                code="too_large",
            )

    def check_chars(self, name: str, chars: int) -> None:
        if chars > self.max_chars:
            raise Invalid(
                f"{name!r} holds more than {self.max_chars:,} characters of text: split the file",
                code="too_large",
            )

    def check_pages(self, name: str, pages: int) -> None:
        if pages > self.max_pages:
            raise Invalid(
                f"{name!r} has {pages:,} pages; the limit is {self.max_pages:,}: split the file",
                code="too_many_pages",
            )
