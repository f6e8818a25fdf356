"""Which BM25 index: the same choice for the process that writes it and for those that read it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from assay_core.documents import ChunkId
from assay_core.index_profiles import USUAL_LANGUAGE
from assay_core.ports import Vocabulary
from assay_core.search import IndexHit, IndexScope

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


AnyLexical = TypeVar("AnyLexical", bound="TantivyIndex | MilvusLexicalIndex")


class ByLanguage(Generic[AnyLexical]):
    """An index per language of terms, opened when it is first needed; a search asks that of its scope."""

    def __init__(self, opened: Callable[[str], AnyLexical]) -> None:
        self._open = opened
        self._lock = threading.Lock()
        self._indexes: dict[str, AnyLexical] = {}

    def of(self, language: str) -> AnyLexical:
        """The index of one language."""
        with self._lock:
            if language not in self._indexes:
                self._indexes[language] = self._open(language)
            return self._indexes[language]

    def search(self, scope: IndexScope, query: str, *, top_k: int, epoch: int) -> list[IndexHit]:
        """As `LexicalIndex.search`."""
        return self.of(scope.language).search(scope, query, top_k=top_k, epoch=epoch)

    def let_go(self) -> None:
        """As the indexes do."""
        for index in self._opened():
            index.let_go()

    def forget_other_analyses(self) -> None:
        """Remove what an older release made."""
        self.of(USUAL_LANGUAGE).forget_other_analyses()

    def terms(self) -> Iterator[tuple[Path, bytes]]:
        """Every term that is in some file, of all languages."""
        return self.of(USUAL_LANGUAGE).terms()

    def close(self) -> None:
        """Close what was opened."""
        for index in self._opened():
            index.close()

    def _opened(self) -> list[AnyLexical]:
        with self._lock:
            return list(self._indexes.values())


class Vocabularies:
    """The vocabulary of each language, seen as one."""

    def __init__(self, of: Callable[[str], Vocabulary]) -> None:
        self._of = of

    def unknown(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[str]:
        return self._of(scope.language).unknown(scope, words, epoch=epoch)

    def rows_with(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[int]:
        return self._of(scope.language).rows_with(scope, words, epoch=epoch)

    def rows_like(self, scope: IndexScope, word: str, beside: str, *, top_k: int, epoch: int) -> list[ChunkId]:
        return self._of(scope.language).rows_like(scope, word, beside, top_k=top_k, epoch=epoch)


def open_lexical(
    choice: LexicalChoice, milvus: MilvusChoice, *, key: bytes
) -> "ByLanguage[TantivyIndex] | ByLanguage[MilvusLexicalIndex]":
    """The chosen indexes. `key` is what terms are hashed with before another server gets them."""
    match choice.engine:
        case "tantivy":
            from assay_adapters.tantivy_index import TantivyIndex

            return ByLanguage(lambda language: TantivyIndex(choice.path, language=language))
        case "milvus":
            from assay_adapters.milvus_lexical import MilvusLexicalIndex

            return ByLanguage(
                lambda language: MilvusLexicalIndex(uri=milvus.uri, token=milvus.token(), key=key, language=language)
            )


def vocabularies(lexical: "ByLanguage[TantivyIndex] | ByLanguage[MilvusLexicalIndex]") -> Vocabularies | None:
    """The vocabularies of the indexes; None if they have none."""
    first = lexical.of(USUAL_LANGUAGE)
    return Vocabularies(lexical.of) if isinstance(first, Vocabulary) else None  # pyright: ignore[reportArgumentType]
