"""The collection as the asker sees it: through the public API with the asker's key, and in no other way."""

from collections.abc import Sequence

from assay_wire.clients import AssayClient

from assay_evals import golden
from assay_evals.generating.filters import Find
from assay_evals.generating.generate import Source

DEPTH = 10


def sources_of(client: AssayClient, collection: str, *, limit: int) -> list[Source]:
    """The texts of up to so many live documents that the asker may read, by name."""
    names = sorted((d.name, d.id) for d in client.documents(collection, state="ready"))
    found: list[Source] = []
    for name, identity in names[:limit]:
        version = client.document(identity).live_version
        if version is not None:
            found.append(Source(name, _text(client, identity, version)))
    return found


def finder(client: AssayClient, collection: str) -> Find:
    """Search without cache, as a run does."""

    def find(question: str) -> Sequence[golden.Passage]:
        return client.search(collection, question, top_k=DEPTH, cache="bypass").hits

    return find


def _text(client: AssayClient, document: str, version: int) -> str:
    page = client.document_text(document, version)
    pieces = [page.text]
    while page.end < page.length:
        page = client.document_text(document, version, start=page.end, end=page.length, context=0)
        pieces.append(page.text)
    return "".join(pieces)
