"""Ready passages: no file, no parser, and one chunk each if the embedder can read them whole."""

from assay_core.collection_settings import Chunking
from assay_core.documents import Chunk, DocumentId, Element, ElementKind, ParsedDocument, chunk_id, text_for_index
from assay_core.ports import Embedder
from assay_store.encryption import Key
from assay_store.passages import MEDIA_TYPE
from assay_store.pipeline import SealedPassage, Source

from assay_ingestion.chunk import split, with_short_title
from assay_ingestion.chunk_pieces import SPECIAL_TOKENS

PARSER = "passage"


def opened(key: Key, source: Source, passage: SealedPassage) -> ParsedDocument:
    """The passage as a document of one paragraph. Raises `Broken` if its bytes were changed."""
    document, version = source.document.id, source.version
    title = key.open(passage.title, place=f"title:{document}:{version}").decode()
    text = key.open(passage.text, place=f"text:{document}:{version}").decode()
    paragraph = Element(ElementKind.PARAGRAPH, 0, len(text))
    return ParsedDocument(text, (paragraph,), title, MEDIA_TYPE, PARSER)


def divided(parsed: ParsedDocument, source: Source, embedder: Embedder) -> tuple[ParsedDocument, list[Chunk]]:
    """One chunk, or those of a text that is longer than the embedder reads; with the title that they carry."""
    whole = text_for_index(title=parsed.title, heading_path=(), text=parsed.text)
    own, all_in_all = embedder.count_tokens([parsed.text, whole])
    if all_in_all + SPECIAL_TOKENS <= embedder.max_tokens:
        return parsed, [_whole(parsed, source.document, embedder, tokens=own)]
    parsed = with_short_title(parsed, embedder)
    # By structure whatever the collection's strategy: a passage is not read within a larger one.
    return parsed, split(parsed, document=source.document, embedder=embedder, chunking=Chunking())


def _whole(parsed: ParsedDocument, document: DocumentId, embedder: Embedder, *, tokens: int) -> Chunk:
    recipe = "\x1f".join((PARSER, embedder.model_id, parsed.title))
    return Chunk(
        id=chunk_id(document=document, recipe=recipe, heading_path=(), text=parsed.text, occurrence=0),
        document=document,
        ordinal=0,
        text=parsed.text,
        start=0,
        end=len(parsed.text),
        heading_path=(),
        page_first=None,
        page_last=None,
        tokens=tokens,
    )
