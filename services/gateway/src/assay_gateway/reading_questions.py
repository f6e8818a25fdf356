"""Read what a question restricts itself to, in its own text and in the filter beside it."""

from collections.abc import Mapping
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.filter_text import read_filter_text
from assay_core.metadata_filter import parse_filter
from assay_core.query_syntax import ReadQuery, read_query


def read_question(
    fields: Mapping[str, FieldType], question: str, given: Mapping[str, Any] | str, *, syntax: bool
) -> ReadQuery:
    """The question divided; its filter and the one beside it are one.

    Raises:
        Invalid: a part of it cannot be read.
    """
    read = read_query(fields, question) if syntax else ReadQuery(question)
    beside = parse_filter(fields, _as_mapping(fields, given))
    return ReadQuery(read.text, read.phrases, read.excluded, read.filter + beside)


def _as_mapping(fields: Mapping[str, FieldType], given: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if not isinstance(given, str):
        return given
    return read_filter_text(fields, given) if given.strip() else {}
