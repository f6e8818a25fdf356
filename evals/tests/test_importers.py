"""Data sets of others become golden sets; what cannot be read is named."""

import json
from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage
from assay_core.golden_sets import check_set
from assay_evals.importers import Imported, format_of, read

DATA = Path(__file__).parents[3] / "shared" / "data"
ARTICLE = {
    "title": "Parental leave",
    "paragraphs": [
        {
            "context": "Leave is paid. It lasts twenty days. The canteen is blue.",
            "qas": [
                {
                    "id": "1",
                    "question": "How long?",
                    "answers": [{"text": "twenty days", "answer_start": 24}, {"text": "twenty", "answer_start": 24}],
                },
                {"id": "2", "question": "Who cooks?", "answers": [], "is_impossible": True},
            ],
        }
    ],
}


def squad(tmp_path: Path, *articles: object) -> Imported:
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": articles}))
    return read(path)


def test_squad_quotes_the_sentence_of_the_answer(tmp_path: Path) -> None:
    found = squad(tmp_path, ARTICLE)
    one, two = found.questions
    assert one.passages == (GoldenPassage("parental-leave.txt", "It lasts twenty days."),)
    assert one.accepted == ("twenty days", "twenty")
    assert (two.answerable, two.passages, two.about) == (False, (), ("parental-leave.txt",))
    assert found.documents["parental-leave.txt"].startswith(b"Leave is paid.")


def test_articles_of_one_title_are_two_documents(tmp_path: Path) -> None:
    assert len(squad(tmp_path, ARTICLE, ARTICLE, {**ARTICLE, "title": "?"}).documents) == 3


def test_a_squad_answer_that_is_not_in_its_paragraph_is_named(tmp_path: Path) -> None:
    wrong = json.loads(json.dumps(ARTICLE).replace("twenty days", "thirty days", 2).replace("lasts thirty", "lasts 20"))
    with pytest.raises(Invalid, match=r"squad\.json, article 1, paragraph 1: the answer of '1'"):
        squad(tmp_path, wrong)


@pytest.mark.parametrize("bad", [{"paragraphs": 7}, {"paragraphs": [7]}, {"paragraphs": [{}]}, 7])
def test_malformed_squad_is_named(tmp_path: Path, bad: object) -> None:
    with pytest.raises(Invalid, match=r"squad\.json, article 2"):
        squad(tmp_path, ARTICLE, bad)


def triples(tmp_path: Path, *lines: object) -> Imported:
    path = tmp_path / "rag.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return read(path)


def test_triples_are_read_by_the_names_that_others_use(tmp_path: Path) -> None:
    found = triples(
        tmp_path,
        {"question": "How long?", "contexts": ["Twenty days.", "Paid."], "answer": "20 days", "id": "a"},
        {"user_input": "How much?", "retrieved_contexts": [{"text": "Paid."}], "reference": "all"},
        {"query": "Who?", "context": "Twenty days.", "ground_truth": ""},
    )
    one, two, three = found.questions
    assert (one.id, len(one.passages), one.passages[0].quote) == ("a", 2, "")
    assert two.passages[0].document == one.passages[1].document, "equal contexts are one document"
    assert (three.answerable, three.about) == (False, (one.passages[0].document,))
    assert len(found.documents) == 2
    check_set("golden", list(found.questions))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"contexts": [], "answer": ""}, "none of question"),
        ({"question": 7, "contexts": [], "answer": ""}, "the field 'question' must be a string"),
        ({"question": "Who?", "answer": ""}, "none of contexts"),
        ({"question": "Who?", "contexts": [" "], "answer": ""}, "a context must be a text"),
        ({"question": "Who?", "contexts": 7, "answer": ""}, "the field 'contexts' must be a list"),
        ({"question": "Who?", "contexts": []}, "none of answer"),
    ],
)
def test_malformed_triples_are_named(tmp_path: Path, line: object, message: str) -> None:
    with pytest.raises(Invalid, match=rf"rag\.jsonl:2: {message}"):
        triples(tmp_path, {"question": "A?", "contexts": ["x"], "answer": "y"}, line)


def test_a_beir_folder_keeps_its_grades(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d/1", "title": "T", "text": "x"}\n{"_id": "d2", "text": "y"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "why?"}\n')
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td/1\t2\nq1\td2\t0\n")
    found = read(tmp_path)
    assert found.questions[0].passages == (GoldenPassage("d%2F1.md", "", 2),)
    assert set(found.documents) == {"d%2F1.md", "d2.md"}
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tgone\t2\n")
    with pytest.raises(Invalid, match="'gone', which corpus"):
        read(tmp_path)


def test_a_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="beir, squad, rag"):
        format_of(tmp_path / "a.csv")
    with pytest.raises(Invalid, match="no format"):
        read(tmp_path, "trec")


def test_a_folder_of_articles_and_questions_is_joined(tmp_path: Path) -> None:
    (tmp_path / "articles.jsonl").write_text('{"id": "a", "title": "Leave", "paragraphs": ["Twenty days. Paid."]}\n')
    question = {
        "id": "1",
        "question": "How?",
        "article_id": "a",
        "paragraph": 0,
        "answers": ["Paid"],
        "answer_start": [13],
    }
    (tmp_path / "questions.jsonl").write_text(json.dumps(question) + "\n")
    assert read(tmp_path).questions[0].passages == (GoldenPassage("leave.txt", "Paid."),)
    (tmp_path / "questions.jsonl").write_text(json.dumps(question | {"paragraph": 1}) + "\n")
    with pytest.raises(Invalid, match="names 'a', which has no such paragraph"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("place", "questions", "documents"),
    [
        ("qa_squad_xquad_en", 1039, 42),
        ("qa_policyqa_dev", 1853, 20),
        ("qa_covidqa", 1380, 98),
        ("qa_pubmedqa/pqal_nontest.jsonl", 500, 1667),
        ("ir_cacm", 52, 3204),
    ],
)
def test_public_sets_are_imported_whole(place: str, questions: int, documents: int) -> None:
    if not (DATA / place).exists():
        pytest.skip(f"{place} is not beside the repository")
    found = read(DATA / place)
    check_set("golden", list(found.questions))
    assert (len(found.questions), len(found.documents)) == (questions, documents)
    named = {passage.document for question in found.questions for passage in question.passages}
    assert named <= found.documents.keys()
