"""Changes to a sentence: those that keep what it says, and those that do not, with the place of the change.

After FactCC (Kryściński et al. 2020, section 3.1), extended by what answers of language models get wrong: added
details, mixed-up facts and lost conditions.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from assay_training.lexicon import AUXILIARIES, NUMBER_WORDS, OPPOSITES, PREFIXES, SPELLED, SYNONYMS

Spans = tuple[tuple[int, int], ...]
CONTRADICTED, NOT_ENOUGH, EITHER = (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.5, 0.5)
SUPPORTED = (1.0, 0.0, 0.0)
Target = tuple[float, float, float]

NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
NAME = re.compile(r"\b[A-Z][\w’'-]+(?:\s+(?:(?:of|the|de|van)\s+)?[A-Z][\w’'-]+)*")
_BEFORE_NOUN = "|".join(
    rf"(?<=\b{word} )" for word in ["the", "a", "an", "of", "in", "by", "for", "with", "from", "and", "to"]
)
_NOUN = re.compile(
    rf"(?:{_BEFORE_NOUN})[a-z]{{4,}}"
    r"(?: (?!were|from|with|have|that|this|than|into|will|been|when|also)[a-z]{4,})?(?=[\s,.;)])"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*")
_AUX = re.compile(rf"\b(?:{'|'.join(AUXILIARIES)})\b(?! not\b)")
_NOT = re.compile(r"\b(not|never|no|cannot|without)\b|n[’']t\b")
_COMMON = frozenset(
    [
        "The",
        "This",
        "That",
        "These",
        "Those",
        "It",
        "They",
        "He",
        "She",
        "We",
        "You",
        "In",
        "On",
        "At",
        "For",
        "From",
        "With",
        "By",
        "As",
        "If",
        "When",
        "While",
        "After",
        "Before",
        "During",
        "However",
        "Moreover",
        "Therefore",
        "Thus",
        "Although",
        "There",
        "A",
        "An",
        "To",
        "Our",
        "Your",
        "Their",
        "His",
        "Her",
        "Some",
        "Many",
        "Most",
        "All",
        "Each",
        "And",
        "But",
    ]
)


@dataclass(frozen=True, slots=True)
class Around:
    """What a change may draw on: the window that a claim is held against, and texts from elsewhere."""

    window: str
    elsewhere: Sequence[str]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A changed sentence. `errors` are the spans that the source does not back; None if that is not known."""

    text: str
    errors: Spans | None = ()
    target: Target = field(default=SUPPORTED)


Change = Callable[[str, Random, Around], "Changed | None"]


def _replace(text: str, start: int, end: int, new: str, target: Target) -> Changed:
    return Changed(text[:start] + new + text[end:], ((start, start + len(new)),), target)


