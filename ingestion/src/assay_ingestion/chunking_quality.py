"""`python -m assay_ingestion.chunking_quality SET…`: how well each chunking strategy lets answers be found.

A set is a folder with articles.jsonl (title, paragraphs) and questions.jsonl (article_id, paragraph, answer_start,
answers), or with documents/ and golden.jsonl. Whole documents go in; passages are searched exactly, without an index;
what counts is whether the gold answer is in the text that is read, for equal amounts of it. Each strategy's numbers
are chosen on one half of the questions and reported on the other.
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from assay_core.collection_settings import Chunking, Strategy
from assay_core.documents import Chunk, DocumentId, ParsedDocument, TenantId, text_for_index
from assay_core.ports import Embedder, Parser
from assay_evals.passages import ReadPassage, Span, best_by, found_early, recall_within
from assay_evals.statistics import interval, mean
from assay_runtime.settings import EmbedderSettings

from assay_ingestion.bootstrap import choose_embedder, choose_parser
from assay_ingestion.chunk import split, with_short_title
from assay_ingestion.settings import IngestionSettings

Rows = npt.NDArray[np.float32]
METRICS = ("recall@500", "recall@1500", "early@1500")
CHOSEN_BY = "early@1500"
_SEED = 7
_BATCH = 64
_NEAR_CHARS = 400

CANDIDATES = [
    *(Chunking(s, n, n // 8) for s in (Strategy.FIXED, Strategy.RECURSIVE) for n in (110, 220)),
    *(Chunking(Strategy.STRUCTURE, n, o) for n, o in ((110, 15), (220, 30))),
    *(Chunking(Strategy.SEMANTIC, 220, 0, breakpoint_percentile=p) for p in (80, 90)),
    *(Chunking(Strategy.PARENT_CHILD, n, 0, parent_tokens=p) for n, p in ((60, 220), (60, 440), (100, 440))),
]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its answer stands in the canonical text of a document."""

    text: str
    answers: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Parsed documents and questions about them; `lost` answers were not found again in the parsed text."""

    name: str
    documents: Mapping[str, ParsedDocument]
    questions: Sequence[Question]
    lost: int


class RememberingEmbedder:
    """Embeds each text once, since most candidates share most sentences."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Rows] = {}

    @property
    def model_id(self) -> str:
        return self._embedder.model_id

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    def embed_query(self, text: str) -> Rows:
        return np.asarray(self._embedder.embed_query(text), dtype=np.float32)

    def embed_queries(self, texts: Sequence[str]) -> Rows:
        return np.asarray(self._embedder.embed_queries(texts), dtype=np.float32)

    def embed_passages(self, texts: Sequence[str]) -> Rows:
        new = sorted({text for text in texts if text not in self._known}, key=len)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            vectors = np.asarray(self._embedder.embed_passages(batch), dtype=np.float32)
            self._known |= dict(zip(batch, vectors, strict=True))
        return np.stack([self._known[text] for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embedder.count_tokens(texts)


def read_set(folder: Path, parser: Parser, *, documents: int, questions: int) -> QuestionSet:
    """Read up to so many documents, in the order of their ids, and draw up to so many questions about them."""
    golden = folder / "golden.jsonl"
    parsed, asked = _golden(folder, golden, parser) if golden.exists() else _articles(folder, parser, documents)
    found = [question for question in asked if question.answers]
    drawn = random.Random(_SEED).sample(found, min(questions, len(found)))
    return QuestionSet(folder.resolve().name, parsed, drawn, len(asked) - len(found))


def _articles(folder: Path, parser: Parser, most: int) -> tuple[dict[str, ParsedDocument], list[Question]]:
    rows = {row["id"]: row for row in list(_lines(folder, "articles.jsonl"))[:most]}
    parsed: dict[str, ParsedDocument] = {}
    for identity, row in rows.items():
        body = "\n\n".join(row["paragraphs"])
        parsed[identity] = replace(_parse(parser, body, "article.txt"), title=row["title"].replace("_", " "))
    asked = [q for q in _lines(folder, "questions.jsonl") if q["article_id"] in rows and not q["is_impossible"]]
    return parsed, [_asked(q, rows[q["article_id"]], parsed[q["article_id"]].text) for q in asked]


def _asked(raw: Mapping[str, Any], article: Mapping[str, Any], text: str) -> Question:
    before = sum(len(p) + 2 for p in article["paragraphs"][: raw["paragraph"]])
    # Data sets name equal answers once, but every place where one stands.
    places = [
        _place(text, answer.strip(), before + start) for answer, start in product(raw["answers"], raw["answer_start"])
    ]
    spans = [Span(article["id"], start, end) for start, end in filter(None, places)]
    return Question(raw["question"], tuple(spans))


def _place(text: str, answer: str, near: int) -> tuple[int, int] | None:
    """Where an answer stands, near the place that it had before the text was parsed."""
    starts = [
        near + offset for offset in range(-_NEAR_CHARS, _NEAR_CHARS) if text.startswith(answer, max(0, near + offset))
    ]
    if not answer or not starts:
        return None
    start = max(0, min(starts, key=lambda s: abs(s - near)))
    return start, start + len(answer)


def _golden(folder: Path, golden: Path, parser: Parser) -> tuple[dict[str, ParsedDocument], list[Question]]:
    paths = sorted((folder / "documents").iterdir())
    parsed = {path.name: parser.parse(str(path), name=path.name) for path in paths}
    asked: list[Question] = []
    for raw in map(json.loads, golden.read_text(encoding="utf-8").splitlines()):
        passages = [p for p in raw["passages"] if p["document"] in parsed] if raw["answerable"] else []
        if passages:
            spans = [_quoted(parsed[p["document"]].text, p["document"], p["quote"]) for p in passages]
            asked.append(Question(raw["question"], tuple(filter(None, spans))))
    return parsed, asked


def _quoted(text: str, document: str, quote: str) -> Span | None:
    start = text.find(quote)
    return None if start < 0 else Span(document, start, start + len(quote))


def _parse(parser: Parser, text: str, name: str) -> ParsedDocument:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.write(text)
        file.flush()
        return parser.parse(file.name, name=name)


def _lines(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    plain = folder / name
    if plain.exists():
        yield from map(json.loads, plain.read_text(encoding="utf-8").splitlines())
    else:
        with gzip.open(folder / f"{name}.gz", "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)


def rankings(found: QuestionSet, chunking: Chunking, embedder: Embedder) -> tuple[list[list[ReadPassage]], float]:
    """For each question the passages as they are read, best first; and the mean tokens of what is embedded."""
    chunks: list[tuple[str, Chunk]] = []
    texts: list[str] = []
    for name, document in found.documents.items():
        parsed = with_short_title(document, embedder)
        for chunk in split(parsed, document=DocumentId(TenantId("t"), name), embedder=embedder, chunking=chunking):
            chunks.append((name, chunk))
            texts.append(text_for_index(title=parsed.title, heading_path=chunk.heading_path, text=chunk.text))
    read = _as_read(found, chunks, embedder)
    matrix = np.asarray(embedder.embed_passages(texts), dtype=np.float32)
    queries = np.asarray(embedder.embed_queries([q.text for q in found.questions]), dtype=np.float32)
    order = np.argsort(-(queries @ matrix.T), axis=1)[:, :200]
    return [[read[i] for i in row] for row in order], mean([float(c.tokens) for _, c in chunks])


def _as_read(found: QuestionSet, chunks: Sequence[tuple[str, Chunk]], embedder: Embedder) -> list[ReadPassage]:
    spans = [Span(name, *((c.parent.start, c.parent.end) if c.parent else (c.start, c.end))) for name, c in chunks]
    texts = [found.documents[s.document].text[s.start : s.end] for s in spans]
    return [ReadPassage(span, tokens) for span, tokens in zip(spans, embedder.count_tokens(texts), strict=True)]


def scored(found: QuestionSet, ranked: Sequence[Sequence[ReadPassage]]) -> dict[str, list[float]]:
    """Each metric of each question."""
    pairs = [(ranking, question.answers) for ranking, question in zip(ranked, found.questions, strict=True)]
    return {
        "recall@500": [recall_within(r, a, 500) for r, a in pairs],
        "recall@1500": [recall_within(r, a, 1500) for r, a in pairs],
        "early@1500": [found_early(r, a, 1500) for r, a in pairs],
    }


def compare(found: QuestionSet, embedder: Embedder, candidates: Sequence[Chunking]) -> list[dict[str, Any]]:
    """For each strategy the candidate that was best on the even questions, scored on the odd ones."""
    results: dict[str, dict[str, list[float]]] = {}
    sizes: dict[str, float] = {}
    for chunking in candidates:
        ranked, sizes[chunking.recipe] = rankings(found, chunking, embedder)
        results[chunking.recipe] = scored(found, ranked)
        _say(f"{found.name} {chunking.recipe}: {_means(results[chunking.recipe], 0)}")
    rows: list[dict[str, Any]] = []
    for strategy in dict.fromkeys(c.strategy for c in candidates):
        own = [c.recipe for c in candidates if c.strategy is strategy]
        chosen = best_by({recipe: _means(results[recipe], 0) for recipe in own}, CHOSEN_BY)
        held_out = results[chosen][CHOSEN_BY][1::2]
        rows.append(
            {
                "set": found.name,
                "strategy": str(strategy),
                "chosen": chosen,
                "mean_tokens": round(sizes[chosen], 1),
                "questions": len(held_out),
                **_means(results[chosen], 1),
                "interval": [round(edge, 4) for edge in interval(held_out, seed=_SEED)],
            }
        )
    return rows


def _means(scores: Mapping[str, Sequence[float]], half: int) -> dict[str, float]:
    return {metric: round(mean(scores[metric][half::2]), 4) for metric in METRICS}


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    """Print one JSON line for each set and strategy."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sets", nargs="+", type=Path, metavar="SET", help="Folder of a set.")
    arguments.add_argument("--documents", type=int, default=40, help="Most documents of a set.")
    arguments.add_argument("--questions", type=int, default=600, help="Most questions of a set.")
    arguments.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "assay-models")
    given = arguments.parse_args()
    embedder = RememberingEmbedder(choose_embedder(EmbedderSettings(), given.cache))
    parser = choose_parser(IngestionSettings())
    for folder in given.sets:
        found = read_set(folder, parser, documents=given.documents, questions=given.questions)
        _say(f"{found.name}: {len(found.documents)} documents, {len(found.questions)} questions, {found.lost} lost")
        for row in compare(found, embedder, CANDIDATES):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
