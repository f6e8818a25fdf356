"""How often a semantic cache serves a question what another one was answered with, rightly and wrongly.

A line of a file is {"a", "b", "label"}: label 1 says that both questions have the same answer. The threshold is chosen
on one part of the pairs and measured on the other; pairs that share a question, even by way of others, are in one part.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from assay_core.errors import Invalid

from assay_evals.statistics.shares import Share

MOST_WRONG = 0.01
_THRESHOLDS = tuple(round(0.8 + step / 200, 3) for step in range(40))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions, and whether they have the same answer."""

    a: str
    b: str
    same: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What a cache sees of a pair: the cosine of its vectors, and whether no second look tells it apart."""

    same: bool
    similarity: float
    passes: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """`hits` are of the pairs with one answer, `wrong` of the others."""

    threshold: float
    hits: Share
    wrong: Share


Look = Callable[[Sequence[Pair]], Sequence[Looked]]


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file of JSON lines, perhaps compressed. Raises `Invalid`, naming the line that is none."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        pairs = [_pair(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not pairs:
        raise Invalid(f"{path} holds no pair; it needs one a line.", code="bad_pairs")
    return pairs


def halves(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Two parts that share no question; which is whose follows from the questions alone."""
    first: dict[str, str] = {}

    def root(question: str) -> str:
        while (above := first.setdefault(question, question)) != question:
            first[question] = first[above]
            question = above
        return question

    for pair in pairs:
        low, high = sorted((root(pair.a), root(pair.b)))
        first[high] = low
    parts: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        parts[hashlib.sha256(root(pair.a).encode("utf-8", "surrogatepass")).digest()[0] % 2].append(pair)
    return parts


def calibrated(looked: Sequence[Looked], *, most_wrong: float = MOST_WRONG) -> float:
    """The least threshold at which wrong hits are surely (95 %) at most so large a share.

    Raises:
        Invalid: the pairs are too few to say so of any threshold.
    """
    for threshold in _THRESHOLDS:
        if figures(looked, threshold).wrong.interval[1] <= most_wrong:
            return threshold
    raise Invalid(
        f"No threshold up to {_THRESHOLDS[-1]} has surely at most {most_wrong:.1%} wrong hits on these pairs;"
        " calibrate on more of them, or give --threshold.",
        code="too_few_pairs",
    )


def figures(looked: Sequence[Looked], threshold: float) -> Figures:
    """What is served at a threshold. Raises `Invalid` if the pairs are all the same, or none is."""
    hits = [one.passes and one.similarity >= threshold for one in looked if one.same]
    wrong = [one.passes and one.similarity >= threshold for one in looked if not one.same]
    return Figures(threshold, Share(sum(hits), len(hits)), Share(sum(wrong), len(wrong)))


def report(pairs: Sequence[Pair], look: Look, *, threshold: float | None) -> dict[str, object]:
    """Figures at a given threshold on all pairs; without one, at that of one part on the other."""
    if threshold is not None:
        return _told(figures(look(pairs), threshold), pairs=len(pairs))
    calibration, rest = halves(pairs)
    chosen = calibrated(look(calibration))
    return {**_told(figures(look(rest), chosen), pairs=len(rest)), "calibrated_on": len(calibration)}


def _told(found: Figures, *, pairs: int) -> dict[str, object]:
    told: dict[str, object] = {"pairs": pairs, "threshold": found.threshold}
    for name, share in (("hit", found.hits), ("wrong_hit", found.wrong)):
        told[f"{name}_rate"] = round(share.share, 5) if share.of else None
        told[f"{name}_interval"] = [round(end, 5) for end in share.interval] if share.of else None
    return told


def _pair(path: Path, number: int, line: str) -> Pair:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise Invalid(f"{path}, line {number} is no JSON: {error}", code="bad_pairs") from error
    fields = cast("Mapping[str, object]", found) if isinstance(found, dict) else {}
    a, b, label = (fields.get(name) for name in ("a", "b", "label"))
    if not isinstance(a, str) or not isinstance(b, str) or label not in (0, 1):
        raise Invalid(f'{path}, line {number} needs texts "a" and "b", and "label" 0 or 1.', code="bad_pairs")
    return Pair(a, b, label == 1)
