"""Which fusion serves a collection best: chosen on one half of its golden questions, judged on the other.

A search asks both indexes and fuses what they find, so that every way to fuse can be tried on two searches a question.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from assay_core.collection_settings import NORMALIZATIONS, Searching
from assay_core.documents import ChunkId, TenantId
from assay_core.errors import Invalid, Unavailable
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.fusion import DENSE, LEXICAL, fuse
from assay_core.search import IndexHit
from assay_wire.clients import AssayClient
from assay_wire.public import Hit

from assay_evals import golden, statistics
from assay_evals.uploading import Progress

DEPTH = 50
METRIC_DEPTH = 10
LEAST_QUESTIONS = 20
"""In each half; fewer say nothing."""
MARGIN = 0.02
"""By so much nDCG@10 the learned fusion may be worse at the lower end of the interval."""
SEED = 26
_WEIGHTS = tuple(n / 20 for n in range(1, 20))
_HERE = TenantId("")


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A golden question, what each index finds for it, and which of its gold passages each chunk shows."""

    id: str
    rankings: Mapping[str, Sequence[IndexHit]]
    shown: Mapping[ChunkId, frozenset[int]]
    grades: tuple[int, ...]

    def ndcg(self, searching: Searching) -> float:
        """nDCG@10 of the fused ranking, between 0 and 1."""
        order = fuse(self.rankings, searching)[:METRIC_DEPTH]
        ranks = [
            next((rank for rank, c in enumerate(order, 1) if gold in self.shown.get(c.chunk, ())), None)
            for gold in range(len(self.grades))
        ]
        return golden.ndcg_at(METRIC_DEPTH, ranks, self.grades)


@dataclass(frozen=True, slots=True)
class LearnedFusion:
    """What was learned, and by how much nDCG@10 of the held-back questions would change; `low` to `high`: 95 %."""

    learned_on: int
    held_back: int
    present: Searching
    learned: Searching
    ndcg_present: float
    ndcg_learned: float
    difference: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        return self.learned != self.present

    @property
    def passed(self) -> bool:
        """Whether it is no worse, as far as the held-back questions can tell."""
        return self.difference >= 0 and self.low > -MARGIN

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "differs": self.differs, "passed": self.passed, "margin": MARGIN}


def learn_fusion(asked: Sequence[AskedQuestion], present: Searching) -> LearnedFusion:
    """Choose on one half of the questions, by a hash of their ids, and compare with `present` on the other.

    Raises:
        Invalid: a half has too few questions.
    """
    chosen_on = [question for question in asked if _chooses(question.id)]
    held_back = [question for question in asked if not _chooses(question.id)]
    if min(len(chosen_on), len(held_back)) < LEAST_QUESTIONS:
        raise Invalid(
            f"{len(asked)} questions with gold passages are {len(chosen_on)} to learn on and {len(held_back)} to judge"
            f" by; each half needs {LEAST_QUESTIONS}. Give a larger golden set (`assay golden`).",
            code="too_few_questions",
        )
    learned = max([present, *_ways(present)], key=lambda way: _mean(chosen_on, way))
    before, after = _scores(held_back, present), _scores(held_back, learned)
    found = statistics.compare(before, after, seed=SEED)
    return LearnedFusion(
        learned_on=len(chosen_on),
        held_back=len(held_back),
        present=present,
        learned=learned,
        ndcg_present=round(statistics.mean(before), 5),
        ndcg_learned=round(statistics.mean(after), 5),
        difference=round(found.difference, 5),
        low=round(found.low, 5),
        high=round(found.high, 5),
    )


def ask_indexes(
    client: AssayClient, collection: str, questions: Sequence[GoldenQuestion], on_progress: Progress
) -> list[AskedQuestion]:
    """Ask each index for each question that has gold passages; follow-ups are passed over.

    Raises:
        Unavailable: an index did not answer.
    """
    usable = [question for question in questions if question.passages and not question.history]
    asked: list[AskedQuestion] = []
    for number, question in enumerate(usable, 1):
        asked.append(_asked(client, collection, question))
        on_progress("questions", number, len(usable))
    return asked


def asked_of_indexes(
    client: AssayClient, collection: str, question: str
) -> tuple[dict[str, list[IndexHit]], dict[ChunkId, Hit]]:
    """What each index finds for a question, and the passages of the chunks.

    Raises:
        Unavailable: an index did not answer.
    """
    rankings: dict[str, list[IndexHit]] = {}
    hits: dict[ChunkId, Hit] = {}
    for mode in (DENSE, LEXICAL):
        reply = client.search(collection, question, mode=mode, top_k=DEPTH, rerank=False, cache="bypass", explain=True)
        if reply.degraded:
            missing = reply.degraded[0]
            raise Unavailable(
                f"A {mode} search was answered without {missing.component!r} ({missing.reason}); nothing was learned.",
                code="degraded",
            )
        rankings[mode] = [IndexHit(ChunkId(_HERE, hit.chunk_id), hit.score, share=_share(hit)) for hit in reply.hits]
        hits |= {ChunkId(_HERE, hit.chunk_id): hit for hit in reply.hits}
    return rankings, hits


def _asked(client: AssayClient, collection: str, question: GoldenQuestion) -> AskedQuestion:
    rankings, hits = asked_of_indexes(client, collection, question.question)
    shown = {chunk: _shown(hit, question.passages) for chunk, hit in hits.items()}
    return AskedQuestion(question.id, rankings, shown, tuple(gold.grade for gold in question.passages))


def _share(hit: Hit) -> float | None:
    return hit.stages[0].normalized if hit.stages else None


def _shown(hit: golden.Passage, golds: Sequence[GoldenPassage]) -> frozenset[int]:
    return frozenset(number for number, gold in enumerate(golds) if golden.shows(hit, gold))


def _chooses(question: str) -> bool:
    return hashlib.sha256(question.encode()).digest()[0] % 2 == 0


def _ways(present: Searching) -> list[Searching]:
    kinds = [("rrf", present.normalization), *(("convex", one) for one in NORMALIZATIONS)]
    return [
        present.changed({"fusion": fusion, "normalization": normalization, "dense_weight": weight})
        for fusion, normalization in kinds
        for weight in _WEIGHTS
    ]


def _mean(asked: Sequence[AskedQuestion], searching: Searching) -> float:
    return statistics.mean(_scores(asked, searching))


def _scores(asked: Sequence[AskedQuestion], searching: Searching) -> list[float]:
    return [question.ndcg(searching) for question in asked]
