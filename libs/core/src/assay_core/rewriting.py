"""Whether a first result is likely weak, so that a second search in other words may pay."""

from collections.abc import Sequence
from math import exp

from assay_core.fusion import DENSE, LEXICAL, Candidate

WEAK = 0.25
"""From this probability on a result counts as weak."""
_TOP = 10
_LEAD = 5


def weakness(candidates: Sequence[Candidate]) -> float:
    """How likely none of the first five passages is what was asked for, from 0 to 1.

    It shows where nothing stands out and the two indexes agree on little. For scores fused on an absolute scale:
    logistic regression on every second question of CACM, Cranfield, NPL and SciFact (2026-11-23); on the other half its
    AUC is .77, and its probabilities are right within .1 (docs/decisions/0032-spelling-languages-rewriting.md).
    """
    best = sorted(candidates, key=lambda one: -one.score)[:_TOP]
    if not best:
        return 1.0
    lead = best[0].score - best[min(_LEAD, len(best)) - 1].score
    agreed = sum(_high_in_both(one) for one in best) / _TOP
    return 1 / (1 + exp(12.575 * lead + 1.558 * agreed - 0.037))


def _high_in_both(candidate: Candidate) -> bool:
    high = {seen.stage for seen in candidate.stages if seen.rank <= _TOP}
    return {DENSE, LEXICAL} <= high
