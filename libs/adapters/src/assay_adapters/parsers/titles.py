from collections.abc import Sequence

from assay_core.documents import Element

from assay_adapters.parsers.decoding import without_controls

_MAX_CHARS = 300
_PLACEHOLDERS = (
    *("untitled", "title", "word document", "microsoft word", "microsoft powerpoint", "powerpoint presentation"),
    *("powerpoint-presentation", "presentation title", "slide 1", "document1", "book1", "sheet1", "workbook"),
)


def best_title(declared: str, text: str, elements: Sequence[Element]) -> str:
    """The declared title where somebody wrote one, else the first heading of the highest level there is."""
    title = " ".join(without_controls(declared).split())
    wordy = sum(1 for character in title if character.isalpha()) >= 2
    if wordy and not _is_placeholder(title.lower()):
        return title[:_MAX_CHARS]
    headings = sorted((element.level, element.start, element.end) for element in elements if element.level)
    texts = (text[start:end] for _, start, end in headings)
    return next((heading[:_MAX_CHARS] for heading in texts if not _is_placeholder(heading.lower())), "")


def _is_placeholder(title: str) -> bool:
    return title in _PLACEHOLDERS or title.startswith(("microsoft word - ", "microsoft powerpoint - "))