def _standing(text: str, entries: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Entries that stand in a text as whole words, in the order of the text."""
    words = [w.lower() for w in _WORD.findall(text)]
    runs = [" ".join(words[i : i + n]) for i in range(len(words)) for n in (1, 2, 3)]
    lower = text.lower()
    return [run for run in dict.fromkeys(runs) if run in entries and re.search(rf"\b{re.escape(run)}\b", lower)]


def _like(new: str, old: str) -> str:
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


# What keeps the meaning


def drop_parenthesis(text: str, _rng: Random, _: Around) -> Changed | None:
    short = re.sub(r"\s*\([^()]*\)", "", text)
    return Changed(short) if short != text and len(short.split()) > 4 else None


def drop_lead(text: str, _rng: Random, _: Around) -> Changed | None:
    found = re.match(
        r"(?:In|On|At|During|After|Before|Since|By|However|Moreover|In addition|Furthermore|Additionally|Therefore|"
        r"Thus|Finally|For example|As a result)\b[^,]{0,70}, (?=\w)",
        text,
    )
    if not found or len(text[found.end() :].split()) < 5:
        return None
    return Changed(text[found.end()].upper() + text[found.end() + 1 :])


def move_lead(text: str, _rng: Random, _: Around) -> Changed | None:
    found = re.match(r"((?:In|On|At|During|After|Before|Since|By) [^,]{3,60}), (?=\w)", text)
    if not found or not text.rstrip().endswith(".") or len(text.split()) > 40:
        return None
    lead, rest = found.group(1), text[found.end() :].rstrip()[:-1]
    return Changed(f"{rest[0].upper()}{rest[1:]} {lead[0].lower()}{lead[1:]}.")


def drop_tail(text: str, rng: Random, _: Around) -> Changed | None:
    places = [
        m.start()
        for m in re.finditer(
            r",? (?:which|who|where|while|although|though|including|such as|as well as|because|so that|[,] and)\s", text
        )
        if len(text[: m.start()].split()) >= 5
    ]
    if not places:
        return None
    return Changed(text[: rng.choice(places)].rstrip(" ,;") + ".")


def drop_item(text: str, rng: Random, _: Around) -> Changed | None:
    found = list(re.finditer(r"([\w-]+), ([\w-]+),? (and|or) ([\w-]+)", text))
    if not found:
        return None
    m = rng.choice(found)
    kept = sorted(rng.sample([1, 2, 4], 2))
    return Changed(f"{text[: m.start()]}{m.group(kept[0])} {m.group(3)} {m.group(kept[1])}{text[m.end() :]}")


def turn_items(text: str, rng: Random, _: Around) -> Changed | None:
    found = list(re.finditer(r"\b([a-z]{3,}|[A-Z]\w+) (and|or) ([a-z]{3,}|[A-Z]\w+)\b", text))
    if not found:
        return None
    m = rng.choice(found)
    return Changed(f"{text[: m.start()]}{_like(m.group(3), m.group(1))} {m.group(2)} {m.group(1)}{text[m.end() :]}")


def use_synonyms(text: str, rng: Random, _: Around) -> Changed | None:
    new, count = text, 0
    keys = _standing(text, SYNONYMS)
    rng.shuffle(keys)
    for key in keys[: rng.choice((1, 1, 2, 3))]:
        other = rng.choice(SYNONYMS[key])
        new, n = re.subn(
            rf"\b{re.escape(key)}\b", lambda m, other=other: _like(other, m.group()), new, count=1, flags=re.IGNORECASE
        )
        count += n
    return Changed(new) if count else None


def respell_numbers(text: str, rng: Random, _: Around) -> Changed | None:
    new = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    new = re.sub(r"(\d)%", r"\1 percent", new) if "%" in new else new.replace(" percent", "%")
    if rng.random() < 0.5:
        new = re.sub(r"(?<![\w.,])(\d{1,2})(?![\w.,%])", lambda m: SPELLED.get(m.group(), m.group()), new)
    else:
        for figure, word in SPELLED.items():
            new = re.sub(rf"\b{word}\b", figure, new)
    return Changed(new) if new != text else None


def contract(text: str, _rng: Random, _: Around) -> Changed | None:
    new = re.sub(r"\b(does|do|did|is|are|was|were|has|have|had|would|could|should) not\b", r"\1n't", text)
    if new == text:
        new = re.sub(r"\b(does|do|did|is|are|was|were|has|have|had|would|could|should)n[’']t\b", r"\1 not", text)
    if new == text:
        new = re.sub(r"\bcannot\b|\bcan't\b", "can not", text)
    return Changed(new) if new != text else None


def drop_adverbs(text: str, _rng: Random, _: Around) -> Changed | None:
    new = re.sub(
        r" (?!only|hardly|early|daily|rarely|nearly|family|supply|apply|reply|rely|fly)[a-z]{3,}ly(?= [a-z])", "", text
    )
    new = re.sub(r" (?:very|also|quite|then|thus|therefore)(?= [a-z])", "", new)
    return Changed(new) if new != text else None


def name_subject(text: str, _rng: Random, around: Around) -> Changed | None:
    found = re.match(r"(He|She|It|They)\b", text)
    if not found or not around.title or len(around.title.split()) > 5:
        return None
    return Changed(around.title + text[found.end() :])


KEEPING: Sequence[Change] = (
    drop_parenthesis, drop_lead, move_lead, drop_tail, drop_item, turn_items, use_synonyms, use_synonyms,
    respell_numbers, contract, drop_adverbs, name_subject,
)  # fmt: skip


def announce(changed: Changed, rng: Random) -> Changed:
    """The same after words of an assistant, which say nothing."""
    prefix = rng.choice(PREFIXES)
    text = changed.text
    first = text.split(" ", 1)[0]
    if first in _COMMON:
        text = text[0].lower() + text[1:]
    errors = changed.errors and tuple((a + len(prefix), b + len(prefix)) for a, b in changed.errors)
    return Changed(prefix + text, errors, changed.target)


# What changes it


def swap_number(text: str, rng: Random, around: Around) -> Changed | None:
    found = list(NUMBER.finditer(text))
    if not found:
        return _swap_number_word(text, rng)
    m = rng.choice(found)
    own = {n.group() for n in found}
    others = [n for n in NUMBER.findall(around.window) if n not in own and len(n) == len(m.group())]
    new = rng.choice(others) if others and rng.random() < 0.6 else _other_number(m.group(), rng)
    return _replace(text, *m.span(), new, CONTRADICTED) if new not in own else None


def _swap_number_word(text: str, rng: Random) -> Changed | None:
    found = [m for m in _WORD.finditer(text) if m.group().lower() in NUMBER_WORDS]
    if not found:
        return None
    m = rng.choice(found)
    new = rng.choice([w for w in NUMBER_WORDS if w != m.group().lower()])
    return _replace(text, *m.span(), _like(new, m.group()), CONTRADICTED)


def _other_number(number: str, rng: Random) -> str:
    plain = number.replace(",", "")
    if "." in plain:
        digits = len(plain.split(".")[1])
        return f"{float(plain) * rng.choice((0.3, 0.6, 1.4, 2.0, 3.0)) + 0.1:.{digits}f}"
    value = int(plain) if len(plain) < 12 else 7
    if len(plain) == 4 and 1000 <= value <= 2100:
        return str(value + rng.choice((-31, -12, -7, -3, -2, -1, 1, 2, 4, 8, 10, 25)))
    moved = max(0, rng.choice((value + 1, value - 1, value + 10, value * 2, value * 3, value // 2, value * 10)))
    moved = moved if moved != value else value + 5
    return f"{moved:,}" if "," in number else str(moved)


def swap_name(text: str, rng: Random, around: Around) -> Changed | None:
    found = [m for m in NAME.finditer(text) if m.group() not in _COMMON and (m.start() > 0 or " " in m.group())]
    if not found:
        return None
    m = rng.choice(found)
    near = rng.random() < 0.55
    pool = around.window if near else " ".join(rng.sample(list(around.elsewhere), min(6, len(around.elsewhere))))
    others = [n for n in NAME.findall(pool) if n not in text and n not in _COMMON and n.split()[0] not in _COMMON]
    same = [n for n in others if len(n.split()) == len(m.group().split())] or others
    if not same:
        return None
    return _replace(text, *m.span(), rng.choice(same), EITHER)


def swap_noun(text: str, rng: Random, around: Around) -> Changed | None:
    found = list(_NOUN.finditer(text))
    if not found:
        return None
    m = rng.choice(found)
    pool = (
        around.window
        if rng.random() < 0.6
        else " ".join(rng.sample(list(around.elsewhere), min(3, len(around.elsewhere))))
    )
    lower = text.lower()
    others = [n for n in _NOUN.findall(pool) if all(w not in lower for w in n.split())]
    same = [n for n in others if len(n.split()) == len(m.group().split())]
    return _replace(text, *m.span(), rng.choice(same), EITHER) if same else None


def turn_opposite(text: str, rng: Random, _: Around) -> Changed | None:
    keys = _standing(text, OPPOSITES)
    if not keys:
        return None
    key = rng.choice(keys)
    m = rng.choice(list(re.finditer(rf"\b{re.escape(key)}\b", text, re.IGNORECASE)))
    return _replace(text, *m.span(), _like(rng.choice(OPPOSITES[key]), m.group()), CONTRADICTED)


def negate(text: str, rng: Random, _: Around) -> Changed | None:
    no = _NOT.search(text)
    if no and rng.random() < 0.7:
        return _without_negation(text, no)
    found = list(_AUX.finditer(text))
    if not found:
        return None
    m = found[0] if rng.random() < 0.7 else rng.choice(found)
    aux = m.group()
    new = rng.choice((f"{aux} not", f"{aux} not", f"{aux} never")) if aux != "can" else "cannot"
    return _replace(text, *m.span(), new, CONTRADICTED)


def _without_negation(text: str, no: "re.Match[str]") -> Changed:
    word = no.group()
    new = {"never": "always", "without": "with", "cannot": "can", "no": "some"}.get(word, "")
    start, end = no.span()
    if not new and word == "not":
        start = max(0, start - 1)
    changed = text[:start] + new + text[end:]
    before = changed.rfind(" ", 0, max(0, start - 1)) + 1
    after = changed.find(" ", start + len(new) + 1)
    return Changed(changed, ((before, after if after > 0 else len(changed)),), CONTRADICTED)


def swap_roles(text: str, rng: Random, _: Around) -> Changed | None:
    patterns = (
        r"\bfrom ([\w’'-]+(?: [\w’'-]+)?) to ([\w’'-]+)",
        r"\b([A-Z][\w’'-]+)\b.{3,60}?\b([A-Z][\w’'-]+)\b",
        r"\bthe ([a-z]{4,})\b.{3,50}?\bthe ([a-z]{4,})\b",
        r"\b([a-z]{4,}) (?:than|by|before|after|causes|into|for|with) (?:the )?([a-z]{4,})\b",
    )
    found = [m for p in patterns for m in re.finditer(p, text) if m.group(1).lower() != m.group(2).lower()]
    found = [m for m in found if m.group(1) not in _COMMON and m.group(2) not in _COMMON]
    if not found:
        return None
    m = rng.choice(found)
    (a, b), (c, d) = m.span(1), m.span(2)
    first, second = text[a:b], text[c:d]
    new = text[:a] + second + text[b:c] + first + text[d:]
    shift = len(second) - len(first)
    return Changed(new, ((a, a + len(second)), (c + shift, c + shift + len(first))), CONTRADICTED)


def add_detail(text: str, rng: Random, around: Around) -> Changed | None:
    """A clause or phrase from elsewhere behind what is true."""
    donor = rng.choice(around.elsewhere)
    pieces = [
        m.group().strip(" ,.")
        for m in re.finditer(
            r"(?:, (?:which|who|where|and|including|while)|\b(?:in|at|from|for|by|with|after|during|because of))"
            r" [^,.;]{8,70}",
            donor,
        )
    ]
    pieces = [p for p in pieces if p.lower() not in around.window.lower() and len(p.split()) >= 2]
    if not pieces:
        return None
    piece, body = rng.choice(pieces), text.rstrip(" .")
    joint = ", " if piece.split()[0] in ("which", "who", "where", "including", "while", "and") else " "
    start = len(body)
    return Changed(f"{body}{joint}{piece}.", ((start, start + len(joint) + len(piece)),), NOT_ENOUGH)


def add_sentence(text: str, rng: Random, around: Around) -> Changed | None:
    """A second statement from elsewhere, joined to a true one."""
    donor = rng.choice(around.elsewhere)
    if not 5 <= len(donor.split()) <= 25 or donor in around.window:
        return None
    body = text.rstrip(" .")
    joint = rng.choice((", and ", ". ", "; "))
    tail = donor if joint == ". " else donor[0].lower() + donor[1:]
    return Changed(f"{body}{joint}{tail}", ((len(body) + len(joint), len(body) + len(joint) + len(tail)),), NOT_ENOUGH)


def graft(text: str, rng: Random, around: Around) -> Changed | None:
    """The subject of the sentence with what is said of another one."""
    aux = list(_AUX.finditer(text))
    if not aux or not 3 < aux[0].start() < 80:
        return None
    own = aux[0]
    pool = re.split(r"(?<=[.!?])\s+", around.window) if rng.random() < 0.6 else list(around.elsewhere)
    donors: list[str] = []
    for other in pool:
        theirs = re.search(rf"\b{own.group()}\b", other)
        if theirs and theirs.start() < 80 and text[own.end() : own.end() + 20] not in other:
            tail = other[theirs.end() :].strip()
            if 3 <= len(tail.split()) <= 25:
                donors.append(tail)
    if not donors:
        return None
    head, tail = text[: own.end()], rng.choice(donors)
    return Changed(f"{head} {tail}", ((len(head) + 1, len(head) + 1 + len(tail)),), EITHER)


def drop_condition(text: str, _rng: Random, _: Around) -> Changed | None:
    """Without the condition under which it holds; what is missing has no place in the claim."""
    found = re.search(r",? \b(?:if|unless|only if|only when|provided that|except) [^.;]{8,}\.$", text)
    if not found or len(text[: found.start()].split()) < 5 or text[found.end() :]:
        return None
    return Changed(text[: found.start()] + ".", None, NOT_ENOUGH)


CHANGING: Sequence[tuple[Change, int]] = (
    (swap_number, 5), (swap_name, 4), (swap_noun, 4), (turn_opposite, 5), (negate, 4), (swap_roles, 2), (add_detail, 3),
    (add_sentence, 1), (graft, 3), (drop_condition, 2),
)  # fmt: skip


def keep_meaning(text: str, rng: Random, around: Around, *, most: int = 3) -> str:
    """The sentence with up to `most` changes that leave what it says."""
    for _ in range(rng.randint(0, most)):
        changed = rng.choice(KEEPING)(text, rng, around)
        if changed is not None:
            text = changed.text
    return text


def change_meaning(text: str, rng: Random, around: Around) -> Changed | None:
    """The sentence saying something else; None if none of some tries fits."""
    changes, weights = zip(*CHANGING, strict=True)
    for change in rng.choices(changes, weights, k=6):
        changed = change(text, rng, around)
        if changed is not None and changed.text.lower() != text.lower():
            return changed
    return None
