"""Training examples: a source with several claims about it, or several questions to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from assay_training.corpora import sentences
from assay_training.edits import NOT_ENOUGH, SUPPORTED, Around, Changed, Target, announce, change_meaning, keep_meaning
from assay_training.shortenings import joined, shortenings

_GAPS = 0.25
_JOINED = 0.3
_SHORTENED = 0.5
GROUND, PASSAGE, ANSWER = "ground", "passage", "answer"


@dataclass(frozen=True, slots=True)
class Slot:
    """What is held against the source.

    `target` is the distribution over supported, contradicted and not enough; of questions (1, 0, 0) means relevant.
    `errors` are spans of the text that the source does not back, None if unknown. `evidence` is the source's deciding
    span. `weight` says how much the slot counts, `human` that people wrote and labelled it.
    """

    task: str
    text: str
    target: Target
    errors: tuple[tuple[int, int], ...] | None = None
    evidence: tuple[int, int] | None = None
    weight: float = 1.0
    human: bool = False


@dataclass(frozen=True, slots=True)
class Pack:
    """A source with its slots. `document` keeps training and development apart."""

    set: str
    document: str
    source: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Some sentences in a row, and what stands before and behind them."""

    inside: Sequence[str]
    outside: Sequence[str]

    @property
    def text(self) -> str:
        return " ".join(self.inside)


def window(texts: Sequence[str], rng: Random, *, at: int | None = None, words: int | None = None) -> Window:
    """About `words` words of sentences, around number `at`."""
    wanted = words or rng.choice((30, 45, 60, 80, 100, 130, 160))
    start = end = rng.randrange(len(texts)) if at is None else at
    end += 1
    while sum(len(t.split()) for t in texts[start:end]) < wanted and (start > 0 or end < len(texts)):
        if start > 0 and (end == len(texts) or rng.random() < 0.5):
            start -= 1
        else:
            end += 1
    outside = [*texts[max(0, start - 4) : start], *texts[end : end + 4]]
    if end - start < 4 or rng.random() > _GAPS:
        return Window(texts[start:end], outside)
    # The platform also gathers sentences that do not follow each other.
    gone = {n for n in rng.sample(range(start, end), rng.choice((1, 2))) if n != at}
    return Window([texts[n] for n in range(start, end) if n not in gone], [*outside, *(texts[n] for n in gone)])


def made_claims(inside: Window, rng: Random, elsewhere: Sequence[str], *, title: str = "", most: int = 8) -> list[Slot]:
    """Claims made from the window's sentences: about half of them true."""
    around = Around(inside.text, elsewhere, title)
    bases = [s for s in inside.inside if 5 <= len(s.split()) <= 45]
    rng.shuffle(bases)
    slots: list[Slot] = []
    for base in bases:
        if len(slots) >= most - 2:
            break
        evidence = _span(around.window, base)
        shorter = shortenings(base)
        said = rng.choice(shorter) if shorter and rng.random() < _SHORTENED else base
        true = keep_meaning(said, rng, around) if rng.random() < 0.9 else said
        if rng.random() < 0.25:
            other = rng.choice(bases)
            if other != base and len(other.split()) + len(true.split()) < 50:
                true = f"{true.rstrip(' .')}{rng.choice((', and ', '. ', '; '))}{other}"
        slots.append(_slot(Changed(true), rng, evidence))
        for _ in range(rng.choice((1, 1, 2))):
            false = change_meaning(true if rng.random() < 0.7 else keep_meaning(said, rng, around), rng, around)
            if false is not None:
                slots.append(_slot(false, rng, evidence))
    absent = [s for s in inside.outside if 5 <= len(s.split()) <= 40 and s not in around.window]
    for base in rng.sample(absent, min(len(absent), rng.choice((0, 1, 1, 2)))):
        text = keep_meaning(base, rng, around)
        slots.append(_slot(Changed(text, None, NOT_ENOUGH), rng, None))
    if rng.random() < 0.15:
        slots.append(_slot(Changed(rng.choice(elsewhere), None, NOT_ENOUGH), rng, None, weight=0.5))
    rng.shuffle(slots)
    return slots[:most]


def from_text(
    name: str,
    document: str,
    text: str,
    rng: Random,
    elsewhere: Sequence[str],
    *,
    title: str = "",
    words: int | None = None,
) -> Pack | None:
    """A pack of made claims about a part of a text; None if it has no usable sentence."""
    texts = sentences(text)
    if not texts:
        return None
    inside = _with_joined(window(texts, rng, words=words), rng)
    slots = made_claims(inside, rng, elsewhere, title=title)
    if len(slots) < 2:
        return None
    return headed(Pack(name, document, inside.text, tuple(slots)), title, rng)


def _with_joined(inside: Window, rng: Random) -> Window:
    """Two neighbours as one sentence, sometimes: of long sentences a claim often says half."""
    texts = list(inside.inside)
    fitting = [(n, whole) for n, pair in enumerate(pairwise(texts)) if (whole := joined(*pair))]
    if not fitting or rng.random() > _JOINED:
        return inside
    n, whole = rng.choice(fitting)
    return Window([*texts[:n], whole, *texts[n + 2 :]], inside.outside)


def headed(pack: Pack, title: str, rng: Random) -> Pack:
    """With the title before the text, sometimes."""
    if not title or (rng.random() < 0.6 and not any(title in slot.text for slot in pack.slots)):
        return pack
    head = f"{title}\n"
    slots = tuple(
        replace(s, evidence=s.evidence and (s.evidence[0] + len(head), s.evidence[1] + len(head))) for s in pack.slots
    )
    return Pack(pack.set, pack.document, head + pack.source, slots)


def claim(text: str, target: Target, *, evidence: tuple[int, int] | None = None, weight: float = 1.0) -> Slot:
    """A claim with a known verdict; of a true one every word is backed."""
    return Slot(GROUND, text, target, () if target == SUPPORTED else None, evidence, weight, human=True)


def _slot(changed: Changed, rng: Random, evidence: tuple[int, int] | None, *, weight: float = 1.0) -> Slot:
    if rng.random() < 0.1:
        changed = announce(changed, rng)
    return Slot(GROUND, changed.text, changed.target, changed.errors, evidence, weight)


def _span(source: str, part: str) -> tuple[int, int] | None:
    at = source.find(part)
    return (at, at + len(part)) if at >= 0 else None
