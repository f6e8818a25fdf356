from pathlib import Path

from assay_adapters.judge_input import FIRST_CLAIM, PAD, SOURCE, Row, collate, encode
from assay_adapters.judge_windows import WINDOW_TOKENS, Chooser, pieces_of, windows_of
from assay_adapters.models import model_folder
from tokenizers import Tokenizer

TOKENIZER = Tokenizer.from_file(str(Path(model_folder("packaged:all-MiniLM-L6-v2")) / "tokenizer.json"))
TOKENIZER.no_padding()
TOKENIZER.no_truncation()
LONG = " ".join(f"Station {n} keeps {n + 20} pumps in the northern hall." for n in range(60))


def test_windows_cover_every_sentence_and_stay_small() -> None:
    pieces = pieces_of([LONG, "A short one."], TOKENIZER)
    windows = windows_of(pieces)
    assert {piece for window in windows for piece in window} == set(pieces)
    assert all(sum(len(p.ids) for p in window) <= WINDOW_TOKENS for window in windows)
    assert all(len({p.source for p in window}) == 1 for window in windows)


def test_pieces_point_into_their_source() -> None:
    for piece in pieces_of([LONG, "First. Second one here."], TOKENIZER):
        text = [LONG, "First. Second one here."][piece.source][piece.start : piece.end]
        assert TOKENIZER.encode(text, add_special_tokens=False).ids == list(piece.ids)


def test_a_sentence_longer_than_a_window_is_cut() -> None:
    endless = " ".join(["word"] * 900)
    windows = windows_of(pieces_of([endless], TOKENIZER))
    assert sum(len(p.ids) for p in {p for w in windows for p in w}) == 900
    assert all(sum(len(p.ids) for p in window) <= WINDOW_TOKENS for window in windows)


def test_the_window_that_shares_the_claims_words_is_chosen() -> None:
    pieces = pieces_of([LONG], TOKENIZER)
    windows = windows_of(pieces)
    chooser = Chooser(pieces, windows)
    (claim,) = encode(TOKENIZER, ["Station 57 keeps 77 pumps."], limit=96)
    chosen = [windows[n] for n in chooser.windows(claim[1:-1], most=2)]
    assert any("Station 57 " in LONG[p.start : p.end] for window in chosen for p in window)
    gathered = [LONG[p.start : p.end] for p in chooser.gathered(claim[1:-1])]
    assert any("Station 57 " in text for text in gathered)
    assert gathered == sorted(gathered, key=LONG.find)


def test_rows_are_laid_out_with_their_claims_before_the_source() -> None:
    batch = collate([Row([1, 2, 3], [[4, 5], [6]]), Row([7], [[8]])], pad_to=4)
    assert batch.ids.tolist() == [[4, 5, 6, 1, 2, 3, 0, 0], [8, 7, 0, 0, 0, 0, 0, 0]]
    first, second = FIRST_CLAIM, FIRST_CLAIM + 1
    assert batch.kinds.tolist()[0] == [first, first, second, SOURCE, SOURCE, SOURCE, PAD, PAD]
    assert batch.numbers.tolist() == [first, second]
    assert batch.positions.tolist()[0][:6] == [0, 1, 0, 96, 97, 98]
