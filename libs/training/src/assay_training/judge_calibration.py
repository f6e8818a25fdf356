"""From logits to probabilities, and from windows to whole sources: settled on development data alone."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from assay_adapters.encoder_judge import EncoderJudge
from assay_adapters.judge_encoder import JudgeEncoder
from assay_adapters.judge_folder import Calibration

from assay_training.corpora import Corpora, Document, sentences
from assay_training.edits import SUPPORTED, Around, change_meaning
from assay_training.judge_data import DEVELOPMENT_SHARE, is_development
from assay_training.judge_features import Example, label
from assay_training.judge_training import run
from assay_training.packs import from_text
from assay_training.shortenings import shortenings

SHORTENED, UNSHORTENED = "shortened", "unshortened"
_QUESTIONS, _PAGES = 600, 300  # most of a set, of which a tenth is held back
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Whole:
    """A claim against whole sources, as the platform will ask; label 1: not supported.

    `set` is what it is reported under, `corpus` the training set whose `document` it is about.
    """

    set: str
    corpus: str
    document: str
    contexts: tuple[str, ...]
    question: str
    response: str
    label: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Balanced accuracy and AUC of "supported", by set, on development data."""

    cases: int
    balanced_accuracy: float
    auc: float


def relevance_fit(model: JudgeEncoder, examples: Sequence[Example], task: str) -> tuple[tuple[float, float], Fit]:
    """(scale, shift) of a relevance head, and how well it tells."""
    logits: list[float] = []
    truth: list[int] = []
    with torch.no_grad():
        for start in range(0, len(examples), 16):
            part = examples[start : start + 16]
            found = getattr(run(model, label(part)), task)
            for i, example in enumerate(part):
                for k, slot in enumerate(example.slots):
                    if slot.task == task:
                        logits.append(float(found[i, k]))
                        truth.append(int(slot.target == SUPPORTED))
    margins, labels = np.asarray(logits), np.asarray(truth)
    (scale,), shift = _logistic(margins[:, None], labels, np.ones(len(labels)))
    return (scale, shift), _fit(scale * margins + shift, labels)


def whole_cases(corpora: Corpora, *, seed: int, held_back: float = DEVELOPMENT_SHARE) -> list[Whole]:
    """Claims about documents that training did not see, against whole abstracts, passages and pages."""
    rng = Random(seed)
    makers: Sequence[Callable[[Corpora, Random, float], Iterator[Whole]]] = (
        _scifact, _climate, _begin, _clapnq, _questions, _pages, _made, _shortened
    )  # fmt: skip
    return [case for make in makers for case in make(corpora, rng, held_back)]


def a_part(cases: Sequence[Whole], most: int, rng: Random) -> list[Whole]:
    """At most so many cases of each set, drawn at random."""
    by_set: dict[str, list[Whole]] = {}
    for case in cases:
        by_set.setdefault(case.set, []).append(case)
    return [case for its in by_set.values() for case in rng.sample(its, min(most, len(its)))]


def calibrate(
    folder: Path,
    cache_path: Path,
    cases: Sequence[Whole],
    relevance: dict[str, tuple[float, float]],
    *,
    threads: int | None = None,
) -> tuple[Calibration, dict[str, Fit]]:
    """Weigh what speaks for and against a claim by a logistic regression in which every set counts the same.

    The share of a claim's words in the window is not weighed: with it, sets without a part in the fit are judged
    worse. The figures of a set are those of a regression on all the others.
    """
    write(Calibration(passage=relevance["passage"], answer=relevance["answer"]), folder)
    judge = EncoderJudge(model=str(folder), cache_path=cache_path, threads=threads)
    signs = [judge.signs([f"{c.question} {c.response}".strip()], c.contexts)[0] for c in cases]
    found = np.asarray([[s.support, s.contradiction, s.numbers, s.negation] for s in signs])
    supported = np.asarray([1 - case.label for case in cases])
    names = np.asarray([case.set for case in cases])
    weights, shift = _logistic(found, supported, _even_weights(names))
    scale, contradiction, numbers, negation = weights
    calibration = Calibration(scale, shift, contradiction, numbers, negation, relevance["passage"], relevance["answer"])
    write(calibration, folder)
    fits: dict[str, Fit] = {}
    for name in sorted({case.set for case in cases}):
        its = names == name
        # A set that had a part in its own limit would flatter: each is judged with weights fitted to the others.
        others, other_shift = _logistic(found[~its], supported[~its], _even_weights(names[~its]))
        fits[name] = _fit(found[its] @ np.asarray(others) + other_shift, supported[its])
    return calibration, fits


