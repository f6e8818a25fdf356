"""Parts of Milvus' filter expressions that are made of ids. Milvus Lite knows no parameters, so ids are checked."""

import re
from collections.abc import Iterable

from assay_core.errors import Invalid
from assay_core.search import IndexScope

_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def chosen_ids(scope: IndexScope) -> list[str] | None:
    """The chunks to choose from. An id that could not be written here is not there, so it need not be asked for."""
    ids = scope.chunk_ids
    return None if ids is None else [one for one in ids if _SAFE.fullmatch(one)]


def quoted(ids: Iterable[str]) -> str:
    """A list of ids. Raises `Invalid` as `quote`."""
    return f"[{','.join(quote(one) for one in ids)}]"


def quote(value: str) -> str:
    """An id as a string. Raises `Invalid` if it cannot be one."""
    if not _SAFE.fullmatch(value):
        raise Invalid(f"{value!r} cannot be an id: use letters, digits, '_', '.', '-', at most 64.", code="bad_id")
    return f'"{value}"'
