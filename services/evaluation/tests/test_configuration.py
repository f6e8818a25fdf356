from dataclasses import replace

from assay_core.search import Degradation
from assay_evaluation.configuration import with_answer
from assay_evaluation.runs import evenly
from assay_testing.answers import answer, hit

ANSWER = answer("Twenty days.", sources=(hit("leave.md", "Twenty days."),))


def test_models_and_prompts_of_the_answers_are_recorded_once() -> None:
    once = with_answer({"top_k": 5}, ANSWER)
    assert once == {
        "top_k": 5,
        "chat_models": ["fake-chat"],
        "prompt_versions": ["v1"],
        "scored_by": ["rrf"],
    }
    assert with_answer(once, ANSWER) == once


def test_an_upgrade_in_the_middle_of_a_run_shows() -> None:
    later = replace(ANSWER, model="bigger-chat", degraded=(Degradation("judge", "unverified", "down"),))
    found = with_answer(with_answer({}, ANSWER), later)
    assert found["chat_models"] == ["bigger-chat", "fake-chat"]
    assert found["degraded"] == ["judge"]


def test_a_part_of_a_set_is_spread_over_the_whole() -> None:
    assert evenly(["a", "b", "c", "d", "e", "f"], 3) == ["a", "c", "e"]
    assert evenly(["a", "b"], 5) == ["a", "b"]
    assert evenly(["a", "b"], None) == ["a", "b"]
