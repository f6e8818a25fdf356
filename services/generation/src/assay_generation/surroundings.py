"""Hits that are read with what is around them, as passages that each stand for themselves.

So whatever is cited is cited by the identity and offsets of the passage that says it, not of the hit beside it.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from assay_core.search import Beside, Hit


def each_by_itself(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits, then hits that were read with better ones, then what was no hit: where room is short, that goes first.

    What was no hit has the score and cosine of the hit that it is read with.
    """
    around = [(hit, one) for hit in hits for one in hit.around]
    around.sort(key=lambda pair: inf if pair[1].rank is None else pair[1].rank)
    passages = [replace(hit, around=()) for hit in hits]
    passages += [_by_itself(hit, one, rank) for rank, (hit, one) in enumerate(around, start=len(hits) + 1)]
    return tuple(passages)


def _by_itself(hit: Hit, one: Beside, rank: int) -> Hit:
    return replace(
        hit,
        rank=rank,
        chunk=one.chunk,
        text=one.text,
        start=one.start,
        end=one.end,
        page=one.page,
        heading_path=one.heading_path,
        score_cosine=hit.score_cosine if one.rank is None else one.score_cosine,
        stages=(),
        around=(),
    )
