"""Signatures by which documents that say nearly the same are found.

MinHash over runs of four words (Broder, 1997). Words are hashed under a key that belongs to the collection, and all
that follows depends on it too, so that a signature without the key tells of no text.
"""

import hashlib
import re
from functools import lru_cache

import numpy as np
from assay_store.near_duplicates import Signature
from numpy.typing import NDArray

VALUES = 126
# 21 bands of 6: of pairs with a Jaccard index of .8, 99.8 % share a band; of those with .5, 28 %.
_BANDS, _ROWS = 21, 6
_RUN = 4
_FEWEST_RUNS = 8
# Runs that are hashed by one call; the numbers of so many fit a processor's cache.
_TOGETHER = 1024
# Scripts without spaces are taken letter by letter.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
_ASCII_BLANKS = {code: " " for code in range(128) if not chr(code).isalnum()}

Hashes = NDArray[np.uint64]


def signature(text: str, key: bytes) -> Signature | None:
    """The signature of a text under a key of at most 64 bytes; None if it is too short to tell."""
    words = _words(text.casefold())
    if len(words) < _RUN + _FEWEST_RUNS - 1:
        return None
    known = {word: _hash(word.encode("utf-8", "surrogatepass"), key) for word in set(words)}
    runs = _runs(np.fromiter(map(known.__getitem__, words), dtype=np.uint64, count=len(words)), key)
    values = _least(runs, key)
    bands = (values[i * _ROWS : (i + 1) * _ROWS].tobytes() for i in range(_BANDS))
    # 64 bits, signed as SQL has them. The number of the band keeps equal values in different bands apart.
    signed = (_hash(bytes([number]) + band, key) - 2**63 for number, band in enumerate(bands))
    return Signature(values.tobytes(), tuple(signed))


def _words(text: str) -> list[str]:
    # The same words, several times faster.
    return text.translate(_ASCII_BLANKS).split() if text.isascii() else _WORD.findall(text)


def _hash(raw: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(raw, key=key, digest_size=8).digest(), "big")


@lru_cache(maxsize=64)
def _secrets(key: bytes, purpose: bytes, count: int) -> Hashes:
    """Odd numbers that only the key tells; kept, for a bulk load asks for the same ones with every passage."""
    raw = b"".join(hashlib.blake2b(purpose + bytes([n]), key=key, digest_size=8).digest() for n in range(count))
    return np.frombuffer(raw, dtype=np.uint64) | np.uint64(1)


def _runs(words: Hashes, key: bytes) -> Hashes:
    """A hash of each run of words; multiplication wraps."""
    factors = _secrets(key, b"run", _RUN)
    last = len(words) - _RUN + 1
    summed = np.zeros(last, dtype=np.uint64)
    for i, factor in enumerate(factors):
        summed += words[i : last + i] * factor
    summed ^= summed >> np.uint64(33)
    return summed


def _least(runs: Hashes, key: bytes) -> NDArray[np.uint32]:
    """The least hash under each of so many hash functions (multiply-shift, Dietzfelbinger et al., 1997)."""
    factors = _secrets(key, b"factor", VALUES)[:, np.newaxis]
    offsets = _secrets(key, b"offset", VALUES)[:, np.newaxis]
    least = np.full(VALUES, np.iinfo(np.uint64).max)
    room = np.empty((VALUES, min(_TOGETHER, len(runs))), dtype=np.uint64)  # new memory each time would cost more
    for start in range(0, len(runs), _TOGETHER):
        some = runs[start : start + _TOGETHER]
        hashes = room[:, : len(some)]
        np.multiply(some, factors, out=hashes)
        np.add(hashes, offsets, out=hashes)
        np.minimum(least, hashes.min(axis=1), out=least)
    return (least >> np.uint64(32)).astype(np.uint32)
