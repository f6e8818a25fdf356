"""All training packs of the judge, set by set."""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Any

from assay_core.errors import Invalid
from assay_core.sentences import split_sentences

from assay_training.corpora import Corpora, Document, Question, sample_documents, sentences
from assay_training.edits import CONTRADICTED, EITHER, NOT_ENOUGH, SUPPORTED, Around, change_meaning, keep_meaning
from assay_training.packs import (
    ANSWER,
    PASSAGE,
    Pack,
    Slot,
    claim,
    from_text,
    headed,
    made_claims,
    window,
)

_VERDICTS = {
    "SUPPORT": SUPPORTED, "SUPPORTS": SUPPORTED, "CONTRADICT": CONTRADICTED, "REFUTES": CONTRADICTED,
    "NOT_ENOUGH_INFO": NOT_ENOUGH,
}  # fmt: skip
_YES, _NO = SUPPORTED, NOT_ENOUGH
_REFUSALS = (
    "The documents do not say.",
    "I do not know.",
    "I cannot find this in the documents.",
    "Thank you for your question!",
    "There is no information about that.",
    "Sorry, I can't help with that.",
    "Hello",
    "That is interesting.",
)
DEVELOPMENT_SHARE = 0.1
SETS = ("scifact", "climatefever", "begin", "clapnq", "qa_policyqa_dev", "qa_covidqa", "pubmedqa", "manuals")
_SHARE = {"qa_policyqa_dev": 0.4, "qa_covidqa": 0.6}


def is_development(document: str, share: float = DEVELOPMENT_SHARE) -> bool:
    """Whether a document is held back, by its name alone; of a larger share, those of a smaller one are a part."""
    return int(hashlib.sha256(document.encode()).hexdigest()[:8], 16) / 2**32 < share


def build(corpora: Corpora, *, seed: int, rounds: int = 1, leave_out: Collection[str] = ()) -> list[Pack]:
    """Packs of all sets but those of `leave_out`; each round makes other claims from the same texts."""
    packs: list[Pack] = []
    for number in range(rounds):
        rng = Random(f"{seed}-{number}")
        elsewhere = _elsewhere(corpora, rng, leave_out=leave_out)
        for made in (
            _scifact(corpora, rng, elsewhere), _scifact(corpora, rng, elsewhere), _climate(corpora, rng),
            _begin(corpora, rng, elsewhere), _begin(corpora, rng, elsewhere), _clapnq(corpora, rng, elsewhere),
            _squad_like(corpora, "qa_policyqa_dev", rng, elsewhere), _squad_like(corpora, "qa_covidqa", rng, elsewhere),
            _clapnq(corpora, rng, elsewhere), _pubmedqa(corpora, rng, elsewhere), _plain(corpora, rng, elsewhere),
        ):  # fmt: skip
            packs.extend(pack for pack in made if pack.set not in leave_out)
    return packs


def _elsewhere(corpora: Corpora, rng: Random, *, leave_out: Collection[str]) -> list[str]:
    """Sentences of several sets, for what is added or swapped in."""
    found: list[str] = []
    if "clapnq" not in leave_out:
        for row in corpora.rows("qa_clapnq/unanswerable.jsonl"):
            found.extend(sentences(row["passages"][0]["text"]))
    if "climatefever" not in leave_out:
        for row in corpora.rows("ground_climatefever/claims.jsonl"):
            found.extend(e["evidence"] for e in row["evidences"][:2])
    if "qa_policyqa_dev" not in leave_out:
        for document, _ in corpora.squad_like("qa_policyqa_dev"):
            for paragraph in document.paragraphs[:8]:
                found.extend(sentences(paragraph))
    if not found:
        for page in corpora.manuals(rng, most=100) if "manuals" not in leave_out else ():
            found.extend(s for paragraph in page.paragraphs for s in sentences(paragraph))
        for row in corpora.rows("qa_pubmedqa/pqal_nontest.jsonl") if "pubmedqa" not in leave_out else ():
            found.extend(s for context in row["contexts"] for s in sentences(" ".join(context.split())))
    found = [f for f in found if 6 <= len(f.split()) <= 30]
    if not found:
        raise Invalid("The sets that remain lend no sentences to make errors from; leave fewer out.", code="bad_set")
    rng.shuffle(found)
    return found


