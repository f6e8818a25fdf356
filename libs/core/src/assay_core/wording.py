"""Exact words that a passage must hold, or must not."""

import re
import unicodedata
from collections.abc import Iterable

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Wording:
    """Whether a text holds every phrase and none of the excluded words, whatever their case and white space."""

    def __init__(self, phrases: Iterable[str], excluded: Iterable[str]) -> None:
        self._wanted = [_pattern(phrase) for phrase in phrases]
        self._unwanted = [_pattern(word) for word in excluded]

    def fits(self, text: str) -> bool:
        """Whether one text does both."""
        found = plain(text)
        return all(one.search(found) for one in self._wanted) and not any(one.search(found) for one in self._unwanted)


def _pattern(words: str) -> re.Pattern[str]:
    """A word ends where letters end, except in scripts that put no space between words."""
    wanted = plain(words)
    before = "" if _UNSPACED.match(wanted[0]) else r"(?<!\w)"
    after = "" if _UNSPACED.match(wanted[-1]) else r"(?!\w)"
    return re.compile(before + re.escape(wanted) + after)


def plain(text: str) -> str:
    """As texts are compared: in one case and form, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
