"""Which share of pairs a cache would serve, and where its threshold comes from."""

import gzip
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_evals.cache_pairs import Looked, Pair, calibrated, figures, halves, read_pairs, report


def looked(same: int, different: int, *, at: float, passes: bool = True) -> list[Looked]:
    return [Looked(True, at, passes)] * same + [Looked(False, at, passes)] * different


def test_a_hit_is_near_enough_and_not_told_apart() -> None:
    seen = [*looked(3, 1, at=0.95), *looked(1, 9, at=0.95, passes=False), *looked(6, 0, at=0.85)]
    found = figures(seen, 0.9)
    assert (found.hits.times, found.hits.of) == (3, 10)
    assert (found.wrong.times, found.wrong.of) == (1, 10)


def test_the_threshold_is_the_least_that_is_surely_right() -> None:
    seen = [*looked(50, 40, at=0.88), *looked(50, 0, at=0.93), *looked(0, 3000, at=0.5)]
    assert calibrated(seen) == 0.885
    assert calibrated(seen, most_wrong=0.05) == 0.8


def test_few_pairs_prove_no_threshold() -> None:
    with pytest.raises(Invalid, match="calibrate on more of them"):
        calibrated(looked(20, 20, at=0.9))


def test_the_parts_share_no_question_even_by_way_of_others() -> None:
    chains = [[f"{name}{n}" for n in range(4)] for name in "abcdefghijklmnop"]
    pairs = [Pair(one, two, True) for chain in chains for one, two in pairwise(chain)]
    first, second = halves(pairs)
    asked = [{q for pair in part for q in (pair.a, pair.b)} for part in (first, second)]
    assert len(first) + len(second) == len(pairs)
    assert first
    assert second
    assert asked[0].isdisjoint(asked[1])


def test_without_a_threshold_one_part_chooses_it_and_the_other_is_measured() -> None:
    pairs = [Pair(f"a{n}", f"b{n}", n % 4 == 0) for n in range(8000)]
    measured: list[int] = []

    def look(part: Sequence[Pair]) -> list[Looked]:
        measured.append(len(part))
        return [Looked(pair.same, 0.9 if pair.same else 0.7, True) for pair in part]

    found = report(pairs, look, threshold=None)
    assert found["threshold"] == 0.8
    assert (found["hit_rate"], found["wrong_hit_rate"]) == (1.0, 0.0)
    assert [found["calibrated_on"], found["pairs"]] == measured
    assert sum(measured) == 8000
    assert report(pairs, look, threshold=0.65)["wrong_hit_rate"] == 1.0


def test_pairs_of_one_label_have_no_rate_of_the_other() -> None:
    found = report([Pair("a", "b", False)], lambda part: looked(0, len(part), at=0.5), threshold=0.9)
    assert (found["hit_rate"], found["hit_interval"], found["wrong_hit_rate"]) == (None, None, 0.0)


def test_pairs_are_read_plain_and_compressed(tmp_path: Path) -> None:
    line = json.dumps({"a": "x", "b": "y", "label": 1, "more": 2}) + "\n\n"
    (tmp_path / "p.jsonl").write_text(line)
    with gzip.open(tmp_path / "p.jsonl.gz", "wt") as file:
        file.write(line)
    assert read_pairs(tmp_path / "p.jsonl") == read_pairs(tmp_path / "p.jsonl.gz") == [Pair("x", "y", True)]


@pytest.mark.parametrize("line", ['{"a": "x", "b": "y"}', '{"a": 1, "b": "y", "label": 1}', "[]", "{", "null"])
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "p.jsonl").write_text('{"a": "x", "b": "y", "label": 0}\n' + line + "\n")
    with pytest.raises(Invalid, match="line 2"):
        read_pairs(tmp_path / "p.jsonl")


def test_a_file_without_pairs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("\n")
    with pytest.raises(Invalid, match="holds no pair"):
        read_pairs(tmp_path / "p.jsonl")
