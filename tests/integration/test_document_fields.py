"""Documents by their metadata fields, on a real database: parameterised, typed, forgotten with the document."""

from typing import Any

import pytest
from assay_core.collection_settings import CollectionSettings, FieldType
from assay_core.documents import DocumentId
from assay_core.errors import Invalid
from assay_core.metadata import valid_metadata
from assay_core.metadata_filter import parse_filter
from assay_store import document_fields
from assay_store.database import Database
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.library import Library
from sqlalchemy import text

pytestmark = pytest.mark.integration
FIELDS = {"kind": FieldType.STRING, "year": FieldType.NUMBER, "due": FieldType.DATE, "labels": FieldType.TAGS}
METADATA: dict[str, dict[str, Any]] = {
    "a": {"kind": "memo", "year": 2019, "due": "2024-01-31", "labels": ["red", "old"]},
    "b": {"kind": "memo", "year": 2021.5, "due": "2024-02-01", "labels": ["red"]},
    "c": {"kind": 'it\'s "odd"; DROP TABLE documents --', "year": 2021, "labels": []},
    "d": {},
}


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database, FakeBlobStore(), settings=CollectionSettings(fields=FIELDS))


@pytest.fixture
def named(library: Library) -> dict[DocumentId, str]:
    found = {library.upload(name, name).document: name for name in METADATA}
    with library.database.transaction() as connection:
        for document, name in found.items():
            values = valid_metadata(FIELDS, METADATA[name])
            document_fields.replace(connection, library.vault, document, FIELDS, values)
    return found


def fitting(library: Library, named: dict[DocumentId, str], asked: dict[str, Any]) -> str:
    with library.database.transaction() as connection:
        found = document_fields.fitting(
            connection, library.vault, library.collection.tenant, list(named), parse_filter(FIELDS, asked)
        )
    return "".join(sorted(named[document] for document in found))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind": "memo"}, "ab"),
        ({"kind": ["memo", METADATA["c"]["kind"]]}, "abc"),
        ({"kind": "Memo"}, ""),
        ({"kind": "memo' OR '1'='1"}, ""),
        ({"year": {"gte": 2021}}, "bc"),
        ({"year": {"gt": 2019, "lt": 2021.5}}, "c"),
        ({"year": [2019, 2021]}, "ac"),
        ({"due": {"lte": "2024-01-31"}}, "a"),
        ({"due": "2024-02-01"}, "b"),
        ({"labels": "red"}, "ab"),
        ({"labels": {"any": ["old", "new"]}}, "a"),
        ({"labels": {"all": ["red", "old"]}}, "a"),
        ({"kind": "memo", "year": {"lt": 2020}, "labels": "red"}, "a"),
        ({"or": [{"due": "2024-02-01"}, {"year": {"lt": 2020}}]}, "ab"),
        ({"not": {"kind": "memo"}}, "cd"),
        ({"kind": "memo", "not": {"labels": "old", "year": 2019}}, "b"),
        ({"not": {"or": [{"year": 2021}, {"year": 2019}]}}, "bd"),
        ({}, "abcd"),
    ],
)
def test_documents_fit_by_type(library: Library, named: dict[DocumentId, str], asked: dict[str, Any], found: str):
    assert fitting(library, named, asked) == found


def test_names_that_are_not_declared_never_reach_sql(library: Library, named: dict[DocumentId, str]):
    with pytest.raises(Invalid, match="not a field"):
        fitting(library, named, {"kind = '' OR true --": "x"})


def test_no_text_is_kept_and_nothing_after_a_delete(library: Library, named: dict[DocumentId, str]):
    with library.database.transaction() as connection:
        rows = connection.execute(text("SELECT digest::text || coalesce(field, '') FROM document_fields")).scalars()
        assert not any("memo" in (row or "") or "6d656d6f" in (row or "") for row in rows)
    for document in named:
        library.delete(document)
    with library.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM document_fields")).scalar_one() == 0


def test_new_values_replace_the_old_ones(library: Library, named: dict[DocumentId, str]):
    document = next(d for d, name in named.items() if name == "a")
    with library.database.transaction() as connection:
        document_fields.replace(connection, library.vault, document, FIELDS, {"kind": "note"})
    assert fitting(library, named, {"kind": "memo"}) == "b"
    assert fitting(library, named, {"labels": "old"}) == ""
