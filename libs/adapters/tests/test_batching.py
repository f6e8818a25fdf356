"""One model for many threads."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from assay_adapters.batching import SharedEmbedder
from assay_core.errors import Unavailable
from assay_core.ports import Vector
from assay_testing.fake_embedder import FakeEmbedder


class HeldEmbedder(FakeEmbedder):
    """Waits in each call until it is let go, and notes what it was asked together."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)
        self.fails_on = ""

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        self._hold(texts)
        return super().embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        self._hold(texts)
        return super().embed_passages(texts)

    def _hold(self, texts: Sequence[str]) -> None:
        self.asked.append(list(texts))
        self.entered.release()
        assert self.let_go.acquire(timeout=10)
        if self.fails_on in texts:
            raise Unavailable("the model is away")


class World:
    def __init__(self) -> None:
        self.held = HeldEmbedder()
        self.shared = SharedEmbedder(self.held)
        self.pool = ThreadPoolExecutor(16)

    def ask(self, text: str) -> Future[Vector]:
        """Ask in a thread, and return when the question waits or is being embedded."""
        before = self.waiting
        asked = self.pool.submit(self.shared.embed_query, text)
        while self.waiting == before and not asked.done():
            pass
        return asked

    @property
    def waiting(self) -> int:
        return len(self.shared._asked) + sum(map(len, self.held.asked))  # pyright: ignore[reportPrivateUsage] (who waits)


@pytest.fixture
def world() -> World:
    return World()


def test_queries_that_come_while_the_model_is_busy_are_embedded_together(world: World) -> None:
    first = world.ask("one")
    assert world.held.entered.acquire(timeout=10)
    others = [world.ask(text) for text in ("two", "three", "four")]
    world.held.let_go.release(2)
    assert first.result(10) == FakeEmbedder().embed_query("one")
    assert [one.result(10) for one in others] == FakeEmbedder().embed_queries(["two", "three", "four"])
    assert world.held.asked == [["one"], ["two", "three", "four"]]


def test_no_more_than_a_bounded_number_goes_together(world: World) -> None:
    world.pool = ThreadPoolExecutor(64)
    first = world.ask("first")
    assert world.held.entered.acquire(timeout=10)
    others = [world.ask(f"q{n}") for n in range(40)]
    world.held.let_go.release(3)
    assert all(one.result(10) for one in [first, *others])
    assert [len(texts) for texts in world.held.asked] == [1, 32, 8]


def test_a_failure_reaches_everyone_who_was_asked_for_and_nobody_else(world: World) -> None:
    world.held.fails_on = "bad"
    first = world.ask("fine")
    assert world.held.entered.acquire(timeout=10)
    others = [world.ask("bad"), world.ask("beside it")]
    world.held.let_go.release(3)
    assert first.result(10)
    for one in others:
        with pytest.raises(Unavailable, match="away"):
            one.result(10)
    assert world.shared.embed_query("later") == FakeEmbedder().embed_query("later")


def test_a_question_waits_for_one_slice_of_a_large_job_only(world: World) -> None:
    passages = [f"passage {n}" for n in range(100)]
    job = world.pool.submit(world.shared.embed_passages, passages)
    assert world.held.entered.acquire(timeout=10)
    question = world.ask("question")
    world.held.let_go.release(3)
    assert question.result(10)
    assert list(job.result(10)) == FakeEmbedder().embed_passages(passages)
    assert [len(texts) for texts in world.held.asked] == [64, 1, 36]
