"""Make a golden set from the documents of a collection that the asker may read."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assay_core.errors import Invalid
from assay_core.evaluation import GoldenQuestion
from assay_core.ports import Judge

from assay_evals.generating import facts, templates
from assay_evals.generating.filters import Find, refusal
from assay_evals.generating.templates import Candidate

SHARES: Mapping[str, float] = {
    templates.FACTOID: 0.4,
    templates.MULTI_HOP: 0.1,
    templates.COMPARISON: 0.15,
    templates.UNANSWERABLE: 0.15,
    templates.FALSE_PREMISE: 0.1,
    templates.FOLLOW_UP: 0.1,
}
TRIES = 8
"""So many candidates are tried for a question of a type before the type is given up."""

Write = Callable[[Sequence[tuple[str, str]], str, random.Random], Iterator[Candidate]]
"""Further candidates of a type from (name, text) pairs, by a language model."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that the asker may read."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Generated:
    """Questions by type in the order of `SHARES`; `refused` counts what did not pass, by reason."""

    questions: Sequence[GoldenQuestion]
    refused: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def by_type(self) -> Mapping[str, int]:
        return Counter(question.type for question in self.questions)


def generate(
    sources: Sequence[Source],
    wanted: int,
    *,
    find: Find,
    seed: int,
    judge: Judge | None = None,
    write: Write | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Generated:
    """Up to so many questions; a type that the documents do not give leaves its share to factoids.

    The same documents, seed and answers of `find`, `judge` and `write` make the same questions.

    Raises:
        Invalid: no document, or not one question passed.
    """
    if not sources:
        raise Invalid("There is no document that you may read; ingest some first.", code="empty_sample")
    pools = _pools(sorted(sources, key=lambda source: source.name), random.Random(seed), write)
    kept: dict[str, list[GoldenQuestion]] = {name: [] for name in SHARES}
    refused = Counter[str]()
    shares = {name: round(share * wanted) for name, share in SHARES.items()}
    for name in (*(name for name in SHARES if name != templates.FACTOID), templates.FACTOID):
        others = sum(len(found) for other, found in kept.items() if other != templates.FACTOID)
        share = wanted - others if name == templates.FACTOID else shares[name]
        _fill(kept[name], pools[name], share, lambda candidate: refusal(candidate, find, judge), refused)
        on_progress(sum(map(len, kept.values())), wanted)
    questions = [question for found in kept.values() for question in found]
    if not questions:
        raise Invalid(
            "Not one question could be made of these documents: they have no sentences or tables that the templates"
            " fit, or what was made did not pass the filters. A language model finds more: --llm-url.",
            code="empty_sample",
        )
    return Generated(questions, refused)


def _fill(
    kept: list[GoldenQuestion],
    pool: Iterator[Candidate],
    share: int,
    judged: Callable[[Candidate], str | None],
    refused: Counter[str],
) -> None:
    tried = 0
    seen = set[str]()
    for candidate in pool:
        if len(kept) >= share or tried >= TRIES * share:
            return
        if candidate.question.id in seen:
            continue
        seen.add(candidate.question.id)
        tried += 1
        reason = judged(candidate)
        if reason is None:
            kept.append(candidate.question)
        else:
            refused[reason] += 1


def _pools(sources: Sequence[Source], draw: random.Random, write: Write | None) -> Mapping[str, Iterator[Candidate]]:
    told = [fact for s in sources for fact in facts.facts_of(s.name, facts.title_of(s.text, s.name), s.text)]
    cells = [cell for s in sources for cell in facts.cells_of(s.name, facts.title_of(s.text, s.name), s.text)]
    made: dict[str, list[Candidate]] = {
        templates.FACTOID: list(templates.factoids(told, cells)),
        templates.MULTI_HOP: list(templates.multi_hops(told)),
        templates.COMPARISON: list(templates.comparisons(told, cells)),
        templates.UNANSWERABLE: list(templates.unanswerables(told, draw)),
        templates.FALSE_PREMISE: list(templates.false_premises(told)),
        templates.FOLLOW_UP: list(templates.follow_ups(cells)),
    }
    return {name: _pool(name, found, sources, draw, write) for name, found in made.items()}


def _pool(
    name: str, found: list[Candidate], sources: Sequence[Source], draw: random.Random, write: Write | None
) -> Iterator[Candidate]:
    order = random.Random(draw.random())
    if write is not None:
        yield from write([(source.name, source.text) for source in sources], name, order)
    order.shuffle(found)
    yield from _in_turn(found)


def _in_turn(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Documents take turns, so that a long one does not fill the set."""
    by_document: dict[tuple[str, ...], list[Candidate]] = {}
    for candidate in candidates:
        named = candidate.question.about or tuple(passage.document for passage in candidate.question.passages)
        by_document.setdefault(named[:1], []).append(candidate)
    turn = 0
    while any(len(found) > turn for found in by_document.values()):
        yield from (found[turn] for found in by_document.values() if len(found) > turn)
        turn += 1
