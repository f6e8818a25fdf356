"""Shorter sentences that a sentence says too: one of two things said of the same subject, or one of two clauses.

An answer that repeats half of a source's sentence is right. Where a condition might hold for the dropped half as well,
nothing is made.
"""

import re
from collections.abc import Iterator

from assay_training.lexicon import AUXILIARIES

_VERBS = """
    becomes became begins began calls called causes caused comes came consists contains contained depends describes
    described determines determined enables ends ended falls follows followed gives gave goes went includes included
    increases increased indicates lies lives lived makes made means needs offers offered provides provided raises
    reaches reached receives received refers refers requires required returns returned runs sends sent sets shows showed
    stands starts started stays stores takes took tells uses used won writes wrote
"""
_FINITE = rf"(?:{'|'.join([*AUXILIARIES, *_VERBS.split()])})"
_FIRST_VERB = re.compile(rf"\b{_FINITE}\b")
_JOINT = re.compile(rf",? and (?:also |then |therefore |thus )?(?={_FINITE}\b)")
_CLAUSES = re.compile(
    rf"(?:, (?:and|but|while|whereas)|;) (?=(?:the|a|an|this|these|[A-Z][\w-]+) (?:[\w-]+ ){{0,5}}{_FINITE}\b)"
)
_CONDITION = re.compile(
    r"\b(?:if|unless|until|only|except|provided|whether|when|where|as long as|in case|depending|assuming|suppose)\b",
    re.IGNORECASE,
)
_TIES = re.compile(
    r"\b(?:both|neither|either|nor|between|that|which|who|whom|whose|where|how|what|why|not only|so)\b", re.I
)
_NO_SUBJECT = re.compile(
    r"(?:If|When|While|Although|Though|Because|Since|After|Before|Unless|Until|As|Whether|What|Who|How|Why|Where|In|On|At|By|"
    r"For|From|To|With|Of|During|However|Both|Neither|Either|No|None|Not|There|And|But|Or|Not|So|Thus|Here)\b"
)
_PRONOUN = re.compile(rf"(?:He|She|They) (?={_FINITE}\b)")
_DETERMINERS = ("The", "A", "An", "This", "These")
_LEAST_WORDS, _MOST_WORDS = 4, 22


def shortenings(sentence: str) -> list[str]:
    """What the sentence says too, in fewer words, each once; empty where no rule is sure."""
    found = [*_of_one_subject(sentence), *_of_clauses(sentence)]
    return [s for s in dict.fromkeys(found) if len(s.split()) >= _LEAST_WORDS]


def joined(first: str, second: str) -> str | None:
    """Two sentences as one, of which each is a shortening; None where that is not sure.

    Few sentences of real texts can be shortened by a sure rule; many can be made from two.
    """
    if not first.endswith(".") or max(len(first.split()), len(second.split())) > _MOST_WORDS:
        return None
    body = first.rstrip(" .")
    if pronoun := _PRONOUN.match(second):
        whole = f"{body} and {second[pronoun.end() :]}"
    elif second.split(" ", 1)[0] in _DETERMINERS:
        whole = f"{body}, and {second[0].lower()}{second[1:]}"
    else:
        return None
    halves = shortenings(whole)
    return whole if len(halves) == 2 and halves[0] == f"{body}." else None


def _of_one_subject(sentence: str) -> Iterator[str]:
    """ "A token is shown once and is valid for 180 days": each half with the subject."""
    verb = _FIRST_VERB.search(sentence)
    joint = _JOINT.search(sentence, verb.end()) if verb else None
    if not verb or not joint or _NO_SUBJECT.match(sentence):
        return
    subject, first, second = sentence[: verb.start()], sentence[verb.start() : joint.start()], sentence[joint.end() :]
    if not 1 <= len(subject.split()) <= 8 or re.search(r"[,;:()\"]", subject) or _TIES.search(subject):
        return
    if _TIES.search(first) or _FIRST_VERB.search(first, len(verb.group())) or _JOINT.search(second):
        return
    if not _CONDITION.search(second):
        yield _ended(subject + first)
    if not re.match(r"(?:is|are|was|were|does|do|did) so\b", second):
        yield _ended(subject + second)


def _of_clauses(sentence: str) -> Iterator[str]:
    """Two sentences in one."""
    joint = _CLAUSES.search(sentence)
    if not joint or _NO_SUBJECT.match(sentence) or _CONDITION.search(sentence):
        return
    first, second = sentence[: joint.start()], sentence[joint.end() :]
    if not _FIRST_VERB.search(first) or re.search(r"[;:]|, \w+ing\b", first) or _TIES.search(first):
        return
    yield _ended(first)
    yield _ended(second[0].upper() + second[1:])


def _ended(text: str) -> str:
    text = text.strip(" ,;")
    return text if text.endswith((".", "!", "?")) else f"{text}."
