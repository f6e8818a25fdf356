"""Ids from paths. What cannot be an id is not found, like an id that is not there."""

import re

from assay_core.documents import DocumentId
from assay_core.errors import NotFound
from assay_core.principals import Principal

_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)


def document_id(who: Principal, raw: str) -> DocumentId:
    """A document id of the principal's tenant."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no document {raw[:40]!r}.", code="document_not_found")
    return DocumentId(who.tenant, raw)


def job_id(raw: str) -> str:
    """A job's id."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no job {raw[:40]!r}.", code="job_not_found")
    return raw


def erasure_id(raw: str) -> str:
    """An erasure's id."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no erasure {raw[:40]!r}.", code="erasure_not_found")
    return raw


def answer_id(raw: str) -> str:
    """An answer's id."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no answer {raw[:40]!r}.", code="answer_not_found")
    return raw


def feedback_id(raw: str) -> str:
    """A feedback's id."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no feedback {raw[:40]!r}.", code="feedback_not_found")
    return raw


def run_id(raw: str) -> str:
    """An evaluation run's id."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no evaluation run {raw[:40]!r}.", code="run_not_found")
    return raw


def ab_test_id(raw: str) -> str:
    """An A/B test's id."""
    if not _HEX.fullmatch(raw):
        raise NotFound(f"There is no A/B test {raw[:40]!r}.", code="ab_test_not_found")
    return raw
