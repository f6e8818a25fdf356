"""Sentence spans of prose, Markdown and model answers: deterministic, no model, English abbreviations."""

import re
from collections.abc import Iterator

_ABBREVIATIONS = """
    a.k.a abbr al approx art assn ave bldg ca capt cf ch co col corp dept dr e.g ed eds eq eqs esp est etc ext
    fig figs gen gov hon hr hrs i.e inc incl jan feb mar apr jun jul aug sep sept oct nov dec jr lt ltd max
    min misc mr mrs ms mt no nos op p para pp prof pt ref refs rep rev sec secs sen sgt sr st tel u.k u.s vol
    vols vs viz
"""
# These abbreviate only before a number ("no. 5"): as words they end sentences ("I said no.").
_NUMBERED = "no nos p pp art ch fig figs eq eqs sec secs mar jan feb apr jun jul aug sep oct nov dec"

ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
BEFORE_NUMBER = frozenset(_NUMBERED.split())

_BLOCK_START = re.compile(r"[ \t]*(?:[-*+•◦‣–] |\d{1,3}[.)] |[a-zA-Z]\) |#{1,6} |>|\||```|~~~)")
# A set at the start lets `re` skip what is no end; behind one of the first four, more of them may follow.
_END = re.compile(r"""[.!?…。！？](?:(?<=[.!?…])[.!?…]*)?["'”’»)\]]*(?:\s?\[\d{1,3}\])*""")
_WORD_BEFORE = re.compile(r"[\w.&-]+$")
_LOOK_AHEAD = 80
_OPENS = re.compile(r"""["'“‘«(\[*_`]*[^\W_a-z]""")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences of `text`, in order, without surrounding whitespace.

    Blank lines and the starts of list items, headings, quotes and table rows also end a sentence. A citation
    mark such as `[2]` behind the full stop belongs to the sentence before it. Every non-space character is in
    exactly one span.
    """
    return [span for start, end in _blocks(text) for span in _sentences(text, start, end)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    start = position = 0
    single_line = False
    for line in text.splitlines(keepends=True):
        opens = _BLOCK_START.match(line) is not None
        if (opens or single_line or not line.strip()) and start < position:
            yield start, position
            start = position
        single_line = line.lstrip().startswith(("#", "|"))
        position += len(line)
    if start < position:
        yield start, position


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    marker = _BLOCK_START.match(text, start, end)
    search_from = marker.end() if marker else start
    for match in _END.finditer(text, search_from, end):
        mark, stop = match.span()
        if _is_end(text, mark, stop, end):
            yield from _trimmed(text, start, stop)
            start = stop
    yield from _trimmed(text, start, end)


def _is_end(text: str, mark: int, stop: int, end: int) -> bool:
    """Whether what stands from `mark` to `stop` ends a sentence, in a block that goes to `end`."""
    if stop >= end or text[mark] in "。！？":
        return True
    if not text[stop].isspace():
        return False
    limit = min(end, stop + _LOOK_AHEAD)
    after = stop + 1
    while after < limit and text[after].isspace():
        after += 1
    if after == limit:
        return True
    following = text[after]
    if stop == mark + 1 and text[mark] == "." and _is_abbreviation(text, mark, following):
        return False
    if following.isupper():
        return True
    return _OPENS.match(text, after, limit) is not None or (text[mark] in "!?" and not following.islower())


def _is_abbreviation(text: str, dot: int, following: str) -> bool:
    word = text[max(0, dot - 20) : dot].rpartition(" ")[2]
    if not word.isalpha():
        found = _WORD_BEFORE.search(word)
        if found is None:
            return False
        word = found.group()
    lower = word.lower()
    if lower in BEFORE_NUMBER:
        return following.isdigit()
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    return lower in ABBREVIATIONS or is_initial


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
