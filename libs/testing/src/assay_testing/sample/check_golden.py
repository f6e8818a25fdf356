"""Checks that the corpus and the golden questions keep their promises; run it with ``python -m``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_args

import pypdfium2
from selectolax.lexbor import LexborHTMLParser

from assay_testing.sample import GoldenQuestion, QuestionType, documents, golden

WORDS_PER_PAGE = 450
PAGES = (40, 60)
MIN_DOCUMENTS = 25
MIN_PDFS = 6
QUESTIONS = 120
UNANSWERABLE = 30
MIN_PARAPHRASES = 40
MIN_QUOTE_IN_PARAPHRASE = 20
NEGATIVE_TYPES = {"unanswerable", "false_premise"}

STOP_TEXT = """
a about above after again against all also am an and another any anyone anything are as at be because been
before being below between both but by can cannot could did do does doing don down during each else every
everybody everyone everything few for from further had has have having he her here hers him his how however
i if in instead into is it its itself just many may me might mine more most much must my myself neither
never no nobody nor not nothing now of off often on once one only or other our ours out over own per rather
same shall she should so some somebody someone something still such t than that the their theirs them then
there these they this those through to too under until up upon us very was we were what whatever when where
whether which while who whom whose why will with within without would yet you your yours s
"""
STOP_WORDS = frozenset(STOP_TEXT.split())
SUFFIX_TEXT = "ations ation ments ment ings ing ions ion ies ied ly ed es er s"
SUFFIXES = SUFFIX_TEXT.split()


def squeeze(text: str) -> str:
    """The text with every run of whitespace turned into one blank."""
    return " ".join(text.split())


@cache
def text_of(path: Path) -> str:
    """What a reader of the document sees; Markdown and plain text count as they are."""
    if path.suffix == ".pdf":
        pdf = pypdfium2.PdfDocument(path)
        return squeeze(" ".join(page.get_textpage().get_text_bounded() for page in pdf))
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".html":
        return squeeze(source)
    tree = LexborHTMLParser(source)
    tree.strip_tags(["script", "style"])
    return squeeze(tree.body.text(separator=" ")) if tree.body else ""


def pages_of(path: Path) -> float:
    """Real pages of a PDF, otherwise the length in words over ``WORDS_PER_PAGE``."""
    if path.suffix == ".pdf":
        return len(pypdfium2.PdfDocument(path))
    return len(text_of(path).split()) / WORDS_PER_PAGE


def stem(word: str) -> str:
    """The word without its commonest endings."""
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 2:
            word = word.removesuffix(suffix)
            break
    return word.rstrip("ey") or word


def content_words(text: str) -> set[str]:
    """Stems of the words that carry meaning."""
    words = re.findall(r"[a-z]+|\d+(?:[.,:]\d+)*", text.lower())
    return {stem(word) for word in words if word not in STOP_WORDS}


def shared_words(question: GoldenQuestion) -> set[str]:
    """Content words that the question has in common with its gold quotes."""
    quotes = " ".join(passage.quote for passage in question.passages)
    return content_words(question.question) & content_words(quotes)


def is_paraphrase(question: GoldenQuestion) -> bool:
    """Whether the question shares no content word with quotes that are sentences rather than bare cells."""
    long_enough = all(len(passage.quote) >= MIN_QUOTE_IN_PARAPHRASE for passage in question.passages)
    return bool(question.passages) and long_enough and not shared_words(question)


def _corpus_problems(paths: list[Path]) -> list[str]:
    found: list[str] = []
    if len(paths) < MIN_DOCUMENTS:
        found.append(f"only {len(paths)} documents")
    if sum(path.suffix == ".pdf" for path in paths) < MIN_PDFS:
        found.append("too few PDF documents")
    pages = sum(pages_of(path) for path in paths)
    if not PAGES[0] <= pages <= PAGES[1]:
        found.append(f"{pages:.1f} pages in all")
    return found


def _set_problems(questions: list[GoldenQuestion], names: set[str]) -> list[str]:
    found: list[str] = []
    if len(questions) != QUESTIONS:
        found.append(f"{len(questions)} questions")
    if (negative := sum(not question.answerable for question in questions)) != UNANSWERABLE:
        found.append(f"{negative} unanswerable questions")
    used = Counter(text for question in questions for text in (question.id, question.question))
    found += [f"used twice: {text}" for text, count in used.items() if count > 1]
    paraphrases = sum(question.no_shared_words and is_paraphrase(question) for question in questions)
    if paraphrases < max(MIN_PARAPHRASES, sum(question.answerable for question in questions) / 3):
        found.append(f"only {paraphrases} paraphrases")
    asked = {passage.document for question in questions for passage in question.passages}
    found += [f"no question about {name}" for name in sorted(names - asked)]
    return found


def _question_problems(question: GoldenQuestion, texts: dict[str, str]) -> list[str]:
    found: list[str] = []
    if question.type not in get_args(QuestionType):
        found.append(f"unknown type {question.type}")
    if question.answerable == (question.type in NEGATIVE_TYPES):
        found.append("type and answerable disagree")
    if question.answerable != bool(question.passages):
        found.append("passages and answerable disagree")
    if question.no_shared_words != is_paraphrase(question):
        found.append(f"no_shared_words is wrong, shared: {sorted(shared_words(question))}")
    if not question.question.endswith("?") or not question.answer:
        found.append("question or answer is malformed")
    for passage in question.passages:
        times = texts.get(passage.document, "").count(squeeze(passage.quote))
        if times != 1:
            found.append(f"quote occurs {times} times in {passage.document}: {passage.quote}")
    return [f"{question.id}: {problem}" for problem in found]


def problems() -> list[str]:
    """Everything that is wrong with the corpus or the questions."""
    paths, questions = documents(), golden()
    texts = {path.name: text_of(path) for path in paths}
    found = _corpus_problems(paths) + _set_problems(questions, set(texts))
    return found + [problem for question in questions for problem in _question_problems(question, texts)]


def main() -> int:
    """Print a summary and the problems; the exit status says whether there were any."""
    paths, questions, found = documents(), golden(), problems()
    print(f"{len(paths)} documents, {sum(map(pages_of, paths)):.1f} pages, {len(questions)} questions,")
    print(f"{sum(question.no_shared_words for question in questions)} paraphrases,")
    print(", ".join(f"{count} {kind}" for kind, count in Counter(q.type for q in questions).items()))
    print("\n".join(found) or "no problems")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
