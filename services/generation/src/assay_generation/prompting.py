"""Prompts from versioned files. The fixed part comes first, so that the model server's prefix cache keeps it."""

import functools
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from assay_core.answers import Turn
from assay_core.errors import Invalid
from assay_core.search import Hit

from assay_generation.evidence import Evidence, in_context
from assay_generation.hygiene import as_text

NewMark = Callable[[], str]
Clean = Callable[[str], str]
"""What a text must pass before it stands in a prompt."""
_FIELD = re.compile(r"\{(\w+)\}")
_SPACE = re.compile(r"\s+")
_STOPS = {"none": (), "newline": ("\n",)}
_GAP = " … "


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt as it stands in its file.

    `unit` is what the model sees: single sentences, or passages (whole, or cut to their nearest sentences); `most`
    bounds how many. `history_tokens` is the room for earlier turns; 0 leaves them out.
    """

    version: str
    digest: str
    unit: str
    most: int
    history_tokens: int
    stop: tuple[str, ...]
    system: str
    passage: str
    user: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent to the chat model; `mark` is this request's delimiter."""

    system: str
    messages: tuple[Turn, ...]
    stop: tuple[str, ...]
    mark: str


def new_mark() -> str:
    """A delimiter that no document can know."""
    return secrets.token_hex(4)


@functools.cache
def load_prompt(name: str) -> PromptFile:
    """The prompt file `name` of this package, for example answer.v1."""
    folder = files("assay_generation").joinpath("prompts")
    known = sorted(entry.name.removesuffix(".md") for entry in folder.iterdir() if entry.name.endswith(".md"))
    if name not in known:
        raise Invalid(f"There is no prompt {name!r}; use one of {', '.join(known)}.", code="bad_setting")
    return parse_prompt(folder.joinpath(f"{name}.md").read_text(encoding="utf-8"))


def parse_prompt(raw: str) -> PromptFile:
    """Read a prompt file: fields between two lines of dashes, then the sections system, passage and user."""
    _, head, body = raw.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    parts = re.split(r"^## (\w+)\n", body, flags=re.MULTILINE)
    sections = {name: text.rstrip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return PromptFile(
        version=fields["version"],
        digest=hashlib.sha256(raw.encode()).hexdigest()[:12],
        unit=fields["unit"],
        most=int(fields["most"]),
        history_tokens=int(fields["history_tokens"]),
        stop=_STOPS[fields["stop"]],
        **sections,
    )


def build_prompt(
    file: PromptFile,
    *,
    question: str,
    hits: Sequence[Hit],
    evidence: Sequence[Evidence],
    history: Sequence[Turn],
    room: int,
    mark: str,
    clean: Clean = as_text,
) -> Prompt:
    """Put a prompt together. Passages keep the number of their hit, from 1.

    Args:
        evidence: the sentences of the hits, the nearest to the question first.
        room: how many characters of passages fit.
    """
    cut = _sentences if file.unit == "sentence" else _passages
    shown = cut(file, hits, evidence, room, clean)
    passages = "\n".join(
        _filled(file.passage, _fields(hits[number], number, text, mark, clean)) for number, text in shown
    )
    user = _filled(file.user, {"mark": mark, "passages": passages, "question": clean(question).strip()})
    before = (Turn(turn.role, clean(turn.content)) for turn in history)
    return Prompt(file.system, (*before, Turn("user", user)), file.stop, mark)


def _sentences(
    file: PromptFile, hits: Sequence[Hit], evidence: Sequence[Evidence], room: int, clean: Clean
) -> Iterator[tuple[int, str]]:
    for found in evidence[: file.most]:
        text = _SPACE.sub(" ", clean(in_context(hits[found.hit], found.start, found.end)))
        yield found.hit, text[: room // file.most]


def _passages(
    file: PromptFile, hits: Sequence[Hit], evidence: Sequence[Evidence], room: int, clean: Clean
) -> Iterator[tuple[int, str]]:
    shown = hits[: file.most]
    if sum(len(hit.text) for hit in shown) <= room:
        yield from ((number, clean(hit.text)) for number, hit in enumerate(shown) if hit.text.strip())
        return
    kept: dict[int, list[tuple[int, int]]] = {}
    for found in evidence:
        length = found.end - found.start
        if found.hit < len(shown) and length <= room:
            room -= length + len(_GAP)
            kept.setdefault(found.hit, []).append((found.start, found.end))
    for number in sorted(kept):
        yield number, clean(_GAP.join(hits[number].text[start:end] for start, end in sorted(kept[number])))


def _fields(hit: Hit, number: int, text: str, mark: str, clean: Clean) -> Mapping[str, str]:
    heading = " › ".join(hit.heading_path) or hit.title
    return {
        "n": str(number + 1),
        "document": _SPACE.sub(" ", clean(hit.document_name)),
        "heading": _SPACE.sub(" ", clean(heading)),
        "text": text,
        "mark": mark,
    }


def _filled(template: str, fields: Mapping[str, str]) -> str:
    # One pass: braces in a document's text are text.
    return _FIELD.sub(lambda found: fields[found.group(1)], template)
