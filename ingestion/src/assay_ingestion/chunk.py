"""Passages of a document by its collection's strategy, with exact offsets and ids that an edit elsewhere keeps."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay_core.collection_settings import Chunking, Strategy
from assay_core.documents import Chunk, DocumentId, Parent, ParsedDocument, chunk_id
from assay_core.ports import Embedder

from assay_ingestion.chunk_fixed import by_size
from assay_ingestion.chunk_parents import by_parents
from assay_ingestion.chunk_pieces import Material, Passage, material_of, verified
from assay_ingestion.chunk_recursive import by_separators
from assay_ingestion.chunk_semantic import by_meaning
from assay_ingestion.chunk_structure import by_structure
from assay_ingestion.outline import heading_text

CHUNKER = "passages/1"


def split(parsed: ParsedDocument, *, document: DocumentId, embedder: Embedder, chunking: Chunking) -> list[Chunk]:
    """Divide a document into passages, in reading order.

    `parsed.title` must be short (see `with_short_title`), for it is embedded with each passage.
    """
    material = material_of(parsed, embedder=embedder, chunking=chunking)
    passages = verified(parsed.text, _divided(material), material.rooms, material.count)
    recipe = _recipe(parsed, embedder, chunking)
    return list(_chunks(material, passages, document=document, recipe=recipe))


def _divided(material: Material) -> list[Passage]:
    match material.chunking.strategy:
        case Strategy.STRUCTURE:
            return by_structure(material)
        case Strategy.FIXED:
            return by_size(material)
        case Strategy.RECURSIVE:
            return by_separators(material)
        case Strategy.SEMANTIC:
            return by_meaning(material)
        case Strategy.PARENT_CHILD:
            return by_parents(material)


def with_short_title(parsed: ParsedDocument, embedder: Embedder) -> ParsedDocument:
    """The document with a title of at most a quarter of what the embedder reads."""
    title = heading_text(parsed.title)
    while embedder.count_tokens([title])[0] > embedder.max_tokens // 4:
        title = title[: len(title) // 2].rstrip("… ") + "…"
    return replace(parsed, title=title)


def _recipe(parsed: ParsedDocument, embedder: Embedder, chunking: Chunking) -> str:
    """What makes the passages of equal sections differ. The model is in it, for vectors are kept by chunk id."""
    recipe = chunking.recipe.removeprefix(f"{Strategy.STRUCTURE}/").replace("/", "\x1f")
    return "\x1f".join((parsed.parser, CHUNKER, embedder.model_id, recipe, parsed.title))


def _chunks(
    material: Material, passages: Sequence[tuple[Passage, int]], *, document: DocumentId, recipe: str
) -> Iterator[Chunk]:
    seen = Counter[tuple[tuple[str, ...], str]]()
    for ordinal, (passage, tokens) in enumerate(passages):
        own = material.text[passage.start : passage.end]
        header = material.headers.above(passage.start)
        # A vector is kept by the id of its chunk: what is embedded with the text must be in it.
        above = (*passage.path, header) if header else passage.path
        occurrence = seen[above, own]
        seen[above, own] += 1
        yield Chunk(
            id=chunk_id(document=document, recipe=recipe, heading_path=above, text=own, occurrence=occurrence),
            document=document,
            ordinal=ordinal,
            text=own,
            start=passage.start,
            end=passage.end,
            heading_path=passage.path,
            page_first=min(passage.pages, default=None),
            page_last=max(passage.pages, default=None),
            tokens=tokens,
            context=header,
            parent=_parent(passage.parent),
        )


def _parent(passage: Passage | None) -> Parent | None:
    return passage and Parent(passage.start, passage.end, min(passage.pages, default=None), passage.path)
