"""Profiles are tried on Milvus beside what is in use, and nothing of a trial stays, whatever became of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from assay_adapters import milvus_scratch
from assay_adapters.milvus import MilvusIndex
from assay_core.documents import ChunkId, CollectionId
from assay_core.index_profiles import IndexProfile
from assay_embedded.testing import Platform
from assay_ingestion.scratch import ScratchSweep
from assay_retrieval.exact_search import Matrix
from assay_retrieval.index_trial import Sample, Trial
from assay_retrieval.kept_vectors import Row
from assay_store.database import Database
from assay_store.locks import INDEX_TRIAL, NamedLock
from assay_testing.ids import new_chunks, new_collection, new_row, scope_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DIMENSION = 32


class Kept:
    def __init__(self, sample: Sample) -> None:
        self._rows = dict(zip(sample.chunks, sample.vectors, strict=True))

    def of(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, Row | None]:  # noqa: ARG002
        return {one: self._rows[one] for one in chunks}


def unit(rows: int, seed: int) -> Matrix:
    found = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def token(server: Platform) -> str:
    return Path(server.env["ASSAY_MILVUS__TOKEN_FILE"]).read_text().strip()


@pytest.fixture
def opened(milvus_server: Platform) -> Callable[[IndexProfile], MilvusIndex]:
    space = uuid4().hex

    def make(profile: IndexProfile, prefix: str = milvus_scratch.PREFIX) -> MilvusIndex:
        return MilvusIndex(
            uri=milvus_server.env["ASSAY_MILVUS__URI"],
            token=token(milvus_server),
            model_id=space,
            dimension=DIMENSION,
            profile=profile,
            timeout_s=60,
            prefix=prefix,
        )

    return make


def remove(server: Platform) -> int:
    return milvus_scratch.remove_all(uri=server.env["ASSAY_MILVUS__URI"], token=token(server))


def test_a_trial_leaves_nothing(milvus_server: Platform, opened: Callable[[IndexProfile], MilvusIndex]) -> None:
    collection = new_collection()
    sample = Sample(collection, new_chunks(collection, 3000), unit(3000, 1), unit(40, 2))
    trial = Trial(opened=opened, remove=lambda: remove(milvus_server), kept=Kept(sample), say=lambda _: None)
    points = trial.run(sample, [IndexProfile.parse(one) for one in ("flat", "ivf_sq8:nlist=16,nprobe=16")])
    assert [one.profile for one in points] == ["flat", "ivf_sq8:nlist=16,nprobe=16"]
    assert [one.recall for one in points] == [1.0, pytest.approx(1.0, abs=0.01)]
    assert remove(milvus_server) == 0


def test_what_a_killed_trial_left_is_swept_once_its_lock_is_gone(
    milvus_server: Platform, opened: Callable[..., MilvusIndex], database: Database
) -> None:
    collection = new_collection()
    used, left = opened(IndexProfile(), "assay"), opened(IndexProfile())
    row = new_row(collection)
    for index in (used, left):
        index.upsert([row], unit(1, 3))
    trial = NamedLock(database.url, INDEX_TRIAL)
    assert trial.try_acquire()
    swept: list[int] = []
    sweep = ScratchSweep(
        lock=NamedLock(database.url, INDEX_TRIAL), remove=lambda: swept.append(remove(milvus_server)) or 0
    )
    sweep.work()
    assert swept == []
    trial.release()
    sweep.work()
    sweep.work()
    assert swept == [1]
    used.count(collection, [row.chunk])
    assert len(used.search(scope_of(collection, 1), unit(1, 3)[0], top_k=5, timeout_s=10)) == 1
    used.close()
