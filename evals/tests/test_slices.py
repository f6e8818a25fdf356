import pytest
from assay_core.answers import Outcome
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_evals import slices
from assay_evals.language import language_of
from assay_testing.answers import answer, citation


def test_a_question_is_of_a_type_a_language_a_length_and_a_kind_of_document() -> None:
    question = GoldenQuestion("q", "How long is the leave?", "20", True, (GoldenPassage("a/Leave.PDF", "x"),), "table")
    assert slices.of_question(question) == {"type": "table", "language": "en", "length": "short", "document": "pdf"}
    assert tuple(slices.of_question(question)) == slices.NAMES


def test_several_kinds_are_mixed_and_none_is_none() -> None:
    passages = (GoldenPassage("a.pdf", ""), GoldenPassage("b.md", ""))
    assert slices.of_question(GoldenQuestion("q", "a", "", True, passages))["document"] == "mixed"
    assert slices.of_question(GoldenQuestion("q", "a " * 16, "", False))["document"] == "none"
    assert slices.of_question(GoldenQuestion("q", "a " * 16, "", False))["length"] == "long"


def test_an_answer_of_yesterday_is_of_what_it_cites() -> None:
    given = answer("Twenty.", outcome=Outcome.PARTLY_SUPPORTED, citations=(citation("leave.docx", "Twenty."),))
    assert slices.of_answer(given)["document"] == "docx"
    assert slices.of_answer(given)["type"] == "partly_supported"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How much does the parking cost?", "en"),
        ("Wie lange ist der Urlaub für die Eltern?", "de"),
        ("Combien de jours sont dans le congé et pour qui ?", "fr"),
        ("¿Cuánto cuesta el estacionamiento por la noche?", "es"),
        ("育児休暇は何日ですか", "ja"),
        ("育儿假有多少天", "zh"),
        ("Сколько дней длится отпуск?", "und-Cyrl"),
        ("IT-4711", "und"),
        ("", "und"),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert language_of(text) == language
