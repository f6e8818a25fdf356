from collections.abc import Sequence

from assay_cli.against import Block, run_blocks, summarize
from assay_evals.peers import Passage


class Order:
    """Writes down who was fed, with what."""

    def __init__(self) -> None:
        self.fed: list[tuple[str, list[str]]] = []

    def ours(self, passages: Sequence[Passage]) -> None:
        self.fed.append(("ours", [p.id for p in passages]))

    def ingest(self, passages: Sequence[Passage]) -> float:
        self.fed.append(("peer", [p.id for p in passages]))
        return 2.0


def test_both_are_fed_the_same_blocks_and_take_turns_at_being_first():
    order, seen = Order(), list[Block]()
    passages = [Passage(str(n), "", "text") for n in range(5)]
    done = run_blocks(passages, blocks=2, ours=order.ours, peer=order, on_block=seen.append)  # pyright: ignore[reportArgumentType]
    assert order.fed == [
        ("peer", ["0", "1", "2"]),
        ("ours", ["0", "1", "2"]),
        ("ours", ["3", "4"]),
        ("peer", ["3", "4"]),
    ]
    assert [block.passages for block in done] == [3, 2]
    assert [block.peers_s for block in done] == [2.0, 2.0]
    assert seen == done


def test_the_ratio_is_of_all_seconds():
    figures = summarize([Block(100, ours_s=1.0, peers_s=4.0), Block(100, ours_s=3.0, peers_s=4.0)])
    assert figures == {
        "passages": 200,
        "ours_per_s": 50.0,
        "peers_per_s": 25.0,
        "ratio": 2.0,
        "ratio_of_blocks": [1.33, 4.0],
        "ratio_median": 2.67,
    }
