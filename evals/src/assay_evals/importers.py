"""Data sets of others as golden sets: BEIR folders, SQuAD-like JSON, and files of RAG triples.

Each gives the questions, and the documents that they are about, so that a collection can be filled with them. What
cannot be read is refused with its place; nothing is passed over. Questions whose answer is nowhere are unanswerable.
"""

import hashlib
import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.golden_sets import list_of, text_of
from assay_core.sentences import split_sentences

from assay_evals.beir import as_markdown, file_name
from assay_evals.datasets import find, json_lines, read_beir

FORMATS = ("beir", "squad", "rag")
_QUESTION = ("question", "query", "user_input")
_CONTEXTS = ("contexts", "retrieved_contexts", "reference_contexts", "passages", "context")
_ANSWER = ("answer", "ground_truth", "reference", "response", "long_answer")
_ID = ("id", "_id", "question_id")


@dataclass(frozen=True, slots=True)
class Imported:
    """Questions in file order, and the documents that they name, by name."""

    questions: Sequence[GoldenQuestion]
    documents: Mapping[str, bytes]


def format_of(path: Path) -> str:
    """The format of a folder or file by its form. Raises `Invalid` if it has none that is known."""
    if path.is_dir():
        return "squad" if any(path.glob("articles.jsonl*")) else "beir"
    name = path.name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        return "rag"
    if name.endswith(".json"):
        return "squad"
    raise Invalid(
        f"{str(path)!r} is no folder, .json or .jsonl; say --format {', '.join(FORMATS)}.", code="bad_dataset"
    )


def read(path: Path, format_name: str | None = None) -> Imported:
    """Read a data set. Raises `Invalid`, naming file and line."""
    match format_name or format_of(path):
        case "beir":
            return _beir(path)
        case "squad":
            return _squad(path)
        case "rag":
            return _rag(path)
        case other:
            raise Invalid(f"{other!r} is no format; use one of {', '.join(FORMATS)}.", code="bad_dataset")


def _beir(folder: Path) -> Imported:
    """Queries with their judged documents as passages without a quote; grades stay."""
    found = read_beir(folder)
    there = {document.id for document in found.corpus}
    questions: list[GoldenQuestion] = []
    for identity, text in found.queries.items():
        grades = {document: grade for document, grade in found.judgements[identity].items() if grade > 0}
        if missing := grades.keys() - there:
            raise Invalid(
                f"qrels.tsv names the document {min(missing)!r}, which corpus.jsonl lacks.", code="bad_dataset"
            )
        passages = tuple(GoldenPassage(file_name(document), "", grade) for document, grade in grades.items())
        questions.append(GoldenQuestion(identity, text, "", True, passages, "retrieval"))
    written = (document for document in found.corpus if document.title.strip() or document.text.strip())
    return Imported(questions, {file_name(document.id): as_markdown(document) for document in written})


def _squad(path: Path) -> Imported:
    """`data` of articles with paragraphs (SQuAD 1.1 and 2.0), or a form of `_articles`; a document an article."""
    questions: list[GoldenQuestion] = []
    documents: dict[str, bytes] = {}
    for where, article in _articles(path):
        name = _document_name(str(article.get("title") or ""), where, taken=documents)
        texts: list[str] = []
        for number, paragraph in enumerate(list_of(article, "paragraphs", where), 1):
            place = f"{where}, paragraph {number}"
            fields = _object(paragraph, place)
            texts.append(text_of(fields, "context", place))
            for raw in list_of(fields, "qas", place):
                questions.append(_squad_question(_object(raw, place), texts[-1], name, place))
        documents[name] = _plain("\n\n".join(texts))
    return Imported(questions, documents)


def _squad_question(raw: Mapping[str, Any], context: str, document: str, where: str) -> GoldenQuestion:
    answers = [_object(answer, where) for answer in list_of(raw, "answers", where)]
    texts = list(dict.fromkeys(text_of(answer, "text", where) for answer in answers))
    identity, question = str(raw.get("id") or ""), text_of(raw, "question", where)
    if raw.get("is_impossible") or not texts:
        return GoldenQuestion(identity, question, "", False, (), "unanswerable", about=(document,))
    start = answers[0].get("answer_start")
    if not isinstance(start, int) or context[start : start + len(texts[0])] != texts[0]:
        start = context.find(texts[0])
    if start < 0:
        raise Invalid(f"{where}: the answer of {identity!r} does not stand in its paragraph.", code="bad_dataset")
    quote = _sentence_at(context, start, start + len(texts[0]))
    passages = (GoldenPassage(document, quote),)
    return GoldenQuestion(identity, question, texts[0], True, passages, alternatives=tuple(texts[1:]))


