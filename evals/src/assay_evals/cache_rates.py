"""How often the semantic cache answers, and how often it answers what a fresh run would not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HIT_RATE = "cache_hit_rate"
WRONG_HIT_RATE = "cache_wrong_hit_rate"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question that the cache was asked. `wrong` is None if the hit was not compared with a fresh answer."""

    hit: bool
    wrong: bool | None = None


def rates(lookups: Iterable[Lookup]) -> Mapping[str, float]:
    """Both rates; one without anything to count is absent, not 0."""
    seen = list(lookups)
    audited = [lookup.wrong for lookup in seen if lookup.hit and lookup.wrong is not None]
    found: dict[str, float] = {}
    if seen:
        found[HIT_RATE] = sum(lookup.hit for lookup in seen) / len(seen)
    if audited:
        found[WRONG_HIT_RATE] = sum(audited) / len(audited)
    return found
