"""Sentences of documents that order about whoever answers: they are data to be shown, never to be followed or cited.

A document may say what its reader should do: manuals are full of that. It has no business with how a question is
answered. So sentences that speak to the answerer (of its instructions, its reply, the role that it should play) are
blanked, in place, in what the model reads, what a claim is held against and what may be quoted; people still see the
passage as it is. The rules are in orders.toml; what they miss and what they take by mistake is measured, on texts that
they were not written for, in docs/measurements.md.
"""

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal

from assay_core.search import Degradation, Hit
from assay_core.sentences import split_sentences

from assay_generation.metrics import ORDERS

LEFT_OUT = Degradation(
    "sources", "orders_left_out", "A passage tells whoever answers what to say; that part of it was not used."
)
Kind = Literal["set-up", "role", "speaker", "reply", "condition", "leak"]

_ABOUT_ORDERS = re.compile(
    r"\b(?:prompts?|instruct\w*|jailbreaks?|chat ?bots?|language models?|llms?)\b"
    r"|\b(?:what|how|which)\b.{0,60}"
    r"\b(?:should|must|shall|may|can|to|do (?:i|we|you|they|people|staff|agents|clerks))\b"
    # "What does the policy say" asks for a fact, and "How can I tell whether" for another one.
    r".{0,40}\b(?:say|answer|reply|respond|be told|tell)\b(?! (?:whether|if|that|apart)\b)",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = re.compile(r"\{([A-Z]+)\}")
_LOOK_ALIKE = str.maketrans("аеорсухіѕԁոɡһ", "aeopcyxisdngh")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n|\Z")


@dataclass(frozen=True, slots=True)
class Rules:
    """What orders read like, by kind; what follows one of a `colouring` kind in its paragraph is part of it."""

    patterns: Mapping[Kind, re.Pattern[str]]
    colouring: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Order:
    """A span `start:end` of a text that orders the answerer about."""

    start: int
    end: int
    kind: Kind


def orders_in(text: str) -> list[Order]:
    """The orders in a text, in order, without overlap."""
    read, places = _as_read(text)
    found: list[Order] = []
    until = 0
    for start, end in split_sentences(read):
        kind = found[-1].kind if start < until else _kind_of(read[start:end])
        if kind is None:
            continue
        if kind in _rules().colouring and start >= until:
            until = _end_of_paragraph(read, end)
        found.append(Order(places[start], places[end - 1] + 1, kind))
    return found


def without_orders(hit: Hit) -> Hit:
    """The hit with its orders blanked: every other character keeps its place. The same hit if there are none."""
    orders = orders_in(hit.text)
    headings = tuple(heading for heading in hit.heading_path if not orders_in(heading))
    title = "" if orders_in(hit.title) else hit.title
    name = "document" if orders_in(hit.document_name) else hit.document_name
    for order in orders:
        ORDERS.labels(order.kind).inc()
    if not orders and (headings, title, name) == (hit.heading_path, hit.title, hit.document_name):
        return hit
    return replace(hit, text=_blanked(hit.text, orders), heading_path=headings, title=title, document_name=name)


def as_data(question: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits as an answer may use them: without orders, unless the question is about such."""
    return tuple(hits) if _ABOUT_ORDERS.search(question) else tuple(map(without_orders, hits))


def _kind_of(sentence: str) -> Kind | None:
    return next((kind for kind, pattern in _rules().patterns.items() if pattern.search(sentence)), None)


@functools.cache
def _rules() -> Rules:
    read = tomllib.loads(files("assay_generation").joinpath("orders.toml").read_text(encoding="utf-8"))
    words: Mapping[str, str] = read["words"]

    def pattern(lines: Sequence[str]) -> re.Pattern[str]:
        filled = _WORDS.sub(lambda found: words[found.group(1)], "|".join(lines))
        return re.compile(filled, re.IGNORECASE | re.DOTALL)

    kinds: Mapping[Kind, Mapping[str, Any]] = read["kinds"]
    return Rules(
        {kind: pattern(rules["patterns"]) for kind, rules in kinds.items()},
        frozenset(kind for kind, rules in kinds.items() if rules["colours"]),
    )


def _as_read(text: str) -> tuple[str, Sequence[int]]:
    """The text as a model reads it, letters for what looks like them, and where each character stood."""
    if text.isascii():
        return text, range(len(text))
    kept = [(place, c) for place, c in enumerate(text) if c in "\n\t" or not _is_unseen(c)]
    return "".join(c for _, c in kept).translate(_LOOK_ALIKE), [place for place, _ in kept]


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character).startswith("C") or "\ufe00" <= character <= "\ufe0f"


def _end_of_paragraph(text: str, place: int) -> int:
    found = _PARAGRAPH_END.search(text, place)
    return found.start() if found else len(text)


def _blanked(text: str, orders: Sequence[Order]) -> str:
    return "".join(_pieces(text, orders))


def _pieces(text: str, orders: Sequence[Order]) -> Iterator[str]:
    place = 0
    for order in orders:
        yield text[place : order.start]
        yield re.sub(r"[^\n]", " ", text[order.start : order.end])
        place = order.end
    yield text[place:]
