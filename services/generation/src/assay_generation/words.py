"""Content words, for cheap questions about wording: English stop words, endings cut off."""

import re

_WORD = re.compile(r"[^\W_]+(?:['’.,-]?[^\W_]+)*")
_RUN = 5
_OPEN = re.compile(r"\b(?:what|when|where|which|who|whom|whose|why|how)\b", re.IGNORECASE)
_STOP = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each either else ever every few for from further get got had has have
    having he her here hers him his how i if in into is it its itself just let many may me might more most much must
    my no nor not of off on once only or other our ours out over own please same shall she should so some such tell
    than that the their theirs them then there these they this those through to too under until up upon us very was we
    were what when where which while who whom whose why will with would yes you your yours
    """.split()  # noqa: SIM905 - a list of a hundred quoted words reads worse
)


def content_words(text: str) -> list[str]:
    """Words that carry content, in order, lower-case and without common endings."""
    return [_stem(word) for word in _WORD.findall(text.casefold()) if word not in _STOP]


def coverage(question: str, text: str) -> float:
    """The share of the question's content words that stand in `text`, 0 to 1; 0 if it has none."""
    asked = set(content_words(question))
    return len(asked & set(content_words(text))) / len(asked) if asked else 0.0


def echoes(question: str, sentence: str, source: str) -> bool:
    """Whether a sentence only says an open question again: what it adds stands nowhere in `source`.

    A question that can be answered by yes or no is answered by being said again.
    """
    if not _OPEN.search(question):
        return False
    added = set(content_words(sentence)) - set(content_words(question))
    return not added & set(content_words(source))


def repeats(told: str, sentence: str, source: str) -> bool:
    """Whether a sentence has five words in a row that stand so in `told` and nowhere in `source`."""
    return bool(_runs(told) & _runs(sentence) - _runs(source))


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)}


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
