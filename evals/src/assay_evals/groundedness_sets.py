"""Turn public sets of groundedness labels into cases (see `groundedness`): one function a set, told what became what.

What is trained on and what only measures is in the judge's card; several of these may not be shipped or trained on.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay_core.errors import Invalid
from assay_core.sentences import split_sentences

from assay_evals.groundedness import Case, CaseSet
from assay_evals.lexical_overlap import words

Row = dict[str, Any]
Made = Iterator[tuple[Sequence[str], str, str, int]]
"""Contexts, question, response, label."""


def qags_cnndm(rows: Sequence[Row]) -> Made:
    """A sentence of a summary is a response; the majority of three votes is its label."""
    for row in rows:
        for sentence in row["sentences"]:
            yield [row["article"]], "", sentence["sentence"], int(sentence["label"] != "supported")


def qags_cnndm_summaries(rows: Sequence[Row]) -> Made:
    """A whole summary is a response; one unsupported sentence makes its label 1."""
    for row in rows:
        response = " ".join(s["sentence"] for s in row["sentences"])
        yield [row["article"]], "", response, int(any(s["label"] != "supported" for s in row["sentences"]))


def factscore(rows: Sequence[Row]) -> Made:
    """A sentence of a biography is a response; one contradicted fact makes its label 1.

    The facts are questions in the order of the biography; each is given to the sentence that shares most words with
    it, so that the order is kept.
    """
    for row in rows:
        spans = split_sentences(row["response"])
        sentences = [row["response"][a:b] for a, b in spans]
        asked = [fact["question"] for fact in row["facts"]]
        labels: dict[int, int] = {}
        for fact, place in zip(row["facts"], _in_order(asked, sentences), strict=True):
            labels[place] = max(labels.get(place, 0), int(fact["label"] != "entailment"))
        for place, label in sorted(labels.items()):
            yield [row["context"]], "", sentences[place], label


def sick(rows: Sequence[Row]) -> Made:
    """The premise is the context; a hypothesis that it does not entail has the label 1."""
    for row in rows:
        yield [row["premise"]], "", row["hypothesis"], int(row["label"] != "ENTAILMENT")


def rgb_counterfactual(rows: Sequence[Row]) -> Made:
    """The right and the planted answer, each against passages that say the one or the other."""
    for row in rows:
        answer = row["answer"] if isinstance(row["answer"], str) else str(row["answer"][0])
        for passages, right, wrong in (
            (row["positive"], answer, row["fakeanswer"]),
            (row["positive_wrong"], row["fakeanswer"], answer),
        ):
            if passages and answer and row["fakeanswer"]:
                yield passages, row["query"], str(right), 0
                yield passages, row["query"], str(wrong), 1


def begin_topicalchat(rows: Sequence[Row]) -> Made:
    """The part of BEGIN that the judge is not trained on; generic replies, which claim nothing, are left out."""
    for row in rows:
        if row["source"] == "tc" and row["label"] != "Generic":
            yield [row["knowledge"]], "", row["response"], int(row["label"] != "Fully attributable")


UNSEEN: Mapping[str, tuple[str, Callable[[Sequence[Row]], Made]]] = {
    "qags_cnndm": ("ground_qags_cnndm/summaries.jsonl", qags_cnndm),
    "qags_cnndm_summaries": ("ground_qags_cnndm/summaries.jsonl", qags_cnndm_summaries),
    "factscore_chatgpt": ("ground_factscore_chatgpt/bios.jsonl", factscore),
    "sick": ("ground_sick_train/pairs.jsonl", sick),
    "rgb_counterfactual": ("qa_rgb_counterfactual/en_fact.jsonl", rgb_counterfactual),
    "begin_topicalchat": ("ground_begin_dev/turns.jsonl", begin_topicalchat),
}
"""Sets that the shipped judge did not see, by the name of their cases."""


def unseen_sets(folder: Path) -> list[CaseSet]:
    """The sets of `UNSEEN` below a folder. Raises `Invalid` if one is missing."""
    return [convert(name, folder) for name in UNSEEN]


def convert(name: str, folder: Path) -> CaseSet:
    """One set as cases; `line` counts the cases from 1."""
    path, make = UNSEEN[name]
    made = make(_rows(folder, path))
    cases = (
        Case(number, tuple(contexts), question, response, label)
        for number, (contexts, question, response, label) in enumerate(made, 1)
        if response.strip()
    )
    return CaseSet(name, tuple(cases), ())


def write_cases(given: CaseSet, path: Path) -> None:
    """Write cases as JSON lines, the form that `assay eval groundedness` reads."""
    lines = (
        json.dumps(
            {"context": list(c.contexts), "question": c.question, "response": c.response, "label": c.label},
            ensure_ascii=False,
        )
        for c in given.cases
    )
    path.write_text("".join(f"{line}\n" for line in lines))


def _in_order(questions: Sequence[str], sentences: Sequence[str]) -> list[int]:
    """For each question a sentence, never before that of the question before it, sharing as many words as can be."""
    shared = [[len(words(q) & words(s)) for s in sentences] for q in questions]
    best: list[list[tuple[int, int]]] = []
    for row, counts in enumerate(shared):
        line: list[tuple[int, int]] = []
        reach = (0, 0)
        for place, count in enumerate(counts):
            before = best[row - 1][place][0] if row else 0
            if not line or before > reach[0]:
                reach = (before, place)
            line.append((reach[0] + count, reach[1]))
        best.append(line)
    if not best:
        return []
    place = max(range(len(sentences)), key=lambda p: best[-1][p][0])
    places = [place]
    for row in range(len(questions) - 1, 0, -1):
        place = best[row][place][1]
        places.append(place)
    return places[::-1]


def _rows(folder: Path, name: str) -> list[Row]:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
                return [json.loads(line) for line in lines if line.strip()]
    raise Invalid(f"{str(folder)!r} holds no {name}.", code="bad_dataset")
