"""Which tokens of a vocabulary say something: those with a letter or a digit, special tokens left out."""

from collections.abc import Iterable, Mapping

import numpy as np


def wordy_tokens(vocabulary: Mapping[str, int], specials: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """True at the id of each token that has a letter or a digit; shape (largest id + 1,)."""
    wordy = np.zeros(max(vocabulary.values()) + 1, dtype=np.bool_)
    for token, number in vocabulary.items():
        wordy[number] = any(character.isalnum() for character in token)
    wordy[list(specials)] = False
    return wordy
