import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from assay_adapters.models import model_folder
from assay_adapters.word_counts import WordCounts, token_counter
from assay_testing import sample
from tokenizers import Regex, Tokenizer
from tokenizers.pre_tokenizers import Split

STRANGE = (
    "",
    " \t\n\r ",
    "foo\x1cbar foo\x85bar foo\u2028bar foo\u00a0bar foo\u200bbar foo\x00bar \x1f",
    "e\u0301 \u0301e cafe\u0301 \u0301",
    "[SEP] a[MASK]b [ MASK ] ##ing",
    "\ud800 lone",
    "x" * 300 + " " + "y" * 99,
    "漢字かな交じり文 and words, 3.14% (see p. 7)… «no»?",
    "İstanbul ẞ ﬁ ½ 🙂👍🏽 a\u200d b",
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    loaded = Tokenizer.from_file(str(Path(model_folder("packaged:all-MiniLM-L6-v2")) / "tokenizer.json"))
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def plain(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    readable = [text.encode("utf-8", "replace").decode() for text in texts]
    return [len(one.ids) for one in tokenizer.encode_batch_fast(readable, add_special_tokens=False)]


def test_words_add_up_to_what_the_tokenizer_counts(tokenizer: Tokenizer) -> None:
    count = token_counter(tokenizer)
    assert isinstance(count, WordCounts)
    texts = [*STRANGE, *(path.read_text(errors="replace") for path in sample.documents())]
    for _ in range(2):
        assert count(texts) == plain(tokenizer, texts)
        assert [count([text]) for text in texts] == [plain(tokenizer, [text]) for text in texts]


def test_any_characters_count_as_the_tokenizer_counts_them(tokenizer: Tokenizer) -> None:
    luck = random.Random(7)
    characters = [" ", "\n", "a", "Z", "9", ".", *(chr(n) for n in range(0x20)), *map(chr, range(0x80, 0x3100, 7))]
    texts = ["".join(luck.choices(characters, k=40)) for _ in range(2000)]
    count = token_counter(tokenizer)
    assert count(texts) == plain(tokenizer, texts)
    assert [count([text])[0] for text in texts] == plain(tokenizer, texts)


def test_other_tokenizers_count_whole_texts(tokenizer: Tokenizer) -> None:
    other = Tokenizer.from_str(tokenizer.to_str())
    other.pre_tokenizer = Split(Regex("x"), "isolated")
    assert not isinstance(token_counter(other), WordCounts)


def test_what_is_known_is_not_counted_again_and_does_not_grow_without_end() -> None:
    asked: list[str] = []

    def count(words: Sequence[str]) -> list[int]:
        asked.extend(words)
        return [len(word) for word in words]

    counts = WordCounts(count)
    assert counts(["one two", "two"]) == [6, 3]
    assert counts(["two one", "long" * 20]) == [6, 80]
    assert sorted(asked) == ["long" * 20, "one", "two"]
    for start in range(0, 120_000, 10_000):
        counts([" ".join(map(str, range(start, start + 10_000)))])
    assert len(vars(counts)["_known"]) <= 60_000


def test_several_threads_may_count(tokenizer: Tokenizer) -> None:
    count = token_counter(tokenizer)
    texts = [" ".join(f"word{n * m}" for n in range(300)) for m in range(1, 9)]
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(count(texts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [plain(tokenizer, texts)] * 4
