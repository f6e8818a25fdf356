"""Whether two questions that are close as vectors may share an answer.

Embeddings place "enable" beside "disable" and "2023" beside "2025". Numbers, polarity and names must therefore be
the same before a cached answer is served; when in doubt, they are not.
"""

import re
from collections import Counter

_WORD = re.compile(r"[^\W_]+(?:['’.,:/-][^\W_]+)*")
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve hundred thousand million first second third"
    " half double twice once"
)
_POLARITY_WORDS = (
    "no not never none neither nor without except unless cannot nothing nobody only"
    " all any every each some most least"
    " before after since until during"
    " more less fewer greater smaller above below over under minimum maximum min max"
    " increase decrease raise lower add remove include exclude allow forbid permit prohibit allowed forbidden"
    " permitted prohibited required optional mandatory enable disable enabled disabled start stop on off open close"
    " accept reject approve deny grant revoke buy sell import export internal external old new current former"
    " first last earliest latest best worst highest lowest true false male female with paid unpaid"
)
_NUMBERS = frozenset(_NUMBER_WORDS.split())
_MARKED = frozenset((_NUMBER_WORDS + " " + _POLARITY_WORDS).split())
_NEGATING_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "de", "mis")


def refusal(a: str, b: str) -> str | None:
    """Which look tells the questions apart: "numbers", "polarity", "names" or "negation"; None if they may mean the
    same."""
    words_a, words_b = _words(a), _words(b)
    marked_a, marked_b = _marked(words_a), _marked(words_b)
    if _numbers(marked_a) != _numbers(marked_b):
        return "numbers"
    if marked_a != marked_b:
        return "polarity"
    if not _names_agree(words_a, words_b):
        return "names"
    only_a = {w.lower() for w in words_a} - {w.lower() for w in words_b}
    only_b = {w.lower() for w in words_b} - {w.lower() for w in words_a}
    if any(_negates(x, y) or _negates(y, x) for x in only_a for y in only_b):
        return "negation"
    return None


def same_meaning(a: str, b: str) -> bool:
    """Whether no look tells the questions apart."""
    return refusal(a, b) is None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace("n't", " not").replace("n’t", " not"))


def _marked(words: list[str]) -> Counter[str]:
    """Numbers, codes with digits, and words that turn a meaning round."""
    return Counter(w.lower() for w in words if any(c.isdigit() for c in w) or w.lower() in _MARKED)


def _numbers(marked: Counter[str]) -> Counter[str]:
    return Counter({w: n for w, n in marked.items() if any(c.isdigit() for c in w) or w in _NUMBERS})


def _names_agree(words_a: list[str], words_b: list[str]) -> bool:
    lower_a, lower_b = {w.lower() for w in words_a}, {w.lower() for w in words_b}
    return all(n.lower() in lower_b for n in _names(words_a)) and all(n.lower() in lower_a for n in _names(words_b))


def _names(words: list[str]) -> list[str]:
    """Capitalized words, the first one excepted unless it is all capitals."""
    return [w for i, w in enumerate(words) if w[0].isupper() and w != "I" and (i > 0 or (w.isupper() and len(w) > 1))]


def _negates(word: str, other: str) -> bool:
    return any(word == prefix + other for prefix in _NEGATING_PREFIXES)
