"""What a case is, so that runs can be compared on parts of them: question type, language, length, kind of document."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from assay_core.answers import Answer
from assay_core.evaluation import GoldenQuestion
from assay_core.sampling import length_of

from assay_evals.language import language_of

NAMES = ("type", "language", "length", "document")


def of_question(question: GoldenQuestion) -> Mapping[str, str]:
    """The slices that a golden question belongs to, by name of the division."""
    return {
        "type": question.type,
        **_of_text(question.question),
        "document": _kind(passage.document for passage in question.passages),
    }


def of_answer(answer: Answer) -> Mapping[str, str]:
    """The slices of an answer that was given to someone: its type is its outcome, as nobody has named another."""
    cited = [citation.document_name for citation in answer.citations]
    return {
        "type": str(answer.outcome),
        **_of_text(answer.question),
        "document": _kind(cited or (hit.document_name for hit in answer.sources)),
    }


def _of_text(text: str) -> Mapping[str, str]:
    return {"language": language_of(text), "length": length_of(text)}


def _kind(documents: Iterable[str]) -> str:
    """The file extension that all documents share; "mixed" for several, "none" without any."""
    kinds = {PurePosixPath(name).suffix.lower().lstrip(".") or "none" for name in documents}
    if len(kinds) > 1:
        return "mixed"
    return next(iter(kinds), "none")
