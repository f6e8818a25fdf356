"""Readers of what the judge may be trained on, and under which licence. Nothing else is read."""

import gzip
import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from assay_core.errors import Invalid
from assay_core.sentences import split_sentences

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

LICENCES: Mapping[str, str] = {
    "ground_scifact_train/claims.jsonl": "SciFact: CC BY 4.0 claims, ODC-BY abstracts",
    "ground_climatefever/claims.jsonl": "Climate-FEVER: CC BY-SA 4.0 evidence from Wikipedia, claims as published",
    "ground_begin_dev/turns.jsonl": "BEGIN: CC BY 4.0; of the parts wow and cmu only",
    "qa_policyqa_dev/articles.jsonl": "PolicyQA: MIT",
    "qa_policyqa_dev/questions.jsonl": "PolicyQA: MIT",
    "qa_covidqa/articles.jsonl": "COVID-QA: Apache-2.0",
    "qa_covidqa/questions.jsonl": "COVID-QA: Apache-2.0",
    "qa_clapnq/answerable.jsonl": "CLAPNQ: Apache-2.0",
    "qa_clapnq/unanswerable.jsonl": "CLAPNQ: Apache-2.0",
    "qa_pubmedqa/pqal_nontest.jsonl": "PubMedQA: MIT",
    "beir_scifact_train/corpus.jsonl": "SciFact: ODC-BY abstracts",
    "beir_scifact_train/queries.jsonl": "SciFact: CC BY 4.0 claims",
    "beir_scifact_train/qrels.tsv": "SciFact: CC BY 4.0 annotations",
    "docs_debian/debian-docs.tar.xz": "only the manuals of PostgreSQL (PostgreSQL licence) and Python (PSF licence)",
}
_MANUALS = ("debian-docs/postgresql-15/", "debian-docs/python-3.11/")


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its paragraphs."""

    set: str
    id: str
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a paragraph; `at` is where its first answer begins there."""

    text: str
    answers: tuple[str, ...]
    paragraph: int
    at: int


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under a heading of a page, up to the next one."""

    page: str
    title: str
    heading: str
    text: str


class Corpora:
    """The sets below one folder, each a folder of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def fingerprints(self, names: Iterable[str]) -> list[dict[str, str]]:
        """These of `LICENCES`, with hash and licence."""
        found: list[dict[str, str]] = []
        for name in names:
            path = self.find(name)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found.append({"file": f"{Path(name).parent}/{path.name}", "sha256": digest, "licence": LICENCES[name]})
        return found

    def folder(self, name: str) -> Path:
        """Where a set is."""
        return self._root / name

    def find(self, name: str) -> Path:
        """The file, plain or with .gz. Raises `Invalid` if there is none."""
        for path in (self._root / name, self._root / f"{name}.gz"):
            if path.is_file():
                return path
        raise Invalid(f"{str(self._root)!r} holds no {name!r}; --data names the folder with the sets.", code="no_data")

    def rows(self, name: str) -> list[dict[str, Any]]:
        path = self.find(name)
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            return [json.loads(line) for line in lines if line.strip()]

    def squad_like(self, name: str) -> Iterator[tuple[Document, list[Question]]]:
        """The articles of a set in SQuAD's form with their questions."""
        asked: dict[str, list[Question]] = {}
        for row in self.rows(f"{name}/questions.jsonl"):
            if row["answers"]:
                question = Question(row["question"], tuple(row["answers"]), row["paragraph"], row["answer_start"][0])
                asked.setdefault(row["article_id"], []).append(question)
        for row in self.rows(f"{name}/articles.jsonl"):
            yield Document(name, row["id"], row["title"], tuple(row["paragraphs"])), asked.get(row["id"], [])

    def manuals(self, rng: Random, *, most: int) -> list[Document]:
        """Some pages of the two manuals."""
        pages = [_page(name, html) for name, html in self._manuals(least=4000) if rng.random() < 0.5]
        pages = [page for page in pages if page.paragraphs]
        rng.shuffle(pages)
        return pages[:most]

    def sections(self) -> Iterator[Section]:
        """Every section of the two manuals that has text of its own."""
        for name, html in self._manuals(least=0):
            yield from _sections(name, html)

    def _manuals(self, *, least: int) -> Iterator[tuple[str, str]]:
        with tarfile.open(self.find("docs_debian/debian-docs.tar.xz")) as archive:
            for member in archive:
                if member.isfile() and member.name.startswith(_MANUALS) and member.size > least:
                    stream = archive.extractfile(member)
                    if stream is not None:
                        yield member.name, stream.read().decode("utf-8", "replace")


def sample_documents() -> list[Document]:
    """The texts of the sample corpus that need no parser of their own."""
    folder = resources.files("assay_testing").joinpath("sample", "documents")
    found: list[Document] = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith((".md", ".txt")):
            found.append(Document("sample", entry.name, "", _prose(entry.read_text().split("\n\n"))))
        elif entry.name.endswith(".html"):
            found.append(_page(entry.name, entry.read_text()))
    return found


def sentences(text: str) -> list[str]:
    return [text[a:b] for a, b in split_sentences(text)]


def _page(name: str, html: str) -> Document:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    texts = [node.text(separator=" ") for node in tree.css("p")]
    return Document("manuals", name, _title(tree), _prose(texts))


def _sections(name: str, html: str) -> Iterator[Section]:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    title, heading, texts = _title(tree), "", list[str]()
    for node in [*tree.css("h1, h2, h3, h4, h5, p"), None]:
        if node is not None and node.tag == "p":
            texts.append(" ".join(node.text(separator=" ").split()))
            continue
        if heading and (text := " ".join(part for part in texts if part)):
            yield Section(name, title, heading, text)
        if node is not None:
            heading, texts = _unnumbered(" ".join(node.text().split())).removesuffix("#").strip(), []


def _title(tree: "LexborHTMLParser") -> str:
    head = tree.css_first("title")
    return _unnumbered(head.text().split("—")[0].strip()) if head else ""


def _unnumbered(heading: str) -> str:
    return re.sub(r"^(?:[A-Z]\.)?[\d.\s]+", "", heading).removesuffix("¶").strip()


def _prose(texts: Sequence[str]) -> tuple[str, ...]:
    """Paragraphs that are sentences: no headings, tables or code."""
    evened = (" ".join(text.split()) for text in texts)
    return tuple(t for t in evened if len(t.split()) >= 8 and t[-1] in ".!?:" and not t.startswith(("#", "|", "-")))
