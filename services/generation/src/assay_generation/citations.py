"""The answer as it is shown: text with the server's own marks, the citations behind them, and the claims.

Citations are built from the hits that the server retrieved. What the model writes never becomes an id or an offset.
"""

from collections.abc import Sequence

from assay_core.answers import AnswerEvent, Citation, Cited, Claim, Judged, Token, Verdict
from assay_core.search import Hit

from assay_generation.draft import Sentence
from assay_generation.verify import Checked, Support


class Composition:
    """Grows sentence by sentence; marks are numbered in the order of their first use."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self._hits = hits
        self._numbers: dict[tuple[int, int, int], int] = {}
        self.text = ""
        self.citations: list[Citation] = []
        self.claims: list[Claim] = []

    @property
    def verdicts(self) -> list[Verdict]:
        return [claim.verdict for claim in self.claims]

    def say(self, text: str) -> list[AnswerEvent]:
        """Words of our own, which claim nothing."""
        self.text += text
        return [Token(text)]

    def add(self, sentence: Sentence, checked: Checked) -> list[AnswerEvent]:
        """Show a sentence with its marks. Returns the events in order: text, new citations, verdict."""
        before = len(self.citations)
        numbers = tuple(sorted({self._number(support) for support in checked.support}))
        lead = sentence.lead if self.text else ""
        start = len(self.text) + len(lead)
        piece = sentence.text + "".join(f" [{number}]" for number in numbers)
        claim = Claim(start, start + len(piece), checked.verdict, checked.probability, numbers)
        self.text += lead + piece
        self.claims.append(claim)
        return [Token(lead + piece), *map(Cited, self.citations[before:]), Judged(claim)]

    def _number(self, support: Support) -> int:
        place = (support.hit, support.start, support.end)
        if place not in self._numbers:
            self._numbers[place] = len(self._numbers) + 1
            self.citations.append(citation(self._hits[support.hit], support, self._numbers[place]))
        return self._numbers[place]


def citation(hit: Hit, support: Support, number: int) -> Citation:
    """A span of a hit as a citation: `quote` is the stored text at `start:end` of that version."""
    return Citation(
        n=number,
        chunk=hit.chunk,
        document=hit.document,
        document_name=hit.document_name,
        version=hit.version,
        page=hit.page,
        heading_path=hit.heading_path,
        start=hit.start + support.start,
        end=hit.start + support.end,
        quote=hit.text[support.start : support.end],
        origin=support.origin,
    )
