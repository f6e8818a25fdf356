"""Answers as they were given, for who may still read what is behind them."""

from assay_core.answers import Answer
from assay_core.errors import NotFound
from assay_core.principals import Principal
from assay_store import answers, visibility
from assay_store.encryption import Vault
from assay_wire import internal
from sqlalchemy import Connection

REVIEWER = "evaluator"


def stored_answer(
    connection: Connection, vault: Vault, who: Principal, answer: str, *, reviewers: bool = True
) -> Answer:
    """An answer that was given to `who`; with `reviewers` also one that was given to another, if `who` is an evaluator.

    Raises:
        NotFound: there is none, or `who` may not read a document behind it: rights may have changed since.
    """
    find = answers.readable if reviewers and who.has(REVIEWER) else answers.owned
    found = find(connection, vault, who, answer)
    if found is not None:
        opened = internal.answer.validate_json(found.record)
        if visibility.all_readable(connection, who, {hit.document for hit in opened.sources}):
            return opened
    raise NotFound(f"There is no answer {answer!r}.", code="answer_not_found")
