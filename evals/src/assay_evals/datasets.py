"""Readers of data sets on disk. What cannot be read is refused with the file and line; nothing is passed over."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage, GoldenQuestion

QRELS_HEADER = ("query-id", "corpus-id", "score")


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of a retrieval set; the title may be empty."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """A retrieval set in BEIR's form. `queries` holds only those with at least one relevant document."""

    name: str
    corpus: tuple[CorpusDocument, ...]
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


def read_beir(folder: Path) -> RetrievalSet:
    """Read `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`, each plain or with `.gz`, from a folder."""
    judgements = _read_qrels(_find(folder, "qrels.tsv"))
    judged = {query for query, grades in judgements.items() if any(grade > 0 for grade in grades.values())}
    queries = dict(_read_queries(_find(folder, "queries.jsonl")))
    if missing := judged - queries.keys():
        raise Invalid(f"qrels.tsv judges the query {min(missing)!r}, which queries.jsonl lacks.", code="bad_dataset")
    corpus = tuple(_read_corpus(_find(folder, "corpus.jsonl")))
    if not judged or not corpus:
        raise Invalid(f"{str(folder)!r} holds no document or no judged query.", code="bad_dataset")
    return RetrievalSet(
        folder.resolve().name,
        corpus,
        {query: text for query, text in queries.items() if query in judged},
        {query: grades for query, grades in judgements.items() if query in judged},
    )


def read_golden(path: Path) -> list[GoldenQuestion]:
    """Read golden questions as JSON lines, in file order; fields that are not known are passed over."""
    questions = [golden_question(raw, where) for where, raw in json_lines(path)]
    _refuse_doubles([q.id for q in questions], path)
    return questions


def golden_question(raw: Mapping[str, Any], where: str) -> GoldenQuestion:
    """A golden question from JSON. Raises `Invalid`, naming `where`, if it contradicts itself."""
    question = GoldenQuestion(
        id=_text(raw, "id", where),
        question=_text(raw, "question", where),
        answer=_text(raw, "answer", where) if raw.get("answer") is not None else "",
        answerable=_answerable(raw, where),
        passages=tuple(_passage(passage, where) for passage in _list(raw, "passages", where)),
        type=_text(raw, "type", where) if "type" in raw else "factoid",
        alternatives=tuple(_string(one, "alternatives", where) for one in _list(raw, "alternatives", where)),
    )
    check_golden(question, where)
    return question


def check_golden(question: GoldenQuestion, where: str) -> None:
    """Raise `Invalid` for a question that cannot be scored."""
    if not question.id.strip() or not question.question.strip():
        raise Invalid(f"{where}: a golden question needs an id and a question.", code="bad_dataset")
    if question.answerable and not question.passages:
        raise Invalid(
            f"{where}: {question.id!r} is answerable but names no passage; add one, or set answerable to false.",
            code="bad_dataset",
        )
    if not question.answerable and question.passages:
        raise Invalid(f"{where}: {question.id!r} has no answer, so it can have no passage.", code="bad_dataset")


def fingerprint(questions: Sequence[GoldenQuestion]) -> str:
    """SHA-256 of a golden set, whatever the order of its questions."""
    lines = sorted(json.dumps(asdict(question), sort_keys=True) for question in questions)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise Invalid(
        f"{str(folder)!r} holds no {name} or {name}.gz; a retrieval set has corpus.jsonl, queries.jsonl and qrels.tsv.",
        code="bad_dataset",
    )


def _read_corpus(path: Path) -> Iterator[CorpusDocument]:
    seen = set[str]()
    for where, raw in json_lines(path):
        document = CorpusDocument(_id(raw, where), str(raw.get("title") or ""), str(raw.get("text") or ""))
        if document.id in seen:
            raise Invalid(f"{where}: the id {document.id!r} stands there twice.", code="bad_dataset")
        seen.add(document.id)
        yield document


def _read_queries(path: Path) -> Iterator[tuple[str, str]]:
    for where, raw in json_lines(path):
        yield _id(raw, where), _text(raw, "text", where)


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    judgements: dict[str, dict[str, int]] = {}
    lines = _lines(path)
    if tuple(next(lines, "").split()) != QRELS_HEADER:
        raise Invalid(f"{path.name}: the header must be {' '.join(QRELS_HEADER)!r}, by tabs.", code="bad_dataset")
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            query, document, grade = line.rstrip("\r\n").split("\t")
            judgements.setdefault(query, {})[document] = int(grade)
        except ValueError as error:
            raise Invalid(
                f"{path.name}:{number}: {line.strip()!r} is not query-id, corpus-id and an integer.",
                code="bad_dataset",
            ) from error
    return judgements


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            raw = json.loads(line)
        except ValueError as error:
            raise Invalid(f"{where}: not JSON: {error}.", code="bad_dataset") from error
        if not isinstance(raw, dict):
            raise Invalid(f"{where}: a JSON object is expected.", code="bad_dataset")
        yield where, cast(dict[str, Any], raw)


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield from file
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error}.", code="bad_dataset") from error


def _id(raw: Mapping[str, Any], where: str) -> str:
    # BEIR's own files say "_id".
    return _text(raw, "_id" if "_id" in raw else "id", where)


def _text(raw: Mapping[str, Any], field: str, where: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str):
        raise Invalid(f"{where}: the field {field!r} must be a string.", code="bad_dataset")
    return value


def _answerable(raw: Mapping[str, Any], where: str) -> bool:
    value = raw.get("answerable", True)
    if not isinstance(value, bool):
        raise Invalid(f"{where}: the field 'answerable' must be true or false.", code="bad_dataset")
    return value


def _passage(raw: object, where: str) -> GoldenPassage:
    if not isinstance(raw, dict):
        raise Invalid(f"{where}: a passage is an object with document and quote.", code="bad_dataset")
    fields = cast(dict[str, Any], raw)
    grade = fields.get("grade", 1)
    if not isinstance(grade, int) or isinstance(grade, bool) or grade < 1:
        raise Invalid(
            f"{where}: the grade of a passage is {grade!r}; it must be an integer from 1.", code="bad_dataset"
        )
    return GoldenPassage(_text(fields, "document", where), _text(fields, "quote", where), grade)


def _list(raw: Mapping[str, Any], field: str, where: str) -> list[object]:
    value = raw.get(field) or []
    if not isinstance(value, list):
        raise Invalid(f"{where}: the field {field!r} must be a list.", code="bad_dataset")
    return cast(list[object], value)


def _string(value: object, field: str, where: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{where}: the field {field!r} must hold strings.", code="bad_dataset")
    return value


def _refuse_doubles(ids: Sequence[str], path: Path) -> None:
    seen = set[str]()
    for identity in ids:
        if identity in seen:
            raise Invalid(f"{path.name}: the id {identity!r} stands there twice.", code="bad_dataset")
        seen.add(identity)
