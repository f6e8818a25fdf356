"""Draw a sample that has every kind in it, in proportion."""

import random
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
SHORT_WORDS, MEDIUM_WORDS = 7, 15


def length_of(text: str) -> str:
    """Whether a question is short, medium or long, by its words."""
    words = len(text.split())
    if words <= SHORT_WORDS:
        return "short"
    return "medium" if words <= MEDIUM_WORDS else "long"


def stratified(items: Sequence[Item], size: int, *, stratum: Callable[[Item], Hashable], seed: int) -> list[Item]:
    """At most `size` items, in the order that they came in.

    Each stratum gets a share in proportion to it (largest remainders), but at least one as long as there is room; where
    there are more strata than room, the largest are taken. Within one, chance decides, by `seed`.
    """
    if size >= len(items):
        return list(items)
    draw = random.Random(seed)
    strata: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        strata.setdefault(stratum(item), []).append(place)
    ordered = sorted(strata.values(), key=lambda places: (-len(places), places[0]))[:size]
    shares = _shares([len(places) for places in ordered], size)
    drawn = [place for places, share in zip(ordered, shares, strict=True) for place in draw.sample(places, share)]
    return [items[place] for place in sorted(drawn)]


def _shares(sizes: Sequence[int], total: int) -> list[int]:
    """Whole shares of `total` in proportion to `sizes`, each at least 1 and at most its size."""
    whole = sum(sizes)
    exact = [size * total / whole for size in sizes]
    shares = [min(size, max(1, int(part))) for size, part in zip(sizes, exact, strict=True)]
    order = sorted(range(len(sizes)), key=lambda i: (int(exact[i]) - exact[i], i))
    while sum(shares) < total:
        shares[next(i for i in _by_need(order, shares, exact) if shares[i] < sizes[i])] += 1
    while sum(shares) > total:
        shares[max((i for i in order if shares[i] > 1), key=lambda i: shares[i] - exact[i])] -= 1
    return shares


def _by_need(order: Sequence[int], shares: Sequence[int], exact: Sequence[float]) -> list[int]:
    return sorted(order, key=lambda i: (shares[i] - exact[i], order.index(i)))
