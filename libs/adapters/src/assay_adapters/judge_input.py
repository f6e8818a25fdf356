"""How texts become the input of the judge: several claims share one row with their source.

A row is [claim][claim]…[source]. Claims see themselves and the source, the source sees itself alone: it is read once
for all claims, and what a claim is told does not depend on its neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay_adapters.encodable import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

CLAIM_TOKENS = 96
"""Longest claim with its special tokens; also the position at which the source begins."""
SOURCE_TOKENS = 416
PAD, SOURCE, FIRST_CLAIM = 0, 1, 2
"""Kinds of a token; claim number k is of the kind `FIRST_CLAIM + k`."""


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids of one source and its claims, special tokens included."""

    source: Sequence[int]
    claims: Sequence[Sequence[int]]

    @property
    def width(self) -> int:
        return len(self.source) + sum(map(len, self.claims))


@dataclass(frozen=True, slots=True)
class Batch:
    """int64 arrays: ids, kinds and positions are (rows, tokens), `numbers` names the kinds of the claims."""

    ids: Ids
    kinds: Ids
    positions: Ids
    numbers: Ids


def encode(tokenizer: "Tokenizer", texts: Sequence[str], *, limit: int) -> list[list[int]]:
    """Token ids with special tokens; what is longer than `limit` is cut at the end."""
    found = tokenizer.encode_batch_fast([encodable(text) for text in texts], add_special_tokens=True)
    return [e.ids if len(e.ids) <= limit else [*e.ids[: limit - 1], e.ids[-1]] for e in found]


def collate(rows: Sequence[Row], *, pad_to: int = 8) -> Batch:
    """Rows side by side, padded at the end."""
    width = -(-max(row.width for row in rows) // pad_to) * pad_to
    shape = (len(rows), width)
    ids, kinds, positions = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for i, row in enumerate(rows):
        at = 0
        for number, claim in enumerate(row.claims):
            end = at + len(claim)
            ids[i, at:end], kinds[i, at:end] = claim, FIRST_CLAIM + number
            positions[i, at:end] = np.arange(len(claim))
            at = end
        end = at + len(row.source)
        ids[i, at:end], kinds[i, at:end] = row.source, SOURCE
        positions[i, at:end] = CLAIM_TOKENS + np.arange(len(row.source))
    most = max(len(row.claims) for row in rows)
    return Batch(ids, kinds, positions, np.arange(FIRST_CLAIM, FIRST_CLAIM + most, dtype=np.int64))
