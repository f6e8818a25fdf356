"""Packs as token ids and labels, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from assay_adapters.encodable import encodable
from assay_adapters.judge_input import CLAIM_TOKENS, FIRST_CLAIM, SOURCE, Batch, Row, collate

from assay_training.packs import Pack, Slot

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_WIDTH = 448
_SOURCE = 330
_UNKNOWN = -1.0


@dataclass(frozen=True, slots=True)
class Example:
    """A pack in ids. `errors[k]` has a label for each token of slot k (-1: none); `evidence[k]` marks source tokens."""

    row: Row
    slots: tuple[Slot, ...]
    errors: tuple[Sequence[float], ...]
    evidence: tuple[Sequence[float], ...]
    set: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A batch with its labels.

    `verdict` is (rows, claims, 3), `weights` by task (rows, claims), `errors` (rows, tokens), `evidence` (rows, claims,
    tokens), as in `Outputs`.
    """

    batch: Batch
    verdict: np.ndarray
    weights: dict[str, np.ndarray]
    errors: np.ndarray
    evidence: np.ndarray
    has_evidence: np.ndarray


def encode_packs(tokenizer: "Tokenizer", packs: Sequence[Pack]) -> list[Example]:
    """Packs in ids; slots that do not fit into a row are left out."""
    found: list[Example] = []
    for pack in packs:
        source, *claims = tokenizer.encode_batch(
            [encodable(pack.source), *(encodable(slot.text) for slot in pack.slots)], add_special_tokens=True
        )
        source_ids = _cut(source, _SOURCE)
        kept, width = list[int](), len(source_ids)
        for number, coded in enumerate(claims):
            size = min(len(coded.ids), CLAIM_TOKENS)
            if width + size <= _WIDTH:
                kept.append(number)
                width += size
        if not kept:
            continue
        slots = tuple(pack.slots[n] for n in kept)
        found.append(
            Example(
                Row(source_ids, [_cut(claims[n], CLAIM_TOKENS) for n in kept]),
                slots,
                tuple(_errors(claims[n], pack.slots[n]) for n in kept),
                tuple(_marks(source, slot.evidence, _SOURCE) for slot in slots),
                pack.set,
            )
        )
    return found


def batches(examples: Sequence[Example], *, tokens: int, rng: Random) -> Iterator[Labelled]:
    """All examples once, in random order, those of about equal width together."""
    order = list(range(len(examples)))
    rng.shuffle(order)
    groups: list[list[int]] = []
    for start in range(0, len(order), 400):
        near = sorted(order[start : start + 400], key=lambda i: examples[i].row.width)
        while near:
            width = examples[near[-1]].row.width
            size = max(1, tokens // width)
            groups.append(near[-size:])
            near = near[:-size]
    rng.shuffle(groups)
    for group in groups:
        yield label([examples[i] for i in group])


def label(examples: Sequence[Example]) -> Labelled:
    batch = collate([e.row for e in examples])
    rows, width, claims = len(examples), batch.ids.shape[1], len(batch.numbers)
    verdict = np.zeros((rows, claims, 3), dtype=np.float32)
    weights = {task: np.zeros((rows, claims), dtype=np.float32) for task in ("ground", "passage", "answer")}
    errors = np.full((rows, width), _UNKNOWN, dtype=np.float32)
    evidence = np.zeros((rows, claims, width), dtype=np.float32)
    has_evidence = np.zeros((rows, claims), dtype=np.float32)
    for i, example in enumerate(examples):
        source = np.flatnonzero(batch.kinds[i] == SOURCE)
        for k, slot in enumerate(example.slots):
            verdict[i, k] = slot.target
            weights[slot.task][i, k] = slot.weight
            errors[i, np.flatnonzero(batch.kinds[i] == FIRST_CLAIM + k)] = example.errors[k]
            marks = np.asarray(example.evidence[k], dtype=np.float32)
            if marks.sum() > 0:
                evidence[i, k, source] = marks / marks.sum()
                has_evidence[i, k] = 1.0
    return Labelled(batch, verdict, weights, errors, evidence, has_evidence)


def _cut(coded: "Encoding", limit: int) -> list[int]:
    return coded.ids if len(coded.ids) <= limit else [*coded.ids[: limit - 1], coded.ids[-1]]


def _errors(coded: "Encoding", slot: Slot) -> list[float]:
    size = min(len(coded.ids), CLAIM_TOKENS)
    if slot.errors is None or slot.task != "ground":
        return [_UNKNOWN] * size
    found = [
        float(any(a < end and start < b for a, b in slot.errors)) if end > start else _UNKNOWN
        for start, end in coded.offsets
    ]
    return found[:size]


def _marks(source: "Encoding", span: tuple[int, int] | None, limit: int) -> list[float]:
    size = min(len(source.ids), limit)
    if span is None:
        return [0.0] * size
    return [float(end > start and start < span[1] and span[0] < end) for start, end in source.offsets[:size]]
