import numpy as np
import pytest
from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Broken, NotFound
from assay_core.jobs import JobKind, Lease
from assay_ingestion import vectors
from assay_store.pipeline import VectorPlace
from assay_testing.fake_blobs import FakeBlobStore

HELD = Lease(TenantId("t"), "job", JobKind.INGEST, DocumentId(TenantId("t"), "d"), 3, epoch=2, attempt=1)


def test_rows_come_back_by_place_and_of_unit_length() -> None:
    blobs = FakeBlobStore()
    rows = vectors.unit_rows(np.arange(1, 13, dtype=np.float32).reshape(3, 4))
    vectors.write(blobs, "vectors/a", rows)
    vectors.write(blobs, "vectors/b", rows[:1])
    places = [VectorPlace("vectors/a", 2), VectorPlace("vectors/b", 0), VectorPlace("vectors/a", 0)]
    read = vectors.read(blobs, places, 4)
    assert read.dtype == np.float32
    assert np.allclose(read, rows[[2, 0, 0]], atol=1e-3)
    assert np.allclose(np.linalg.norm(read, axis=1), 1, atol=1e-6)
    assert blobs.held["vectors/b"] == rows[:1].astype("<f2").tobytes()


def test_no_places_give_no_rows() -> None:
    assert vectors.read(FakeBlobStore(), [], 4).shape == (0, 4)


def test_a_missing_or_damaged_file_is_noticed() -> None:
    blobs = FakeBlobStore()
    with pytest.raises(NotFound):
        vectors.read(blobs, [VectorPlace("vectors/gone", 0)], 4)
    blobs.put("vectors/a", [np.ones((2, 4), dtype="<f2").tobytes()])
    for place, dimension in ((VectorPlace("vectors/a", 2), 4), (VectorPlace("vectors/a", 0), 3)):
        with pytest.raises(Broken):
            vectors.read(blobs, [place], dimension)


@pytest.mark.parametrize("row", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_a_vector_without_direction_is_refused(row: list[float]) -> None:
    with pytest.raises(Broken):
        vectors.unit_rows(np.asarray([[1.0, 0.0], row], dtype=np.float32))


def test_each_try_at_a_version_has_its_own_file() -> None:
    assert vectors.file_key(HELD) == "vectors/t/d/3-2.f16"
    assert vectors.file_key(HELD, epoch=1) == "vectors/t/d/3-1.f16"
