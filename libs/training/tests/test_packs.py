from random import Random

from assay_training.edits import SUPPORTED
from assay_training.judge_data import is_development
from assay_training.judge_features import batches, encode_packs
from assay_training.judge_training import base_tokenizer
from assay_training.packs import Pack, Slot, from_text, headed, window

TEXTS = [f"Station {n} keeps {n + 20} pumps in the northern hall of the town." for n in range(12)]
ELSEWHERE = ["Marie Curie discovered radium in the laboratory of the university in Paris."]


def test_a_window_holds_the_sentence_that_it_is_made_around() -> None:
    for seed in range(20):
        found = window(TEXTS, Random(seed), at=5, words=60)
        assert TEXTS[5] in found.inside
        assert not set(found.inside) & set(found.outside)


def test_claims_are_true_and_false_and_evidence_lies_in_the_source() -> None:
    slots: list[Slot] = []
    for seed in range(30):
        pack = from_text("set", "d", " ".join(TEXTS), Random(seed), ELSEWHERE, title="Stations")
        assert pack is not None
        slots += pack.slots
        for slot in pack.slots:
            if slot.evidence:
                assert pack.source[slice(*slot.evidence)] in TEXTS
    true = sum(slot.target == SUPPORTED for slot in slots)
    assert 0.25 < true / len(slots) < 0.65


def test_a_title_moves_the_evidence_along() -> None:
    pack = Pack("set", "d", TEXTS[0], (Slot("ground", f"Stations: {TEXTS[0]}", SUPPORTED, (), (0, 7)),))
    assert headed(pack, "Stations", Random(1)).source[
        slice(*(headed(pack, "Stations", Random(1)).slots[0].evidence or ()))
    ] == ("Station")


def test_labels_follow_the_tokens() -> None:
    source = "The pump weighs 40 kg. It is blue."
    text = "The pump weighs 50 kg."
    slots = (Slot("ground", text, (0.0, 1.0, 0.0), ((16, 18),), (0, 22)), Slot("passage", "How heavy?", SUPPORTED))
    tokenizer = base_tokenizer()
    (example,) = encode_packs(tokenizer, [Pack("set", "d", source, slots)])
    wrong = [tokenizer.id_to_token(i) for i, e in zip(example.row.claims[0], example.errors[0], strict=True) if e == 1]
    assert wrong == ["50"]
    assert set(example.errors[1]) == {-1.0}
    (labelled,) = batches([example], tokens=500, rng=Random(1))
    assert labelled.weights["ground"].tolist() == [[1.0, 0.0]]
    assert labelled.weights["passage"].tolist() == [[0.0, 1.0]]
    assert labelled.evidence[0, 0].sum() == 1
    assert labelled.has_evidence.tolist() == [[1.0, 0.0]]


def test_development_documents_are_held_back_by_name() -> None:
    held = [n for n in range(2000) if is_development(f"d{n}")]
    assert 120 < len(held) < 280
    assert held == [n for n in range(2000) if is_development(f"d{n}")]