def _rag(path: Path) -> Imported:
    """Lines of question, contexts and answer, by the names that ragas and others give them; a document a context."""
    questions: list[GoldenQuestion] = []
    documents: dict[str, bytes] = {}
    for where, raw in json_lines(path):
        question = _first(raw, _QUESTION, where)
        contexts = [_context(one, where) for one in _contexts(raw, where)]
        answer = _first(raw, _ANSWER, where)
        names = [_context_name(text) for text in contexts]
        documents |= {name: _plain(text) for name, text in zip(names, contexts, strict=True)}
        identity = next((str(raw[name]) for name in _ID if raw.get(name)), _digest(question))
        passages = tuple(GoldenPassage(name, "") for name in dict.fromkeys(names))
        answerable = bool(contexts) and bool(answer.strip()) and raw.get("answerable") is not False
        questions.append(
            GoldenQuestion(identity, question, answer, True, passages)
            if answerable
            else GoldenQuestion(identity, question, "", False, (), "unanswerable", about=tuple(dict.fromkeys(names)))
        )
    return Imported(questions, documents)


def _articles(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Articles with their places: of one JSON file, one a line, or of articles.jsonl beside questions.jsonl."""
    if path.is_dir():
        yield from _joined(path)
        return
    if path.name.removesuffix(".gz").endswith(".jsonl"):
        yield from json_lines(path)
        return
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error}.", code="bad_dataset") from error
    for number, article in enumerate(list_of(_object(raw, path.name), "data", path.name), 1):
        where = f"{path.name}, article {number}"
        yield where, _object(article, where)


def _joined(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Articles whose paragraphs are plain texts, with the questions that name them."""
    asked: dict[tuple[str, int], list[object]] = {}
    for where, raw in json_lines(find(folder, "questions.jsonl")):
        starts = list_of(raw, "answer_start", where)
        answers = list_of(raw, "answers", where)
        paired = [{"text": a, "answer_start": s} for a, s in zip_longest(answers, starts) if a is not None]
        place = text_of(raw, "article_id", where), int(raw.get("paragraph", 0))
        asked.setdefault(place, []).append({**raw, "answers": paired})
    for where, raw in json_lines(find(folder, "articles.jsonl")):
        identity = text_of(raw, "id", where)
        texts = enumerate(list_of(raw, "paragraphs", where))
        paragraphs = [{"context": text, "qas": asked.pop((identity, number), [])} for number, text in texts]
        yield where, {**raw, "paragraphs": paragraphs}
    if asked:
        raise Invalid(f"questions.jsonl names {min(asked)[0]!r}, which has no such paragraph.", code="bad_dataset")


def _contexts(raw: Mapping[str, Any], where: str) -> list[object]:
    for name in _CONTEXTS:
        if name in raw:
            value = raw[name]
            return [value] if isinstance(value, str) else list_of(raw, name, where)
    raise Invalid(f"{where}: none of {', '.join(_CONTEXTS)} is there.", code="bad_dataset")


def _context(raw: object, where: str) -> str:
    text = raw if isinstance(raw, str) else _object(raw, where).get("text")
    if not isinstance(text, str) or not text.strip():
        raise Invalid(f"{where}: a context must be a text, or an object with one.", code="bad_dataset")
    return text


def _first(raw: Mapping[str, Any], names: Sequence[str], where: str) -> str:
    for name in names:
        if name in raw:
            return text_of(raw, name, where)
    raise Invalid(f"{where}: none of {', '.join(names)} is there.", code="bad_dataset")


def _object(raw: object, where: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise Invalid(f"{where}: a JSON object is expected.", code="bad_dataset")
    return cast(dict[str, Any], raw)


def _sentence_at(context: str, start: int, end: int) -> str:
    """The sentences that the span lies in."""
    spans = [span for span in split_sentences(context) if span[0] < end and start < span[1]]
    return context[spans[0][0] : spans[-1][1]] if spans else context[start:end]


def _document_name(title: str, where: str, *, taken: Container[str]) -> str:
    name = f"{re.sub(r'[^A-Za-z0-9]+', '-', title).strip('-').lower()[:80]}.txt"
    return f"{_digest(where)}.txt" if name == ".txt" or name in taken else name


def _context_name(text: str) -> str:
    return f"context-{_digest(text)}.txt"


def _plain(text: str) -> bytes:
    return f"{text.strip()}\n".encode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
