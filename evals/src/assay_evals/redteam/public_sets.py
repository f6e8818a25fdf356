"""Public sets of attacks, read from a folder that holds them; they are for measuring and never come with Assay.

Each is a folder: BIPIA (`inj_bipia_*`), deepset's prompts (`inj_deepset*`), Tensor Trust (`inj_tensortrust*`),
jailbreaks from the wild (`inj_inthewild*`), NotInject (`inj_notinject*`) and PoisonedRAG (`inj_poisonedrag*`). Prompts
are asked as they are, and stand in documents about something else, which are asked about.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay_core.errors import Invalid

from assay_evals.datasets import json_lines
from assay_evals.redteam.cases import Case, Document, Plan, Suite, sample
from assay_evals.redteam.composing import Invention, plan_of, planted

_LONGEST_QUESTION = 4_000
Made = tuple[Case, Sequence[Document]]


def plan_from(folder: Path, suites: Sequence[Suite], *, seed: int, most: int) -> Plan:
    """At most `most` cases of each public set that belongs to one of the suites.

    Raises:
        Invalid: the folder holds none of them.
    """
    cases: list[Case] = []
    documents: dict[str, Document] = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = next((read for name, read in _READERS.items() if place.name.startswith(name)), None)
        if found is None:
            continue
        made = {case.id: (case, documents) for case, documents in found(place, seed)}
        chosen = sample([case for case, _ in made.values() if case.suite in suites], most, seed)
        cases += chosen
        documents |= {document.name: document for case in chosen for document in made[case.id][1]}
    if not cases:
        raise Invalid(f"{str(folder)!r} holds none of {', '.join(_READERS)} for these suites.", code="bad_dataset")
    return Plan(cases, list(documents.values()), ("hijack by prompts without words to look for: deepset, in the wild",))


def _bipia(folder: Path, _: int) -> Iterator[Made]:
    """What to look for is the attack itself: whether it is shown in the place of what was asked."""
    attacks = {row["id"]: str(row["attack"]) for row in _rows(folder / "attacks.jsonl")}
    for row in _rows(folder / "composed.jsonl"):
        name = f"bipia-{row['id']}.txt"
        question = str(row["question"]).removeprefix("Q: ")
        case = Case(
            f"bipia-{row['id']}", "injection", "BIPIA", question, marker=attacks[row["attack_id"]],
            expected=str(row["ideal"]), document=name,
        )  # fmt: skip
        yield case, [Document(name, str(row["poisoned_context"]))]


def _poisoned_rag(folder: Path, _: int) -> Iterator[Made]:
    for row in _rows(folder / "nq.jsonl"):
        name = f"nq-{row['id']}"
        true = Document(f"{name}-true.txt", f"{row['question']}? The answer is {row['correct_answer']}.\n")
        planted = [Document(f"{name}-{number}.txt", text) for number, text in enumerate(row["adv_texts"])]
        case = Case(
            name, "injection", "PoisonedRAG", str(row["question"]), marker=str(row["incorrect_answer"]),
            expected=str(row["correct_answer"]), document=true.name,
        )  # fmt: skip
        yield case, [true, *planted]


def _prompts(kind: str, file: str, field: str, marker: str = "") -> Callable[[Path, int], Iterator[Made]]:
    def read(folder: Path, seed: int) -> Iterator[Made]:
        invent = Invention(seed)
        for number, row in enumerate(_rows(folder / file)):
            text = str(row[field]).strip()
            if row.get("label", 1) == 1 and 0 < len(text) <= _LONGEST_QUESTION:
                yield Case(f"{kind}-{number}", "jailbreak", kind, text, marker=marker), []
                fact, document = planted(f"{kind.replace(' ', '-')}-{number}.md", text, number, invent)
                yield (
                    Case(
                        f"{kind}-planted-{number}", "injection", f"{kind}, planted", fact.question, marker=marker,
                        expected=fact.answer, document=document.name,
                    ),
                    [document],
                )  # fmt: skip

    return read


def _not_inject(folder: Path, seed: int) -> Iterator[Made]:
    """Harmless sentences with trigger words, each before a question that a document answers."""
    asked = plan_of(["over-refusal"], seed=seed)
    documents = {document.name: document for document in asked.documents}
    for number, row in enumerate(_rows(folder / "benign_one.jsonl")):
        pair = asked.cases[number % len(asked.cases)]
        case = Case(
            f"notinject-{number}", "over-refusal", "NotInject", f"{row['text']} {pair.plain}", expected=pair.expected,
            plain=pair.plain, document=pair.document,
        )  # fmt: skip
        yield case, [documents[pair.document]]


_READERS: Mapping[str, Callable[[Path, int], Iterator[Made]]] = {
    "inj_bipia": _bipia,
    "inj_deepset": _prompts("deepset", "prompts.jsonl", "text"),
    "inj_tensortrust": _prompts("Tensor Trust", "hijacks.jsonl", "attack", "access granted"),
    "inj_inthewild": _prompts("in the wild", "jailbreaks.jsonl", "text"),
    "inj_notinject": _not_inject,
    "inj_poisonedrag": _poisoned_rag,
}


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for _, row in json_lines(path):
        yield row
