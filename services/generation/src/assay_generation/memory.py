"""Conversation: what earlier turns mean for a question, and how much of them the model sees."""

import re
from collections.abc import Sequence

from assay_core.answers import Turn

from assay_generation.words import content_words

CHARACTERS_PER_TOKEN = 3
# "IT" is a department, and "there" points back only at the end ("Is there a canteen?").
_POINTS_BACK = re.compile(
    r"\b(?:(?-i:[Ii]ts?)|they|them|theirs?|he|him|his|she|hers?|this|these|those|that one|the same|the latter|"
    r"the former)\b|\bthere\W*$",
    re.IGNORECASE,
)
_OPENS_AS_FOLLOW_UP = re.compile(
    r"^\s*(?:and|but|or|also|what about|how about|what if|why(?: not)?\s*\??$|how come|else|otherwise|same for)\b",
    re.IGNORECASE,
)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it would be asked without the conversation before it.

    By rule: one that has no content word, points back by a pronoun, or opens like a follow-up is put behind the
    user's question before it. Anything else stands alone already.
    """
    before = next((turn.content for turn in reversed(history) if turn.role == "user"), None)
    return f"{before.strip()} {question}" if before and points_back(question) else question


def points_back(question: str) -> bool:
    """Whether a question needs the one before it."""
    if not content_words(question) or _OPENS_AS_FOLLOW_UP.search(question):
        return True
    return _POINTS_BACK.search(question) is not None


def recent(history: Sequence[Turn], *, budget_tokens: int) -> list[Turn]:
    """The last turns that fit into the budget together (an upper estimate), oldest first, opening with the user's."""
    kept: list[Turn] = []
    left = budget_tokens * CHARACTERS_PER_TOKEN
    for turn in reversed(history):
        left -= len(turn.content)
        if left < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept
