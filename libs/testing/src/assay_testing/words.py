import re

_WORD = re.compile(r"\w+")
_STOP = frozenset("a an and are as at be by for from has in is it of on or that the to was were will with".split())  # noqa: SIM905 (reads better)


def words(text: str) -> list[str]:
    """Lower-case words of `text`, in order."""
    return _WORD.findall(text.lower())


def content_words(text: str) -> list[str]:
    """Words without English stop words."""
    return [word for word in words(text) if word not in _STOP]
