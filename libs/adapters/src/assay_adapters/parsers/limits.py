from dataclasses import dataclass

from assay_core.errors import Invalid


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one file may cost. `max_chars` bounds the canonical text, `memory_bytes` the address space."""

    max_bytes: int
    max_pages: int
    max_chars: int
    timeout_s: float
    memory_bytes: int

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
