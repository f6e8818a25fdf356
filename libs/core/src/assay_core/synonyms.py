"""Words that mean the same in a collection, as its curator says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from assay_core.errors import Invalid
from assay_core.wording import Wording, plain

MAX_GROUPS = 500
MAX_TERMS = 8
MAX_CHARACTERS = 100
MAX_EXPANSIONS = 8
Groups = tuple[tuple[str, ...], ...]
"""Each holds terms that mean the same, as they were first written; no term is in two."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A term of a question, and what is looked for beside it."""

    term: str
    added: tuple[str, ...]


def valid_groups(given: Any) -> Groups:
    """Groups as they were stored or sent; those that share a term are one. Raises `Invalid` if they are no groups."""
    if not isinstance(given, list | tuple):
        raise _bad(f"synonyms is {str(given)[:60]!r}; use a list of lists of terms.")
    return _merged(tuple(_texts(group) for group in given))  # pyright: ignore[reportUnknownVariableType]  JSON: checked in `_texts`


def with_group(groups: Groups, given: Sequence[str]) -> Groups:
    """With these terms meaning the same, and the same as what any of them meant before."""
    return _merged((*groups, _texts(given)))


def without_term(groups: Groups, term: str) -> Groups:
    """Without a term; a group that has one term left goes with it. Raises `Invalid` if no group has it."""
    wanted = plain(term)
    left = [tuple(one for one in group if plain(one) != wanted) for group in groups]
    if tuple(left) == groups:
        raise _bad(f"{term[:MAX_CHARACTERS]!r} is not among the synonyms of this collection.")
    return tuple(group for group in left if len(group) > 1)


def expansions(groups: Groups, question: str) -> tuple[Expansion, ...]:
    """What the terms of a question also mean, of up to `MAX_EXPANSIONS` terms.

    A term of two capitals is met only as it is written: `it` is not `IT`.
    """
    asked = plain(question)
    near = (group for group, terms in _compared(groups) if any(term in asked for term in terms))
    found = (Expansion(term, added) for group in near for term, added in _met(group, question))
    return tuple(islice(found, MAX_EXPANSIONS))


def expanded(question: str, found: Iterable[Expansion]) -> str:
    """The question with what its terms also mean."""
    return " ".join([question, *(added for one in found for added in one.added)])


@lru_cache(maxsize=64)
def _merged(given: Groups) -> Groups:
    """Kept, for settings are read with every request, and may hold thousands of terms."""
    groups: dict[str, dict[str, str]] = {}
    for terms in given:
        cleaned = [(plain(term), _clean(term)) for term in terms]
        touched = {id(groups[name]): groups[name] for name, _ in cleaned if name in groups}
        joined: dict[str, str] = {}
        for name, term in (*(pair for group in touched.values() for pair in group.items()), *cleaned):
            joined.setdefault(name, term)
        if not 2 <= len(joined) <= MAX_TERMS:
            raise _bad(f"{', '.join(joined.values())!r} are {len(joined)} terms; 2 to {MAX_TERMS} may mean the same.")
        groups |= dict.fromkeys(joined, joined)
    distinct = {id(group): tuple(group.values()) for group in groups.values()}
    if len(distinct) > MAX_GROUPS:
        raise _bad(f"There are {len(distinct)} groups of synonyms; a collection has up to {MAX_GROUPS}. Remove some.")
    return tuple(distinct.values())


@lru_cache(maxsize=64)
def _compared(groups: Groups) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Groups with their terms as texts are compared. Kept, for a collection may have thousands of terms."""
    return [(group, tuple(map(plain, group))) for group in groups]


def _met(group: Sequence[str], question: str) -> list[tuple[str, tuple[str, ...]]]:
    met = [term for term in group if _occurs(term, question)]
    added = tuple(term for term in group if term not in met)
    return [(met[0], added)] if met and added else []


def _occurs(term: str, question: str) -> bool:
    as_written = len(term) <= 2 and term.isupper()
    return Wording([term], []).fits(question) and (not as_written or term in question)


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):  # pyright: ignore[reportUnknownVariableType]  JSON
        raise _bad(f"A group of synonyms is {str(given)[:60]!r}; use a list of texts.")  # pyright: ignore[reportUnknownArgumentType]  as above
    return tuple(given)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  as above


def _clean(given: str) -> str:
    term = " ".join(given.split())
    if len(term) > MAX_CHARACTERS or "\0" in term or not any(map(str.isalnum, term)):
        raise _bad(f"A synonym is {term[:60]!r}; use 1 to {MAX_CHARACTERS} characters with a letter or digit.")
    return term


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_synonyms")
