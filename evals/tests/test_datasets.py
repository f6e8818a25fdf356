import gzip
import json
from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_evals.datasets import CorpusDocument, read_beir, read_golden
from assay_testing import sample

CORPUS = [{"id": "1", "title": "Pumps", "text": "Blue."}, {"_id": "2", "text": "Red."}]
QUERIES = [{"id": "q1", "text": "Which pump?"}, {"id": "q2", "text": "Unjudged?"}, {"id": "q3", "text": "Nothing?"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\t1\t2\nq1\t2\t0\nq3\t1\t0\n"
DATA = Path(__file__).parents[3] / "shared" / "data"


def write(folder: Path, *, qrels: str = QRELS, packed: bool = False) -> Path:
    texts = {
        "corpus.jsonl": "\n".join(json.dumps(row) for row in CORPUS),
        "queries.jsonl": "\n".join(json.dumps(row) for row in QUERIES) + "\n\n",
        "qrels.tsv": qrels,
    }
    for name, text in texts.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_a_beir_folder_is_read_plain_or_packed(tmp_path: Path, packed: bool) -> None:
    read = read_beir(write(tmp_path, packed=packed))
    assert read.corpus == (CorpusDocument("1", "Pumps", "Blue."), CorpusDocument("2", "", "Red."))
    assert read.queries == {"q1": "Which pump?"}
    assert read.judgements == {"q1": {"1": 2, "2": 0}}


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("q1\t1\t1\n", "header"),
        ("query-id\tcorpus-id\tscore\nq1\t1\n", r"qrels\.tsv:2"),
        ("query-id\tcorpus-id\tscore\nq1\t1\tgood\n", r"qrels\.tsv:2"),
        ("query-id\tcorpus-id\tscore\nq9\t1\t1\n", "'q9'"),
        ("query-id\tcorpus-id\tscore\nq1\t1\t0\n", "no judged query"),
    ],
)
def test_bad_judgements_are_refused_with_their_place(tmp_path: Path, qrels: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read_beir(write(tmp_path, qrels=qrels))


def test_a_folder_without_corpus_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no qrels\.tsv"):
        read_beir(tmp_path)


def test_broken_bytes_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "corpus.jsonl").unlink()
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(Invalid, match=r"corpus\.jsonl\.gz"):
        read_beir(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        ('{"id": "a"}', "'question'"),
        ('{"id": "a", "question": "Why?", "answerable": true, "passages": []}', "names no passage"),
        ('{"id": "a", "question": " ", "answerable": false}', "needs an id"),
        (
            '{"id": "a", "question": "Why?", "answerable": false, "passages": [{"document": "d", "quote": "q"}]}',
            "no passage",
        ),
    ],
)
def test_golden_questions_that_cannot_be_scored_are_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(Invalid, match=message) as caught:
        read_golden(path)
    assert "golden.jsonl:2" in caught.value.message


def test_the_sample_golden_set_reads() -> None:
    questions = read_golden(sample.HERE / "golden.jsonl")
    assert len(questions) == 120
    assert sum(not question.answerable for question in questions) == 30


@pytest.mark.parametrize(
    ("name", "documents", "queries", "relevant"),
    [("beir_scifact_train", 5183, 807, 917), ("ir_npl_vaswani", 11429, 93, 2083)],
)
def test_public_sets_read_as_published(name: str, documents: int, queries: int, relevant: int) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not beside the repository")
    read = read_beir(DATA / name)
    assert (len(read.corpus), len(read.queries)) == (documents, queries)
    assert sum(grade > 0 for grades in read.judgements.values() for grade in grades.values()) == relevant
    known = {document.id for document in read.corpus}
    assert all(grades.keys() <= known for grades in read.judgements.values())
