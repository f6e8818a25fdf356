"""Readers of data sets on disk. What cannot be read is refused with the file and line; nothing is passed over."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from assay_core.errors import Invalid
from assay_core.evaluation import GoldenQuestion
from assay_core.golden_sets import read_question, text_of

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
    judgements = _read_qrels(find(folder, "qrels.tsv"))
    judged = {query for query, grades in judgements.items() if any(grade > 0 for grade in grades.values())}
    queries = dict(_read_queries(find(folder, "queries.jsonl")))
    if missing := judged - queries.keys():
        raise Invalid(f"qrels.tsv judges the query {min(missing)!r}, which queries.jsonl lacks.", code="bad_dataset")
    corpus = tuple(_read_corpus(find(folder, "corpus.jsonl")))
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
    questions = [read_question(raw, where) for where, raw in json_lines(path)]
    _refuse_doubles([q.id for q in questions], path)
    return questions


def find(folder: Path, name: str) -> Path:
    """A file of a data set, plain or with `.gz`. Raises `Invalid`."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise Invalid(
        f"{str(folder)!r} holds no {name} or {name}.gz; a retrieval set has corpus.jsonl, queries.jsonl and qrels.tsv,"
        " one of questions and answers articles.jsonl and questions.jsonl.",
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
        yield _id(raw, where), text_of(raw, "text", where)


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
    """Each object of a file of JSON lines with its place. Raises `Invalid`, naming file and line."""
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
    return text_of(raw, "_id" if "_id" in raw else "id", where)


def _refuse_doubles(ids: Sequence[str], path: Path) -> None:
    seen = set[str]()
    for identity in ids:
        if identity in seen:
            raise Invalid(f"{path.name}: the id {identity!r} stands there twice.", code="bad_dataset")
        seen.add(identity)