def _scifact(corpora: Corpora, rng: Random, elsewhere: Sequence[str]) -> Iterator[Pack]:
    by_document: dict[str, list[dict[str, Any]]] = {}
    for row in corpora.rows("ground_scifact_train/claims.jsonl"):
        by_document.setdefault(row["doc_id"], []).append(row)
    for identity, rows in by_document.items():
        texts = [" ".join(s.split()) for s in rows[0]["sentences"]]
        title = rows[0]["title"]
        for row in rows:
            rationale = sorted({n for group in row["evidence_sentences"] for n in group})
            at = rng.choice(rationale) if rationale else None
            inside = window(texts, rng, at=at, words=rng.choice((60, 100, 150, 200)))
            if rationale and not all(texts[n] in inside.inside for n in rationale[:1]):
                inside = window(texts, rng, at=rationale[0], words=200)
            slots = [claim(row["claim"], _VERDICTS[row["label"]], evidence=_place(inside.text, texts, at), weight=2.0)]
            other = rng.choice(rows)
            if other is not row and not other["evidence_sentences"]:
                slots.append(claim(other["claim"], NOT_ENOUGH, weight=2.0))
            if row["label"] == "SUPPORT":
                false = change_meaning(row["claim"], rng, Around(inside.text, elsewhere, title))
                if false is not None:
                    slots.append(Slot("ground", false.text, false.target, false.errors, None, 1.0))
            slots += made_claims(inside, rng, elsewhere, most=4)
            yield headed(Pack("scifact", f"scifact/{identity}", inside.text, tuple(slots)), title, rng)
            without = [t for n, t in enumerate(texts) if n not in rationale]
            if rationale and len(without) >= 2 and rng.random() < 0.6:
                part = window(without, rng, words=100)
                slots = [claim(row["claim"], NOT_ENOUGH, weight=1.5), *made_claims(part, rng, elsewhere, most=3)]
                yield Pack("scifact", f"scifact/{identity}", part.text, tuple(slots))


def _climate(corpora: Corpora, rng: Random) -> Iterator[Pack]:
    rows = corpora.rows("ground_climatefever/claims.jsonl")
    for row in rows:
        document = f"climatefever/{row['claim_id']}"
        for evidence in row["evidences"]:
            votes = [v for v in evidence["votes"] if v]
            agreed = votes.count(evidence["evidence_label"]) / max(1, len(votes))
            keep = 1.0 if evidence["evidence_label"] != "NOT_ENOUGH_INFO" else 0.35
            if agreed < 0.6 or rng.random() > keep:
                continue
            near = rng.choice(row["evidences"])["evidence"] if rng.random() < 0.25 else ""
            slots = [claim(row["claim"], _VERDICTS[evidence["evidence_label"]], weight=1.5)]
            around = Around(evidence["evidence"], [r["claim"] for r in rng.sample(rows, 3)])
            if rng.random() < 0.4:
                slots.append(claim(rng.choice(rows)["claim"], NOT_ENOUGH, weight=0.5))
            if len(evidence["evidence"].split()) > 7:
                slots.append(claim(keep_meaning(evidence["evidence"], rng, around), SUPPORTED))
                false = change_meaning(evidence["evidence"], rng, around)
                if false is not None:
                    slots.append(Slot("ground", false.text, false.target, false.errors, None, 1.0))
            if evidence["evidence_label"] == "NOT_ENOUGH_INFO" or not near:
                yield Pack("climatefever", document, evidence["evidence"], tuple(slots))
            else:
                yield Pack("climatefever", document, f"{evidence['evidence']} {near}", tuple(slots))


def _begin(corpora: Corpora, rng: Random, elsewhere: Sequence[str]) -> Iterator[Pack]:
    by_source: dict[str, list[dict[str, Any]]] = {}
    for row in corpora.rows("ground_begin_dev/turns.jsonl"):
        if row["source"] in ("wow", "cmu") and row["label"] != "Generic":
            by_source.setdefault(row["knowledge"], []).append(row)
    for knowledge, rows in by_source.items():
        text = " ".join(knowledge.split()[:240])
        slots: list[Slot] = []
        for row in rows:
            true = row["label"] == "Fully attributable"
            slots.append(claim(row["response"], SUPPORTED if true else EITHER, weight=1.5))
            if true:
                false = change_meaning(row["response"], rng, Around(text, elsewhere))
                if false is not None:
                    slots.append(Slot("ground", false.text, false.target, false.errors, None, 1.0))
        texts = sentences(text)
        slots += made_claims(window(texts, rng, words=300), rng, elsewhere, most=5)
        yield Pack("begin", f"begin/{rows[0]['id']}", text, tuple(slots[:8]))


