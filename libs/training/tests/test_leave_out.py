"""Sets as small as can be, in the form of the public ones."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_training.corpora import Corpora
from assay_training.judge import train_judge
from assay_training.judge_calibration import whole_cases
from assay_training.judge_data import SETS, build, is_development
from assay_training.judge_training import Plan

_MARK = {name: f"{name.replace('_', '')}word" for name in SETS}


def _text(name: str, number: int) -> str:
    mark = _MARK[name]
    return " ".join(
        f"The {mark} number {number} was kept in the hall of town {n} for {n + 20} years by the old company."
        for n in range(4)
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Corpora:
    root = tmp_path_factory.mktemp("sets")
    many = range(40)

    def put(name: str, rows: list[dict[str, object]]) -> None:
        path = root / name
        path.parent.mkdir(exist_ok=True)
        with gzip.open(f"{path}.gz", "wt") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in rows)

    put(
        "ground_scifact_train/claims.jsonl",
        [
            {"doc_id": str(n), "title": "T", "sentences": _text("scifact", n).split(". "), "label": "SUPPORT",
             "claim": f"A {_MARK['scifact']} was kept.", "evidence_sentences": [[0]]}
            for n in many
        ],
    )  # fmt: skip
    evidence = {"votes": ["SUPPORTS"], "evidence_label": "SUPPORTS"}
    put(
        "ground_climatefever/claims.jsonl",
        [
            {"claim_id": str(n), "claim": f"A {_MARK['climatefever']} was kept.", "claim_label": "SUPPORTS",
             "evidences": [{**evidence, "evidence": _text("climatefever", n).split(". ")[0] + "."}]}
            for n in many
        ],
    )  # fmt: skip
    put(
        "ground_begin_dev/turns.jsonl",
        [
            {"id": str(n), "source": "wow", "knowledge": _text("begin", n), "label": "Fully attributable",
             "response": f"A {_MARK['begin']} was kept in the hall."}
            for n in many
        ],
    )  # fmt: skip
    for name in ("qa_policyqa_dev", "qa_covidqa"):
        put(f"{name}/articles.jsonl", [{"id": str(n), "title": "T", "paragraphs": [_text(name, n)]} for n in many])
        put(
            f"{name}/questions.jsonl",
            [
                {"article_id": str(n), "question": question, "answers": [answer], "paragraph": 0,
                 "answer_start": [_text(name, n).index(answer)]}
                for n in many
                for question, answer in (("How long?", "20 years"), ("Where?", "the hall"))
            ],
        )  # fmt: skip
    passages = [[{"title": "T", "text": _text("clapnq", n)}] for n in many]
    for kind, answer in (("answerable", f"A {_MARK['clapnq']} was kept in the hall."), ("unanswerable", "")):
        put(
            f"qa_clapnq/{kind}.jsonl",
            [{"id": f"{kind}{n}", "input": "How?", "passages": p, "output": [{"answer": answer}]}
             for n, p in enumerate(passages)],
        )  # fmt: skip
    put(
        "qa_pubmedqa/pqal_nontest.jsonl",
        [
            {"id": str(n), "question": "Is it?", "contexts": [_text("pubmedqa", n)],
             "long_answer": f"A {_MARK['pubmedqa']} was kept in the hall."}
            for n in many
        ],
    )  # fmt: skip
    (root / "docs_debian").mkdir()
    with tarfile.open(root / "docs_debian" / "debian-docs.tar.xz", "w:xz") as archive:
        for n in many:
            page = f"<title>T</title><p>{_text('manuals', n)}</p>{' ' * 4000}".encode()
            entry = tarfile.TarInfo(f"debian-docs/postgresql-15/{n}.html")
            entry.size = len(page)
            archive.addfile(entry, io.BytesIO(page))
    return Corpora(root)


@pytest.mark.parametrize("name", SETS)
def test_no_word_of_the_set_left_out_is_trained_on(corpora: Corpora, name: str) -> None:
    packs = build(corpora, seed=1)
    left = build(corpora, seed=1, leave_out=[name])
    assert _MARK[name] in str(packs)
    assert _MARK[name] not in str(left)
    assert {pack.set for pack in left} == set(SETS) - {name}


def test_errors_are_made_from_what_remains(corpora: Corpora) -> None:
    usual = ["clapnq", "climatefever", "qa_policyqa_dev"]
    assert {pack.set for pack in build(corpora, seed=1, leave_out=usual)} == set(SETS) - set(usual)
    with pytest.raises(Invalid, match="leave fewer out"):
        build(corpora, seed=1, leave_out=[*usual, "manuals", "pubmedqa"])


def test_every_set_has_cases_of_documents_held_back(corpora: Corpora) -> None:
    cases = whole_cases(corpora, seed=1, held_back=0.4)
    assert {case.corpus for case in cases} == set(SETS)
    assert all(is_development(case.document, 0.4) for case in cases)
    assert not all(is_development(case.document) for case in cases)
    assert {_MARK[case.corpus] in str(case.contexts) for case in cases if case.set != "clapnq"} == {True}


def test_of_a_larger_share_those_of_a_smaller_one_are_a_part() -> None:
    names = [f"d{n}" for n in range(500)]
    assert {n for n in names if is_development(n)} < {n for n in names if is_development(n, 0.3)}


def test_a_set_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="'squad' is no set; --leave-out takes scifact"):
        train_judge(tmp_path, tmp_path, Plan(seed=1, minutes=1), leave_out=["begin", "squad"])


def test_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Every set is left out"):
        train_judge(tmp_path, tmp_path, Plan(seed=1, minutes=1), leave_out=SETS)
