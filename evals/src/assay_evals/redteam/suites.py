"""The packaged texts of the suites: attacks, the documents that carry them, jailbreaks, leaks, harmless questions."""

import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

_NAMES = ("carriers", "attacks", "jailbreaks", "demands", "leaks", "triggers")
_FIELD = re.compile(r"\{(name|topic|marker|question|demand|code|a|b|c)\}")


@functools.cache
def texts(name: str) -> Sequence[Mapping[str, Any]]:
    """The lines of a file of texts, without the first, which says licence and source."""
    return _lines(name)[1:]


def licence() -> str:
    """Under which licence all of them are; they carry it in their first line."""
    return ", ".join(sorted({str(_lines(name)[0]["licence"]) for name in _NAMES}))


def digest() -> str:
    """SHA-256 over all texts: runs with the same digest and seed have the same cases."""
    return hashlib.sha256(b"".join(_raw(name) for name in _NAMES)).hexdigest()


def filled(text: str, **fields: str) -> str:
    """`text` with its fields filled in; other braces are text."""
    return _FIELD.sub(lambda found: fields.get(found.group(1), found.group()), text)


def _lines(name: str) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in _raw(name).decode().splitlines()]


def _raw(name: str) -> bytes:
    return files("assay_evals.redteam").joinpath("suites", f"{name}.jsonl").read_bytes()
