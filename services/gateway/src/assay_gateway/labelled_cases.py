"""A case of a golden set from what somebody said of an answer, once a reviewer has agreed."""

from collections.abc import Sequence

from assay_core.answers import Answer
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.feedback import Feedback, Thumb
from assay_core.masking import mask
from assay_wire import feedback as wire
from assay_wire import public

TYPE = "feedback"


def labelled_case(given: Feedback, answer: Answer, review: wire.Review) -> GoldenQuestion:
    """The case; the reviewer's words go before those of the feedback, and these before the platform's.

    Raises:
        Invalid: what was said does not tell what would have been right; the message says what the reviewer must add.
    """
    question = review.question.strip() or mask(answer.question)
    about = tuple(sorted({hit.document_name for hit in answer.sources}))
    identity = f"feedback-{given.id}"
    if not review.answerable:
        return GoldenQuestion(identity, question, "", False, (), TYPE, about=about)
    passages = _passages(given, answer, review.passages)
    if not passages:
        raise Invalid(
            "Nothing says where the answer stands: send passages, or answerable false if the documents do not tell.",
            code="no_passage",
        )
    return GoldenQuestion(identity, question, _right_answer(given, answer, review), True, passages, TYPE, about=about)


def _right_answer(given: Feedback, answer: Answer, review: wire.Review) -> str:
    if review.answer.strip():
        return review.answer.strip()
    if given.text.corrected_answer.strip():
        return mask(given.text.corrected_answer.strip())
    if given.thumb is Thumb.UP:
        return answer.text
    raise Invalid(
        "The answer was not found good and nobody said a better one: send answer, or answerable false if the documents"
        " do not tell.",
        code="no_answer",
    )


def _passages(given: Feedback, answer: Answer, chosen: Sequence[public.GoldenPassage]) -> tuple[GoldenPassage, ...]:
    if chosen:
        return tuple(GoldenPassage(passage.document, passage.quote, passage.grade) for passage in chosen)
    if given.text.missing_source.strip():
        return (GoldenPassage(given.text.missing_source.strip(), given.text.missing_quote.strip()),)
    cited = {(citation.document_name, citation.quote): None for citation in answer.citations}
    return tuple(GoldenPassage(document, quote) for document, quote in cited)