def write(calibration: Calibration, folder: Path) -> None:
    (folder / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n")


def write_cases(cases: Sequence[Whole], folder: Path) -> None:
    """Cases as `assay eval groundedness` reads them, a file a set."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted({case.set for case in cases}):
        lines = (
            json.dumps({"context": c.contexts, "question": c.question, "response": c.response, "label": c.label})
            for c in cases
            if c.set == name
        )
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _logistic(signs: Array, labels: Array, weights: Array) -> tuple[list[float], float]:
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(class_weight="balanced", max_iter=1000).fit(signs, labels, sample_weight=weights)
    return [float(weight) for weight in found.coef_[0]], float(found.intercept_[0])


def _even_weights(names: Array) -> Array:
    """Every set counts the same, however large."""
    return np.asarray([len(names) / (names == name).sum() for name in names]) / len(set(names))


def _fit(margins: Array, labels: Array) -> Fit:
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    decided = (margins > 0).astype(int)
    return Fit(
        len(labels),
        round(float(balanced_accuracy_score(labels, decided)), 4),
        round(float(roc_auc_score(labels, margins)), 4),
    )


def _scifact(corpora: Corpora, _: Random, share: float) -> Iterator[Whole]:
    for row in corpora.rows("ground_scifact_train/claims.jsonl"):
        document = f"scifact/{row['doc_id']}"
        if is_development(document, share):
            text = f"{row['title']}\n{' '.join(' '.join(s.split()) for s in row['sentences'])}"
            yield Whole("scifact", "scifact", document, (text,), "", row["claim"], int(row["label"] != "SUPPORT"))


def _climate(corpora: Corpora, _: Random, share: float) -> Iterator[Whole]:
    for row in corpora.rows("ground_climatefever/claims.jsonl"):
        document = f"climatefever/{row['claim_id']}"
        if is_development(document, share) and row["claim_label"] != "DISPUTED":
            contexts = tuple(e["evidence"] for e in row["evidences"])
            false = int(row["claim_label"] != "SUPPORTS")
            yield Whole("climatefever", "climatefever", document, contexts, "", row["claim"], false)


def _begin(corpora: Corpora, _: Random, share: float) -> Iterator[Whole]:
    named: dict[str, str] = {}
    for row in corpora.rows("ground_begin_dev/turns.jsonl"):
        if row["source"] in ("wow", "cmu") and row["label"] != "Generic":
            document = named.setdefault(row["knowledge"], f"begin/{row['id']}")
            if is_development(document, share):
                false = int(row["label"] != "Fully attributable")
                yield Whole("begin", "begin", document, (row["knowledge"],), "", row["response"], false)


def _clapnq(corpora: Corpora, rng: Random, share: float) -> Iterator[Whole]:
    """Answers of people, against their own passage and against another one."""
    answered = corpora.rows("qa_clapnq/answerable.jsonl")
    for row in answered:
        document = f"clapnq/{row['id']}"
        if is_development(document, share):
            for part in sentences(" ".join(row["output"][0]["answer"].split()))[:3]:
                if len(part.split()) >= 4:
                    yield Whole("clapnq", "clapnq", document, (row["passages"][0]["text"],), "", part, 0)
                    other = rng.choice(answered)
                    if other is not row:
                        yield Whole("clapnq", "clapnq", document, (other["passages"][0]["text"],), "", part, 1)


def _questions(corpora: Corpora, rng: Random, share: float) -> Iterator[Whole]:
    """Answers to questions against whole paragraphs: the right one, and that to another question on the same text."""
    for name in ("qa_covidqa", "qa_policyqa_dev"):
        found: list[Whole] = []
        for document, questions in corpora.squad_like(name):
            identity = f"{name}/{document.id}"
            if not is_development(identity, share):
                continue
            for question in questions:
                text = document.paragraphs[question.paragraph]
                start = max(0, question.at - 2500)
                context = (text[start : question.at + 2500],)
                others = [q for q in questions if q.text != question.text and q.answers[0] not in question.answers[0]]
                if len(question.answers[0].split()) > 30 or not others:
                    continue
                found.append(Whole(name, name, identity, context, question.text, question.answers[0], 0))
                wrong = rng.choice(others).answers[0]
                found.append(Whole(name, name, identity, context, question.text, wrong, 1))
        yield from rng.sample(found, min(round(_QUESTIONS * share), len(found)))


def _pages(corpora: Corpora, rng: Random, share: float) -> Iterator[Whole]:
    """Made claims against whole pages of the manuals."""
    donors = _donors(corpora)
    pages = [d for d in corpora.manuals(rng, most=500) if is_development(f"manuals/{d.id}", share)]
    for page in pages[: round(_PAGES * share)]:
        text = " ".join(page.paragraphs)[:4000]
        yield from _claims("manuals", "manuals", f"manuals/{page.id}", text, donors, rng)


def _made(corpora: Corpora, rng: Random, share: float) -> Iterator[Whole]:
    """Made claims against whole passages, abstracts and papers."""
    donors = _donors(corpora)
    for row in (*corpora.rows("qa_clapnq/answerable.jsonl"), *corpora.rows("qa_clapnq/unanswerable.jsonl")):
        if is_development(document := f"clapnq/{row['id']}", share):
            text = " ".join(row["passages"][0]["text"].split())
            yield from _claims("made_clapnq", "clapnq", document, text, donors, rng)
    for row in corpora.rows("qa_pubmedqa/pqal_nontest.jsonl"):
        if is_development(document := f"pubmedqa/{row['id']}", share):
            text = " ".join(" ".join(row["contexts"]).split())
            yield from _claims("made_pubmedqa", "pubmedqa", document, text, donors, rng)
    for paper, _ in corpora.squad_like("qa_covidqa"):
        if is_development(document := f"qa_covidqa/{paper.id}", share):
            for paragraph in rng.sample(paper.paragraphs, min(3, len(paper.paragraphs))):
                text = " ".join(paragraph.split())[:6000]
                yield from _claims("made_covidqa", "qa_covidqa", document, text, donors, rng)


def _shortened(corpora: Corpora, rng: Random, share: float) -> Iterator[Whole]:
    """Halves of sentences and the sentences themselves, each also with something changed; never calibrated on."""
    donors = _donors(corpora)
    for document in _read(corpora, rng, share):
        for paragraph in document.paragraphs:
            text = " ".join(paragraph.split())[:4000]
            for sentence in sentences(text)[:-1]:
                halves = shortenings(sentence)
                for name, said in ((SHORTENED, rng.choice(halves)), (UNSHORTENED, sentence)) if halves else ():
                    yield Whole(name, document.set, document.id, (text,), "", said, 0)
                    false = change_meaning(said, rng, Around(text, donors))
                    if false is not None:
                        yield Whole(name, document.set, document.id, (text,), "", false.text, 1)


def _read(corpora: Corpora, rng: Random, share: float) -> Iterator[Document]:
    """Texts that were held back, by the names under which training knows them."""
    found = [
        Document("clapnq", f"clapnq/{row['id']}", "", (row["passages"][0]["text"],))
        for row in (*corpora.rows("qa_clapnq/answerable.jsonl"), *corpora.rows("qa_clapnq/unanswerable.jsonl"))
    ]
    for row in corpora.rows("qa_pubmedqa/pqal_nontest.jsonl"):
        found.append(Document("pubmedqa", f"pubmedqa/{row['id']}", "", (" ".join(row["contexts"]),)))
    for name in ("qa_covidqa", "qa_policyqa_dev"):
        for each, _ in corpora.squad_like(name):
            paragraphs = rng.sample(each.paragraphs, min(20, len(each.paragraphs)))
            found.append(Document(name, f"{name}/{each.id}", "", tuple(paragraphs)))
    for page in corpora.manuals(rng, most=500):
        found.append(Document("manuals", f"manuals/{page.id}", "", page.paragraphs))
    return (document for document in found if is_development(document.id, share))


def _claims(name: str, corpus: str, document: str, text: str, donors: Sequence[str], rng: Random) -> Iterator[Whole]:
    pack = from_text(name, document, text, rng, donors, words=rng.choice((60, 120)))
    for slot in pack.slots[:5] if pack else ():
        yield Whole(name, corpus, document, (text,), "", slot.text, int(slot.target != SUPPORTED))


def _donors(corpora: Corpora) -> list[str]:
    rows = corpora.rows("ground_climatefever/claims.jsonl")
    return [evidence["evidence"] for row in rows for evidence in row["evidences"][:1]]
