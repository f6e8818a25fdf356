"""A worker that scores real runs in a real database against a platform of a few lines: `… DATABASE_URL SEED`.

It says "ready" and works until it is killed.
"""

import random
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from assay_core.answers import Answer, Turn
from assay_core.collection_settings import Answering
from assay_core.documents import CollectionId
from assay_core.ports import Judge
from assay_core.principals import Principal
from assay_core.search import Hit
from assay_evaluation.loop import RunLoop
from assay_evaluation.runs import Options, Runner
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_testing.answers import answer, hit
from assay_testing.fake_judge import FakeJudge
from assay_wire import internal

TEXT = "Parental leave is twenty days for each parent."
LEASE_S = 1.0


class SlowPlatform:
    """Answers after a few milliseconds."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def search(self, question: str) -> Sequence[Hit]:
        del question
        return (hit("leave.md", TEXT),)

    def ask(self, question: str, history: tuple[Turn, ...] = ()) -> Answer:
        del history
        time.sleep(self._draw.uniform(0.002, 0.02))
        return replace(answer(TEXT, sources=(hit("leave.md", TEXT),)), question=question)


def main() -> None:
    database_url, seed = sys.argv[1], int(sys.argv[2])

    @contextmanager
    def judge(_: str) -> Generator[Judge]:
        yield FakeJudge()

    @contextmanager
    def platform(
        _who: Principal, _where: CollectionId, _how: Answering, _stopping: threading.Event
    ) -> Generator[SlowPlatform]:
        yield SlowPlatform(seed)

    def similarity(one: str, other: str) -> float:
        return float(one == other)

    database = Database(database_url, pool_size=6)
    runner = Runner(
        database=database,
        vault=Vault(bytes(32)),
        choose_judge=judge,
        choose_similarity=lambda: similarity,
        connect=platform,
        read_answer=internal.answer.validate_json,
        options=Options(parallel=2, traffic_sample=10, facts={}),
    )
    loop = RunLoop(database=database, runner=runner, owner=f"worker-{seed}", lease_s=LEASE_S, poll_s=0.05)
    loop.start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