def _squad_like(corpora: Corpora, name: str, rng: Random, elsewhere: Sequence[str]) -> Iterator[Pack]:
    """Of the many questions a part: the large sets must not drown the small ones."""
    for document, questions in corpora.squad_like(name):
        usable = [q for q in questions if 1 <= len(q.answers[0].split()) <= 30]
        for question in usable:
            if rng.random() > _SHARE[name]:
                continue
            paragraph = document.paragraphs[question.paragraph]
            texts, at = _around(paragraph, question.at)
            inside = window(texts, rng, at=at)
            if question.answers[0] not in inside.text:
                continue
            here = [q for q in usable if q.paragraph == question.paragraph and abs(q.at - question.at) < 600]
            others = [q for q in usable if q.answers[0] not in inside.text]
            slots = _question_slots(question, here, others, inside.text, rng, elsewhere)
            slots += made_claims(inside, rng, elsewhere, most=3)
            yield Pack(name, f"{name}/{document.id}", inside.text, tuple(slots))
            if rng.random() < 0.6:
                yield from _answer_pack(name, document, question, usable, texts[at], rng)
        for paragraph in document.paragraphs[:25]:
            for _ in range(1 + len(paragraph.split()) // 700):
                pack = from_text(name, f"{name}/{document.id}", paragraph, rng, elsewhere)
                if pack is not None and rng.random() < _SHARE[name]:
                    yield pack


def _question_slots(
    question: Question,
    here: Sequence[Question],
    others: Sequence[Question],
    source: str,
    rng: Random,
    elsewhere: Sequence[str],
) -> list[Slot]:
    """The question with its answer, with wrong ones, and the relevance of the source to it and to another."""
    answer = question.answers[0]
    at = source.find(answer)
    evidence = (at, at + len(answer))
    slots = [
        Slot(PASSAGE, question.text, _YES, evidence=evidence),
        Slot("ground", f"{question.text} {_stated(answer)}", SUPPORTED, (), evidence),
    ]
    wrong = [q for q in here if q.answers[0] not in answer and answer not in q.answers[0] and q.text != question.text]
    if wrong:
        false = _stated(rng.choice(wrong).answers[0])
        text = f"{question.text} {false}"
        slots.append(Slot("ground", text, EITHER, ((len(text) - len(false), len(text)),)))
    changed = change_meaning(_stated(answer), rng, Around(source, elsewhere))
    if changed is not None and changed.errors:
        shift = len(question.text) + 1
        errors = tuple((a + shift, b + shift) for a, b in changed.errors)
        slots.append(Slot("ground", f"{question.text} {changed.text}", changed.target, errors))
    if others:
        other = rng.choice(others)
        slots.append(Slot(PASSAGE, other.text, _NO))
        false = _stated(other.answers[0])
        text = f"{question.text} {false}"
        slots.append(Slot("ground", text, EITHER, ((len(text) - len(false), len(text)),)))
    return slots


def _answer_pack(
    name: str, document: Document, question: Question, usable: Sequence[Question], sentence: str, rng: Random
) -> Iterator[Pack]:
    """An answer with the questions that it does and does not answer."""
    answer = sentence if rng.random() < 0.5 and len(sentence.split()) < 60 else _stated(question.answers[0])
    others = rng.sample(usable, min(3, len(usable)))
    slots = [Slot(ANSWER, question.text, _YES)]
    slots += [
        Slot(ANSWER, q.text, _NO)
        for q in others
        if q.answers[0] not in answer and question.answers[0] not in q.answers[0] and q.text != question.text
    ]
    yield Pack(name, f"{name}/{document.id}", answer, tuple(slots))
    if rng.random() < 0.08:
        slots = [Slot(ANSWER, q.text, _NO) for q in (question, *others[:1])]
        yield Pack(name, f"{name}/{document.id}", rng.choice(_REFUSALS), tuple(slots))


def _clapnq(corpora: Corpora, rng: Random, elsewhere: Sequence[str]) -> Iterator[Pack]:
    answered = corpora.rows("qa_clapnq/answerable.jsonl")
    silent = corpora.rows("qa_clapnq/unanswerable.jsonl")
    for row in (*answered, *silent):
        passage = row["passages"][0]
        text, title = " ".join(passage["text"].split()), passage["title"]
        document = f"clapnq/{row['id']}"
        answer = " ".join(row["output"][0]["answer"].split())
        other = rng.choice(answered)
        theirs = " ".join(other["output"][0]["answer"].split())
        slots = [Slot(PASSAGE, row["input"], _YES if answer else _NO, weight=2.0), Slot(PASSAGE, other["input"], _NO)]
        around = Around(text, elsewhere, title)
        for part in sentences(answer)[:3]:
            slots.append(claim(keep_meaning(part, rng, around, most=2), SUPPORTED, weight=1.5))
            false = change_meaning(part, rng, around)
            if false is not None:
                slots.append(Slot("ground", false.text, false.target, false.errors))
        if not answer and other is not row:
            slots.append(claim(sentences(theirs)[0], NOT_ENOUGH, weight=0.5))
        slots += made_claims(window(sentences(text), rng, words=400), rng, elsewhere, title=title, most=4)
        yield headed(Pack("clapnq", document, " ".join(text.split()[:260]), tuple(slots[:9])), title, rng)
        if answer:
            asked = [Slot(ANSWER, row["input"], _YES, weight=2.0), Slot(ANSWER, other["input"], _NO)]
            asked += [Slot(ANSWER, rng.choice(silent)["input"], _NO)]
            yield Pack("clapnq", document, answer, tuple(asked))
        else:
            near = rng.choice(sentences(text))
            yield Pack("clapnq", document, near, (Slot(ANSWER, row["input"], _NO),))


def _pubmedqa(corpora: Corpora, rng: Random, elsewhere: Sequence[str]) -> Iterator[Pack]:
    rows = corpora.rows("qa_pubmedqa/pqal_nontest.jsonl")
    for row in rows:
        texts = [s for context in row["contexts"] for s in sentences(" ".join(context.split()))]
        document = f"pubmedqa/{row['id']}"
        inside = window(texts, rng, at=len(texts) - 1, words=180)
        other = rng.choice(rows)
        slots = [Slot(PASSAGE, row["question"], _YES), Slot(PASSAGE, other["question"], _NO)]
        around = Around(inside.text, elsewhere)
        parts = [s for s in sentences(row["long_answer"]) if len(s.split()) >= 5][:2]
        for part in parts:
            # Conclusions go beyond what the results say: less weight.
            slots.append(claim(part, SUPPORTED, weight=0.6))
            false = change_meaning(part, rng, around)
            if false is not None:
                slots.append(Slot("ground", false.text, false.target, false.errors, weight=0.6))
        if other is not row:
            slots.append(claim(sentences(other["long_answer"])[0], NOT_ENOUGH, weight=0.5))
        slots += made_claims(inside, rng, elsewhere, most=4)
        yield Pack("pubmedqa", document, inside.text, tuple(slots))
        asked = (Slot(ANSWER, row["question"], _YES), Slot(ANSWER, other["question"], _NO))
        yield Pack("pubmedqa", document, row["long_answer"], asked if other is not row else asked[:1])


def _plain(corpora: Corpora, rng: Random, elsewhere: Sequence[str]) -> Iterator[Pack]:
    """Made claims about manuals, the sample corpus and encyclopedic passages."""
    for document in [*corpora.manuals(rng, most=260), *sample_documents()]:
        for paragraph in rng.sample(document.paragraphs, min(6, len(document.paragraphs))):
            index = document.paragraphs.index(paragraph)
            text = " ".join(document.paragraphs[index : index + 3])
            pack = from_text("manuals", f"manuals/{document.id}", text, rng, elsewhere, title=document.title)
            if pack is not None:
                yield pack
    for row in corpora.rows("qa_clapnq/unanswerable.jsonl"):
        passage = row["passages"][0]
        text = " ".join(passage["text"].split())
        pack = from_text("clapnq", f"clapnq/{row['id']}", text, rng, elsewhere, title=passage["title"])
        if pack is not None:
            yield pack


def _stated(answer: str) -> str:
    answer = answer.strip()
    return answer if re.search(r"[.!?]$", answer) else f"{answer}."


def _around(paragraph: str, at: int) -> tuple[list[str], int]:
    """The sentences near a place, and the number of the one there."""
    start = max(0, at - 1500)
    near = paragraph[start : at + 1500]
    spans = split_sentences(near)
    number = next((n for n, (a, b) in enumerate(spans) if a <= at - start < b), 0)
    return [near[a:b] for a, b in spans], number


def _place(text: str, texts: Sequence[str], at: int | None) -> tuple[int, int] | None:
    if at is None:
        return None
    start = text.find(texts[at])
    return (start, start + len(texts[at])) if start >= 0 else None
