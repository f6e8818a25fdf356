"""Questions with passages that answer them, of sets whose licence lets a model trained on them be shipped."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from assay_core.sentences import split_sentences
from assay_evals.datasets import read_beir

from assay_training.corpora import LICENCES, Corpora, Section

SETS = ("qa_covidqa", "qa_clapnq", "qa_pubmedqa", "beir_scifact_train", "docs_debian")
_WORDS = 150
_LEAST_WORDS = 12
_MOST_HEADINGS = 6000
_PLAIN_HEADING = re.compile(r"[\w .,'()-]+")
_SAYS_NOTHING = {
    "description",
    "examples",
    "example",
    "notes",
    "see also",
    "compatibility",
    "parameters",
    "outputs",
    "overview",
    "changes",
    "author",
    "authors",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A passage with the title that an index has above it; the title may be empty."""

    id: str
    document: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and the grades of the passages that answer it."""

    text: str
    document: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RankingSet:
    """Passages and questions to them."""

    name: str
    texts: tuple[Text, ...]
    queries: tuple[Query, ...]


def shippable(corpora: Corpora, *, seed: int) -> Iterator[RankingSet]:
    """Every set, one after the other."""
    yield questions_to_articles(corpora, "qa_covidqa")
    yield _clapnq(corpora)
    yield _pubmedqa(corpora)
    yield retrieval_set(corpora.folder("beir_scifact_train"))
    yield _titles(corpora)
    yield _headings(corpora, Random(seed))


def fingerprints(corpora: Corpora) -> list[dict[str, str]]:
    """Every file that `shippable` reads, with hash and licence."""
    names = [name for name in LICENCES if name.split("/")[0] in SETS]
    return corpora.fingerprints(names)


def of_folder(folder: Path) -> RankingSet:
    """A set in BEIR's form or in SQuAD's. Raises `Invalid` if it has neither."""
    if any((folder / name).is_file() for name in ("articles.jsonl", "articles.jsonl.gz")):
        return questions_to_articles(Corpora(folder.resolve().parent), folder.resolve().name)
    return retrieval_set(folder)


def retrieval_set(folder: Path) -> RankingSet:
    """A set in BEIR's form; each document is one passage."""
    found = read_beir(folder)
    texts = tuple(Text(d.id, d.id, d.title, d.text) for d in found.corpus if d.title.strip() or d.text.strip())
    queries = [(text, found.judgements[query]) for query, text in found.queries.items()]
    return RankingSet(found.name, texts, tuple(Query(text, min(grades), dict(grades)) for text, grades in queries))


def questions_to_articles(corpora: Corpora, name: str) -> RankingSet:
    """A set in SQuAD's form; paragraphs are divided where they are long."""
    texts: list[Text] = []
    queries: list[Query] = []
    for document, questions in corpora.squad_like(name):
        places: dict[int, list[tuple[int, str]]] = {}
        for number, paragraph in enumerate(document.paragraphs):
            for start, part in windows(paragraph):
                identity = f"{document.id}/{number}/{start}"
                texts.append(Text(identity, document.id, "", part))
                places.setdefault(number, []).append((start, identity))
        for question in questions:
            holding = [identity for start, identity in places.get(question.paragraph, []) if start <= question.at]
            if holding:
                queries.append(Query(question.text, document.id, {holding[-1]: 1}))
    return RankingSet(name, tuple(texts), tuple(queries))


def windows(text: str, *, words: int = _WORDS) -> list[tuple[int, str]]:
    """Whole sentences in a row, at most about so many words, each with where it begins."""
    found: list[tuple[int, int]] = []
    for start, end in split_sentences(text):
        if found and len(text[found[-1][0] : end].split()) <= words:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(start, text[start:end]) for start, end in found]


def _clapnq(corpora: Corpora) -> RankingSet:
    texts: list[Text] = []
    queries: list[Query] = []
    for name in ("answerable", "unanswerable"):
        for row in corpora.rows(f"qa_clapnq/{name}.jsonl"):
            passage = row["passages"][0]
            texts.append(Text(row["id"], row["id"], passage["title"], passage["text"]))
            if name == "answerable":
                queries.append(Query(row["input"], row["id"], {row["id"]: 1}))
    return RankingSet("qa_clapnq", tuple(texts), tuple(queries))


def _pubmedqa(corpora: Corpora) -> RankingSet:
    rows = corpora.rows("qa_pubmedqa/pqal_nontest.jsonl")
    texts = tuple(Text(row["id"], row["id"], "", " ".join(row["contexts"])) for row in rows)
    return RankingSet("qa_pubmedqa", texts, tuple(Query(row["question"], row["id"], {row["id"]: 1}) for row in rows))


def _titles(corpora: Corpora) -> RankingSet:
    """Abstracts without their titles, asked for by these."""
    found = read_beir(corpora.folder("beir_scifact_train")).corpus
    usable = [d for d in found if len(d.title.split()) > 2 and len(d.text.split()) >= _LEAST_WORDS]
    texts = tuple(Text(d.id, d.id, "", d.text) for d in usable)
    return RankingSet("titles", texts, tuple(Query(d.title.rstrip(". "), d.id, {d.id: 1}) for d in usable))


def _headings(corpora: Corpora, rng: Random) -> RankingSet:
    """Sections of manuals, asked for by their headings, which do not stand above them; that of the page does."""
    texts: list[Text] = []
    queries: list[Query] = []
    for section in corpora.sections():
        parts = [(start, part) for start, part in windows(section.text) if len(part.split()) >= _LEAST_WORDS]
        ids = [hashlib.sha256(f"{section.page}\0{section.heading}\0{start}".encode()).hexdigest() for start, _ in parts]
        texts += [Text(i, section.page, section.title, part) for i, (_, part) in zip(ids, parts, strict=True)]
        if parts and _asks(section):
            queries.append(Query(section.heading, section.page, {ids[0]: 2, **dict.fromkeys(ids[1:4], 1)}))
    rng.shuffle(queries)
    unique = {text.id: text for text in texts}
    return RankingSet("docs_debian", tuple(unique.values()), _once(queries)[:_MOST_HEADINGS])


def _asks(section: Section) -> bool:
    heading = section.heading
    return (
        2 <= len(heading.split()) <= 12
        and heading != section.title
        and heading.lower() not in _SAYS_NOTHING
        and _PLAIN_HEADING.fullmatch(heading) is not None
    )


def _once(queries: Sequence[Query]) -> tuple[Query, ...]:
    """Without those whose words stand above several sections."""
    times: dict[str, int] = {}
    for query in queries:
        times[query.text.lower()] = times.get(query.text.lower(), 0) + 1
    return tuple(query for query in queries if times[query.text.lower()] == 1)
