"""Golden questions from a file of JSON lines, as the gateway takes them."""

import json
from pathlib import Path
from typing import Any, cast

from assay_core.errors import Invalid
from assay_core.golden_sets import read_question

_FIELDS = ("id", "question", "answer", "answerable", "passages", "type", "alternatives", "about", "history")


def read_golden(path: Path) -> list[dict[str, object]]:
    """The questions in file order; members that the gateway does not know stay behind.

    Raises:
        Invalid: the file cannot be read, or a line is no question; the message names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error}.", code="bad_dataset") from error
    questions = [_question(line, f"{path.name}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise Invalid(f"{str(path)!r} holds no question; it needs one JSON object a line.", code="bad_dataset")
    return questions


def _question(line: str, where: str) -> dict[str, object]:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise Invalid(f"{where}: not JSON: {error}.", code="bad_dataset") from error
    if not isinstance(raw, dict):
        raise Invalid(f"{where}: a JSON object with a question is expected.", code="bad_dataset")
    read_question(cast(dict[str, Any], raw), where)
    return {field: raw[field] for field in _FIELDS if field in raw}
