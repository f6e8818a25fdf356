"""Signed cursors: where a listing goes on, valid for the same listing and principal only."""

from assay_core.errors import Invalid
from assay_core.principals import Principal

from assay_gateway.signing import Signer


class Cursors:
    """Makes and reads cursors."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def make(self, who: Principal, listing: str, last: str | int) -> str:
        """A cursor that goes on after `last`. `listing` names the listing with all its filters."""
        return self._signer.sign(_context(who, listing), last)

    def read_text(self, who: Principal, listing: str, cursor: str | None) -> str | None:
        """What `make` was given; None without a cursor. Raises `Invalid` for a foreign or changed one."""
        last = self._read(who, listing, cursor)
        return last if isinstance(last, str) else None

    def read_number(self, who: Principal, listing: str, cursor: str | None) -> int | None:
        """As `read_text`, for numbers."""
        last = self._read(who, listing, cursor)
        return last if isinstance(last, int) else None

    def _read(self, who: Principal, listing: str, cursor: str | None) -> object | None:
        if cursor is None:
            return None
        last = self._signer.open(_context(who, listing), cursor)
        if last is None:
            raise Invalid(
                "The cursor does not belong to this listing; take `next_cursor` as it was given, or none to start.",
                code="bad_cursor",
            )
        return last


def _context(who: Principal, listing: str) -> str:
    return f"cursor\n{who.tenant}\n{who.id}\n{listing}"
