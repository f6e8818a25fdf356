"""The platform beside other software, block by block in one run, so that both meet the same machine."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay_evals.peers import Passage, PeerProcess


@dataclass(frozen=True, slots=True)
class Block:
    """Seconds that the same passages took here and there."""

    passages: int
    ours_s: float
    peers_s: float

    @property
    def ratio(self) -> float:
        return self.peers_s / self.ours_s


def run_blocks(
    passages: "Sequence[Passage]",
    *,
    blocks: int,
    ours: "Callable[[Sequence[Passage]], None]",
    peer: "PeerProcess",
    on_block: Callable[[Block], None],
) -> list[Block]:
    """Feed each block to both, the first one in turns. `ours` returns when the passages can be found."""
    size = -(-len(passages) // blocks)
    done: list[Block] = []
    for number, start in enumerate(range(0, len(passages), size)):
        part = passages[start : start + size]
        if number % 2:
            ours_s, peers_s = _seconds(ours, part), peer.ingest(part)
        else:
            peers_s, ours_s = peer.ingest(part), _seconds(ours, part)
        done.append(Block(len(part), ours_s, peers_s))
        on_block(done[-1])
    return done


def summarize(blocks: Sequence[Block]) -> dict[str, object]:
    """Passages a second of both, and how many times faster the platform is: over all, and in each block."""
    passages = sum(block.passages for block in blocks)
    ours_s, peers_s = sum(block.ours_s for block in blocks), sum(block.peers_s for block in blocks)
    ratios = sorted(block.ratio for block in blocks)
    return {
        "passages": passages,
        "ours_per_s": round(passages / ours_s, 2),
        "peers_per_s": round(passages / peers_s, 2),
        "ratio": round(peers_s / ours_s, 2),
        "ratio_of_blocks": [round(ratio, 2) for ratio in ratios],
        "ratio_median": round(statistics.median(ratios), 2),
    }


def _seconds(ours: "Callable[[Sequence[Passage]], None]", part: "Sequence[Passage]") -> float:
    started = time.perf_counter()
    ours(part)
    return time.perf_counter() - started
