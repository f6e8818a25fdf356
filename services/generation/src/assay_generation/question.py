"""What is let through to the pipeline. The gateway has checked it before; this is the last door before the model."""

import re

from assay_core.answers import AnswerRequest
from assay_core.errors import Invalid

MAX_CHARACTERS = 4_000
MAX_TURNS = 50
MAX_STOPS = 4
_SPACE = re.compile(r"\s+")


def check(request: AnswerRequest) -> None:
    """Raises `Invalid` unless the request can be answered."""
    if not _SPACE.sub("", request.question):
        raise Invalid("The question is empty; write what you want to know.", code="question_empty")
    if len(request.question) > MAX_CHARACTERS:
        raise Invalid(
            f"The question has {len(request.question):,} characters; the limit is {MAX_CHARACTERS:,}. Shorten it.",
            code="question_too_long",
        )
    _between("top_k", request.top_k, 1, 50)
    _between("max_tokens", request.max_tokens, 1, 16_384)
    _between("temperature", request.temperature, 0, 2)
    _between("stop sequences", len(request.stop), 0, MAX_STOPS)
    _between("turns of history", len(request.history), 0, MAX_TURNS)
    for turn in request.history:
        if turn.role not in ("user", "assistant"):
            raise Invalid(f"The history has a turn of {turn.role!r}; use user and assistant.", code="bad_role")


def _between(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise Invalid(f"{value} for {name}; it must be {least} to {most}.", code="out_of_range")
