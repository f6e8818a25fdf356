import pytest
from assay_core.errors import Invalid
from assay_core.index_profiles import KINDS, PARAMETERS, IndexProfile


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_alone_has_the_usual_parameters(kind: str) -> None:
    profile = IndexProfile.parse(kind)
    assert str(profile) == profile.built == kind
    assert {name: profile[name] for name in PARAMETERS[profile.kind]} == {
        name: parameter.usual for name, parameter in PARAMETERS[profile.kind].items()
    }


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("ivf_pq:nprobe=128,nlist=512", "ivf_pq:nlist=512,nprobe=128"),
        ("ivf_pq:nlist=256,per_byte=4", "ivf_pq:per_byte=4"),
        ("hnsw:ef=128", "hnsw"),
    ],
)
def test_a_profile_is_written_in_one_way(written: str, stored: str) -> None:
    assert str(IndexProfile.parse(written)) == stored
    assert IndexProfile.parse(stored) == IndexProfile.parse(written)


def test_what_is_given_with_a_search_needs_no_files_of_its_own() -> None:
    assert IndexProfile.parse("ivf_pq:nprobe=128,rescore=8").built == "ivf_pq"
    assert IndexProfile.parse("hnsw:m=32,ef=64").built == "hnsw:m=32"


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("", "'' is no index kind"),
        ("annoy", "use one of hnsw, ivf_pq, ivf_sq8, flat"),
        ("hnsw:", "no parameter ''"),
        ("hnsw:nlist=3", "it has m, ef_construction, ef"),
        ("flat:m=3", "it has none"),
        ("hnsw:m=0", "m is '0'; use a whole number from 4 to 64"),
        ("hnsw:m=", "m is ''"),
        ("hnsw:m=-8", "m is '-8'"),
        ("hnsw:m=1e1", "m is '1e1'"),
        ("hnsw:m=" + "9" * 5000, "use a whole number"),
        ("hnsw:m=²", "m is '²'"),
        ("ivf_sq8:nlist=16", "nprobe is 64; it can be up to nlist, which is 16"),
    ],
)
def test_what_is_no_profile_is_refused_by_name(written: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        IndexProfile.parse(written)
    assert caught.value.code == "bad_index_kind"
    assert named in caught.value.message


@pytest.mark.parametrize(
    ("written", "bytes_each"),
    [("flat", 1536), ("hnsw", 1664), ("hnsw:m=32", 1792), ("ivf_sq8", 384), ("ivf_pq", 48), ("ivf_pq:per_byte=5", 64)],
)
def test_memory_follows_from_the_layout(written: str, bytes_each: int) -> None:
    assert IndexProfile.parse(written).bytes_each(384) == bytes_each
