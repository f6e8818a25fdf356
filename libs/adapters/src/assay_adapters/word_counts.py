"""Counts of tokens, word by word where a tokenizer allows it: most words of a text have been counted before.

Dividing a document into passages counts every sentence of it; that was most of what an upload cost whose passages are
there already.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from assay_adapters.encodable import encodable

CountTokens = Callable[[Sequence[str]], list[int]]
_KEPT_WORDS = 50_000
_KEPT_CHARS = 40
_WORD = re.compile(r"[^ \t\n\r]+")
# White space to Python, but BERT's tokenizer leaves them out, so that they join what stands beside them.
_JOINING = "\v\f\x1c\x1d\x1e\x1f\x85"


def token_counter(tokenizer: Any) -> CountTokens:  # Any: tokenizers.Tokenizer is untyped
    """Counts without special tokens, as `tokenizer` does; from several threads."""

    def count(texts: Sequence[str]) -> list[int]:
        encoded = tokenizer.encode_batch_fast([encodable(t) for t in texts], add_special_tokens=False)
        return [len(one.ids) for one in encoded]

    return WordCounts(count) if _ends_at_blanks(json.loads(tokenizer.to_str())) else count


def _ends_at_blanks(made_of: dict[str, Any]) -> bool:
    """Whether no token, nor what makes it, reaches over a blank: WordPiece after BERT's own steps."""
    kinds = [(made_of.get(part) or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    added = [token["content"] for token in made_of.get("added_tokens") or []]
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and all(_WORD.fullmatch(a) for a in added)


class WordCounts:
    """Adds up the counts of words, of which it keeps the short ones; `count` counts those that it does not know."""

    def __init__(self, count: CountTokens) -> None:
        self._count = count
        self._known: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> list[int]:
        divided = _words(texts)
        wanted = {word for words in divided for word in words}
        if len(self._known) > _KEPT_WORDS:
            self._known = {}
        known = self._known
        new = [word for word in wanted if word not in known]
        counted = dict(zip(new, self._count(new), strict=True)) if new else {}
        known.update((word, tokens) for word, tokens in counted.items() if len(word) <= _KEPT_CHARS)
        own = {word: known[word] if word in known else counted[word] for word in wanted}
        return [sum(map(own.__getitem__, words)) for words in divided]


def _words(texts: Sequence[str]) -> list[list[str]]:
    """What stands between blanks; `split` is several times faster than a pattern."""
    together = "\n".join(texts)
    if any(mark in together for mark in _JOINING):
        return [_WORD.findall(text) for text in texts]
    return [text.split() for text in texts]
