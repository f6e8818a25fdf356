"""Whether two questions that are close as vectors may share an answer: the second look.

Embeddings place "enable" beside "disable" and "2023" beside "2025". Numbers, dates, units, names, negations,
comparatives, words of scope and what is asked for must therefore be the same before a cached answer is served, and
neither may hold a word of content that the other lacks: it would be a condition, or another thing. When in doubt, the
questions are not the same.
"""

import re
from collections import Counter

from assay_adapters.cache_words import (
    ASKING,
    AUXILIARIES,
    COMMON,
    LOOKS,
    NUMBERS,
    PHRASES,
    SAME_UNIT,
    SAME_WORD,
    SIDED,
)

_WORD = re.compile(r"[^\W_]+(?:['’.,:/-][^\W_]+)*|[%€$£]")
_LISTING = frozenset({"and", "or"})
_PHRASES = tuple((re.compile(pattern, re.I), plain) for pattern, plain in PHRASES)
_NEGATING_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "de", "mis")
_ENDINGS = ("ingly", "edly", "ing", "ied", "ies", "ed", "es", "ly", "s", "e", "y")
_ORDER = ("numbers", "dates", "units", "negation", "comparatives", "scope", "polarity")


def refusal(a: str, b: str) -> str | None:
    """The look that tells the questions apart, by name; None if they may mean the same.

    One of numbers, dates, units, negation, comparatives, scope, polarity, names, asked, order and wording.
    """
    words_a, words_b = _words(a), _words(b)
    marked_a, marked_b = _marked(words_a), _marked(words_b)
    for look in _ORDER:
        if marked_a[look] != marked_b[look]:
            return look
    if not _names_agree(words_a, words_b):
        return "names"
    content_a, content_b = _content(words_a), _content(words_b)
    if any(_negates(x, y) or _negates(y, x) for x in content_a for y in content_b):
        return "negation"
    if not _ask_the_same(a, b):
        return "asked"
    if _turned(words_a, words_b):
        return "order"
    return "wording" if Counter(content_a) != Counter(content_b) else None


def same_meaning(a: str, b: str) -> bool:
    """Whether no look tells the questions apart."""
    return refusal(a, b) is None


def _words(text: str) -> list[str]:
    text = _plain(text)
    text = re.sub(r"\bcan't\b", "can not", re.sub(r"\bwon't\b", "will not", text, flags=re.I), flags=re.I)
    return [_as_written(word) for word in _WORD.findall(text.replace("n't", " not").replace("N'T", " NOT"))]


def _as_written(word: str) -> str:
    """The word that stands for this one and those that mean the same, as a name if this one is written so."""
    same = SAME_WORD.get(word.lower())
    return word if same is None else same.capitalize() if word[0].isupper() else same


def _plain(text: str) -> str:
    text = " ".join(text.replace("’", "'").split())
    for pattern, plain in _PHRASES:
        text = pattern.sub(plain, text)
    return text


def _asked(text: str) -> frozenset[str]:
    """The words that say what is asked for: "whether" if it is yes or no, "what" if it may be anything."""
    words = [word.lower() for word in _WORD.findall(_plain(text))]
    if found := ASKING.intersection(words):
        return found
    if not {"what", "which"}.isdisjoint(words):
        return frozenset({"what"})
    return frozenset() if AUXILIARIES.isdisjoint(words) else frozenset({"whether"})


def _ask_the_same(a: str, b: str) -> bool:
    """Words without a question may ask for anything, too."""
    asked_a, asked_b = _asked(a), _asked(b)
    anything = frozenset({"what"})
    return (asked_a or asked_b or anything) == (asked_b or asked_a or anything)


def _marked(words: list[str]) -> dict[str, Counter[str]]:
    """The words that each look compares; numbers are also codes with digits."""
    found = {look: Counter[str]() for look in _ORDER}
    for word in (w.lower() for w in words):
        same = SAME_UNIT.get(word, word)
        if any(c.isdigit() for c in word) or word in NUMBERS:
            found["numbers"][NUMBERS.get(word, word)] += 1
        elif same in LOOKS:
            found[LOOKS[same]][same] += 1
    return found


def _names_agree(words_a: list[str], words_b: list[str]) -> bool:
    lower_a, lower_b = {w.lower() for w in words_a}, {w.lower() for w in words_b}
    return all(n.lower() in lower_b for n in _names(words_a)) and all(n.lower() in lower_a for n in _names(words_b))


def _names(words: list[str]) -> list[str]:
    """Capitalized words, the first one excepted unless it is all capitals."""
    return [w for i, w in enumerate(words) if w[0].isupper() and w != "I" and (i > 0 or (w.isupper() and len(w) > 1))]


def _content(words: list[str]) -> list[str]:
    return [stem for w in words if (stem := _stem(w.lower())) and w.lower() not in COMMON]


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    ending = next((e for e in _ENDINGS if word.endswith(e) and len(word) - len(e) >= 3), "")
    return word[: len(word) - len(ending)]


def _negates(word: str, other: str) -> bool:
    return any(word == prefix + other for prefix in _NEGATING_PREFIXES)


def _turned(words_a: list[str], words_b: list[str]) -> bool:
    """Whether names, or the same words where the order says who does what to whom, stand in another order."""
    lower_a, lower_b = [w.lower() for w in words_a], [w.lower() for w in words_b]
    names = {n.lower() for n in (*_names(words_a), *_names(words_b))} - _LISTING
    if not _LISTING.intersection(lower_a) and [w for w in lower_a if w in names] != [w for w in lower_b if w in names]:
        return True
    content_a, content_b = _content(words_a), _content(words_b)
    sided = SIDED.intersection(lower_a) and SIDED.intersection(lower_b)
    return bool(sided) and Counter(content_a) == Counter(content_b) and content_a != content_b
