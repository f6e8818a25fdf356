"""Lessons from what a search found, what a reranker changes, and a training as short as can be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from assay_adapters.cross_encoder import CrossEncoderReranker
from assay_adapters.model_recipe import read_recipe
from assay_adapters.models import model_folder
from assay_core.errors import Invalid
from assay_evals.candidates import Asked, Found, write
from assay_training.fitting import Plan, divided, lessons
from assay_training.rankers import BASE, Sources, train_embedder, train_reranker
from assay_training.ranking_measures import as_fused, as_reranked, best_weight, compared, scored
from assay_training.ranking_sets import windows


def asked(number: int, *, right: int = 3, grade: int = 1) -> Asked:
    """A question whose right passage stands at place `right`."""
    found = [Found(f"Hall {number} keeps pump {place}.", 0.9 - place / 100) for place in range(12)]
    found[right] = Found(f"Pump {number} is inspected weekly.", found[right].score, grade)
    return Asked("set", f"{number}.md", f"how often is pump {number} inspected", tuple(found))


MANY = [asked(number) for number in range(400)]


@dataclass
class Weekly:
    """Knows the right passage, and says so in its own scale."""

    best: float = 5.0
    model_id = "weekly"
    weight = None

    def score(self, query: str, passages: Sequence[str]) -> list[float]:  # noqa: ARG002 (the passage says it all)
        return [self.best if "weekly" in passage else -self.best for passage in passages]


def test_a_lesson_has_the_right_passage_and_wrong_ones_half_of_them_hard() -> None:
    taught = lessons(MANY, Plan(negatives=4))
    assert len(taught) == len(MANY)
    for one in taught:
        assert "weekly" in one.positive
        assert len(set(one.negatives)) == 4
        assert not any("weekly" in negative for negative in one.negatives)
    assert taught == lessons(MANY, Plan(negatives=4))
    assert taught != lessons(MANY, Plan(negatives=4, seed=2))


def test_what_no_search_finds_teaches_nothing() -> None:
    never = Asked("set", "a.md", "q", tuple(Found(f"p{n}", 0.5) for n in range(9)), missing=(1,))
    few = Asked("set", "b.md", "q", (Found("right", 0.9, 1), Found("wrong", 0.8)))
    assert lessons([never, few], Plan(negatives=3)) == []


def test_of_graded_passages_the_best_are_right_and_the_others_not_wrong() -> None:
    found = (Found("best", 0.9, 2), Found("good", 0.8, 1), *(Found(f"w{n}", 0.1) for n in range(5)))
    (lesson,) = lessons([Asked("set", "a.md", "q", found)], Plan(negatives=5))
    assert lesson.positive == "best"
    assert "good" not in lesson.negatives


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(Invalid, match="each needs 20"):
        divided(MANY[:60], 0.1)


def test_a_reranker_that_knows_is_seen_to_rank_better() -> None:
    scores = scored(MANY, Weekly())
    alone = as_reranked(MANY, scores, None)
    assert alone == [1.0] * len(MANY)
    assert best_weight(MANY, scores) is not None, "the first weight that does as well"
    found = compared(MANY, as_fused(MANY), alone)
    assert found["mean"].before < 0.5 < found["mean"].low + found["mean"].before
    assert found["set"].questions == 400


def test_one_that_is_wrong_is_given_the_least_weight() -> None:
    scores = scored(MANY, Weekly(best=-5.0))
    assert best_weight(MANY, scores) == 0.002
    assert compared(MANY, as_fused(MANY), as_reranked(MANY, scores, None))["mean"].high < 0


def test_what_was_not_scored_counts_as_the_worst_that_was() -> None:
    one = asked(1, right=11)
    scores = [[0.0, *[-1.0] * 9]]
    assert as_reranked([one], scores, 0.002) == as_fused([one]) == [0.0]


def test_windows_are_whole_sentences_that_say_where_they_begin() -> None:
    text = " ".join(f"The pump number {number} is inspected every week." for number in range(60))
    parts = windows(text, words=40)
    assert len(parts) > 10
    assert all(text[start : start + len(part)] == part and part.endswith(".") for start, part in parts)


def test_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="--data or --questions"):
        train_reranker(Sources(), Plan(), out=tmp_path)


@pytest.mark.integration
def test_a_short_training_leaves_a_reranker_with_its_card(tmp_path: Path) -> None:
    write(tmp_path / "asked.jsonl", MANY)
    sources = Sources(questions=[tmp_path / "asked.jsonl"], held_back=0.2)
    report = train_reranker(sources, Plan(steps=30, negatives=2, max_tokens=32), out=tmp_path / "out")
    reranker = CrossEncoderReranker(model=str(tmp_path / "out"))
    assert reranker.weight == report.weight
    assert "@" in reranker.model_id
    right, wrong = reranker.score(
        "how often is pump 3 inspected", ["Pump 3 is inspected weekly.", "Hall 3 keeps pump 1."]
    )
    assert right > wrong
    assert report.passed
    assert json.loads((tmp_path / "out" / "data.json").read_text())["files"][0]["file"] == "asked.jsonl"
    assert "| held back: mean |" in (tmp_path / "out" / "card.md").read_text()


@pytest.mark.integration
def test_lora_trains_an_embedder_that_can_be_used_as_any(tmp_path: Path) -> None:
    write(tmp_path / "asked.jsonl", MANY)
    sources = Sources(questions=[tmp_path / "asked.jsonl"], held_back=0.2)
    report = train_embedder(sources, Plan(steps=8, negatives=2, max_tokens=32, lora=4), out=tmp_path / "out")
    assert report.lessons > 200
    assert report.held_back["mean"].questions > 20
    assert report.held_back["mean"].after > report.held_back["mean"].before - 0.05
    assert read_recipe(tmp_path / "out").max_tokens == read_recipe(Path(model_folder(BASE))).max_tokens == 256
