"""Which BM25 index: the same choice for the process that writes it and for those that read it."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from assay_adapters.milvus_lexical import MilvusLexicalIndex
    from assay_adapters.tantivy_index import TantivyIndex


class LexicalChoice(Protocol):
    """What chooses an index; `ASSAY_LEXICAL__*` has these names."""

    engine: Literal["tantivy", "milvus"]
    path: Path


class MilvusChoice(Protocol):
    """Which server; `ASSAY_MILVUS__*` has these names."""

    uri: str

    def token(self) -> str: ...


def open_lexical(choice: LexicalChoice, milvus: MilvusChoice, *, key: bytes) -> "TantivyIndex | MilvusLexicalIndex":
    """The chosen index. `key` is what terms are hashed with before another server gets them."""
    match choice.engine:
        case "tantivy":
            from assay_adapters.tantivy_index import TantivyIndex

            return TantivyIndex(choice.path)
        case "milvus":
            from assay_adapters.milvus_lexical import MilvusLexicalIndex

            return MilvusLexicalIndex(uri=milvus.uri, token=milvus.token(), key=key)
