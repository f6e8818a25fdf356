"""What an answer claims: its sentences, each so that it says something by itself."""

import re

from assay_core.sentences import split_sentences

_WORD = re.compile(r"\w+")
_FEW_WORDS = 4
_MARK = re.compile(r"\s*\[\d{1,3}\]")


def claims_of(question: str, answer: str) -> list[str]:
    """The sentences of an answer in order, without marks; one of very few words ("Twenty days.") has the question
    before it."""
    said = without_marks(answer)
    sentences = [said[start:end] for start, end in split_sentences(said)]
    return [s if len(_WORD.findall(s)) >= _FEW_WORDS else f"{question} {s}".strip() for s in sentences]


def without_marks(text: str) -> str:
    """The text without marks of citations: they claim nothing, and a judge would take their numbers for facts."""
    return _MARK.sub("", text)
