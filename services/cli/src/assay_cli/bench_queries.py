"""Queries for a measurement: sentences out of the collection's own chunks, the same ones for the same seed."""

import random
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from assay_core.errors import Invalid
from assay_core.sentences import split_sentences

if TYPE_CHECKING:
    from assay_wire.clients import AssayClient
    from assay_wire.public import DocumentChunk

_MAX_WORDS = 24
_MIN_WORDS = 4
_PER_DOCUMENT = 8
_MOST_DOCUMENTS = 5_000


def read_queries(path: Path) -> list[str]:
    """Queries from a file, one a line.

    Raises:
        Invalid: it cannot be read, or is empty.
    """
    try:
        queries = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error}.", code="bad_queries") from error
    if not queries:
        raise Invalid(f"{str(path)!r} holds no query; it needs one a line.", code="bad_queries")
    return queries


def sample_chunks(client: "AssayClient", collection: str, count: int, *, seed: int) -> "list[DocumentChunk]":
    """Chunks from all over the collection, at most `count`.

    Raises:
        Invalid: the collection has no searchable document.
    """
    rng = random.Random(seed)
    documents = [d for d in islice(client.documents(collection, state="ready"), _MOST_DOCUMENTS) if d.chunks]
    if not documents:
        raise Invalid(
            f"{collection!r} has nothing to measure; `assay ingest FOLDER --collection {collection}` fills it.",
            code="empty_collection",
        )
    rng.shuffle(documents)
    per_document = max(_PER_DOCUMENT, -(-count // len(documents)))
    found: list[DocumentChunk] = []
    for document in documents:
        if len(found) >= count:
            break
        page = client.document_chunks(document.id, document.live_version or document.version, limit=200)
        found += rng.sample(page.chunks, min(per_document, len(page.chunks)))
    return found[:count]


def sample_queries(client: "AssayClient", collection: str, count: int, *, seed: int) -> list[str]:
    """A sentence from each of so many chunks; from the beginning again if there are too few.

    Raises:
        Invalid: the collection has no text to take them from.
    """
    rng = random.Random(seed)
    chunks = sample_chunks(client, collection, count, seed=seed)
    queries = [query for chunk in chunks if (query := _sentence(chunk.text, rng))]
    if not queries:
        raise Invalid(f"{collection!r} has no sentences to search for; use --queries-file.", code="empty_collection")
    return [queries[i % len(queries)] for i in range(count)]


def _sentence(text: str, rng: random.Random) -> str:
    spans = split_sentences(text)
    sentences = [re.findall(r"\S+", text[start:end]) for start, end in spans]
    long_enough = [words for words in sentences if len(words) >= _MIN_WORDS]
    return " ".join(rng.choice(long_enough)[:_MAX_WORDS]) if long_enough else ""
