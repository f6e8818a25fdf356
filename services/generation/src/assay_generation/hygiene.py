"""What is not to be seen does not get into a prompt or out of it, and model output starts nothing in a reader.

What chat templates read as the end of a turn would let a document speak as the system or the user.

Zero-width and bidirectional controls, tag characters and variation selectors carry hidden instructions; Markdown
images and links carry data out as soon as a foreign client renders them (CVE-2025-32711).
"""

import re
import unicodedata

_KEPT = frozenset("\n\t")
# Joiners shape Persian, Indic and emoji text, one between two such characters: runs of them, or some in plain English,
# are hidden bytes. A variation selector chooses a glyph.
_JOINERS = frozenset("\u200c\u200d")
_JOINS_NOTHING = re.compile(
    "(?<![^\\x00-\\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\\x00-\\x7f\u200c\u200d])"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_MARKDOWN = re.compile(r"!(?=\[)|\](?=[(\[:])|<(?=[A-Za-z/!?])")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.|(?:mailto|javascript|data):)[^\s<>\"')\]]+", re.IGNORECASE)
_TURNS = re.compile(
    r"<(?=\|\s*\w{1,30}\s*\|>|/?s>|/?(?:start|end)_of_turn>|/?(?:bos|eos|pad|unk)>|</?SYS>>)|\[(?=/?INST\])",
    re.IGNORECASE,
)
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")

REMOVED = "(link removed)"


def visible(text: str) -> str:
    """`text` without characters that cannot be seen; line ends become newlines."""
    text = _SELECTORS.sub("", _LINE_ENDS.sub("\n", text))
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(c for c in text if c in _KEPT or c in _JOINERS or not unicodedata.category(c).startswith("C"))
    return _JOINS_NOTHING.sub("", shown)


def as_text(text: str) -> str:
    """`text` as it may stand in a prompt: visible, and with no mark of a chat template whole."""
    return _TURNS.sub(lambda found: found.group() + " ", visible(text))


def inert(text: str, *, known: str) -> str:
    """Model output that no Markdown or HTML renderer turns into an image, a link or a tag.

    Bare addresses stay if they stand in `known`, the text of the sources; others are removed.
    """
    text = _ADDRESS.sub(lambda found: found.group() if _bare(found.group()) in known else REMOVED, text)
    return _MARKDOWN.sub(lambda found: found.group() + " ", text)


def _bare(address: str) -> str:
    return address.rstrip(".,;:!?")
