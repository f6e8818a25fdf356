"""What to say where the model's own words do not stand: a sentence of the sources, word for word."""

import re
from collections.abc import Sequence

from assay_core.answers import AnswerEvent, Outcome, Verdict
from assay_core.search import Degradation, Hit

from assay_generation.abstain import THE_DOCUMENTS_DO_NOT_SAY, Thresholds
from assay_generation.citations import Composition
from assay_generation.draft import Sentence
from assay_generation.evidence import Evidence
from assay_generation.hygiene import inert, visible
from assay_generation.verify import Checked, Support

NEAREST = f"{THE_DOCUMENTS_DO_NOT_SAY} The nearest passage is:"
QUOTED = Degradation(
    "generator", "extractive", "What the model wrote was no answer from the sources; a passage is quoted instead."
)
_SPACE = re.compile(r"\s+")
_MARK = re.compile(r"\[(\d{1,3})\]")
_LONGEST_QUOTE = 600


def quote_best(
    composition: Composition, evidence: Sequence[Evidence], hits: Sequence[Hit], limits: Thresholds
) -> tuple[Outcome, list[AnswerEvent]]:
    """Answer with the sentence nearest to the question.

    If it is near enough it stands as the answer: partly supported, for nobody has checked that it answers. If not,
    the answer says that the documents do not say, and shows it as the nearest passage.
    """
    best = evidence[0]
    near = best.cosine >= limits.quote_cosine
    events = [] if near else composition.say(NEAREST)
    shown = inert(_SPACE.sub(" ", visible(hits[best.hit].text[best.start : best.end])), known=hits[best.hit].text)
    # A number in brackets in the document must not look like one of our marks.
    shown = _MARK.sub(r"(\1)", shown)
    sentence = Sentence(" ", f"“{shortened(shown)}”", ())
    support = Support(best.hit, best.start, best.end, "attributed")
    events += composition.add(sentence, Checked(Verdict.SUPPORTED, 1.0, (support,)))
    return (Outcome.PARTLY_SUPPORTED if near else Outcome.NOT_SUPPORTED), events


def shortened(quote: str) -> str:
    """A quote that can be read at a glance; the citation has all of it."""
    return quote if len(quote) <= _LONGEST_QUOTE else quote[: quote.rfind(" ", 0, _LONGEST_QUOTE)] + " …"
