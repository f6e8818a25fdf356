"""The red team looks for words of the prompts: they must be in the prompts."""

from importlib.resources import files

from assay_evals.redteam.verdicts import PROMPT_PHRASES


def test_every_phrase_stands_in_a_prompt_and_every_prompt_has_one() -> None:
    folder = files("assay_generation").joinpath("prompts")
    prompts = [entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".md")]
    assert all(any(phrase in prompt for prompt in prompts) for phrase in PROMPT_PHRASES)
    assert all(any(phrase in prompt for phrase in PROMPT_PHRASES) for prompt in prompts)
