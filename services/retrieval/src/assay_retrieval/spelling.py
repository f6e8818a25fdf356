"""What a question's unknown words were meant to be, by what the asker may read.

The index says which readable rows hold a word, and which hold one like it; the passages themselves, live and readable
at this moment, say the word. So neither that a word is left as it is, nor what it becomes, tells of anything that the
asker could not find.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from assay_core.documents import ChunkId, text_for_index
from assay_core.errors import Unavailable
from assay_core.ports import Embedder, Vocabulary
from assay_core.search import Mode, SearchRequest
from assay_core.spelling import MAX_SUSPECTS, Correction, correctable, likeliest
from assay_runtime.metrics import DEGRADED
from assay_store import visibility
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.payloads import ChunkPayload

from assay_retrieval.scope import SearchScope

log = structlog.get_logger()
PASSAGES_READ = 30


class Spelling(NamedTuple):
    """Words to look for instead of those written. New passages may change that, unless it is `settled`."""

    corrections: tuple[Correction, ...] = ()
    settled: bool = True


class Speller:
    """Corrects questions by the passages of a scope; `is_word` tells words of the language, which are spelt right."""

    def __init__(
        self, *, vocabulary: Vocabulary, is_word: Callable[[str], bool], database: Database, vault: Vault
    ) -> None:
        self._vocabulary = vocabulary
        self._is_word = is_word
        self._database = database
        self._vault = vault

    def spelling(self, scope: SearchScope, request: SearchRequest) -> Spelling:
        """Words of the question that no readable row holds, and what to look for instead.

        None if the question has many of them: it is then in another language, or about something else. None if the
        index does not answer, which the search will say itself.
        """
        if not applies(scope, request):
            return Spelling()
        words = correctable(request.query, request.phrases)
        try:
            unknown = self._vocabulary.unknown(scope.index, words, epoch=scope.collection.epoch) if words else []
            misspelled = [word for word in unknown if not self._is_word(word)]
            if not misspelled or len(unknown) > MAX_SUSPECTS or len(unknown) == len(words) > 2:
                return Spelling(settled=not misspelled)
            found = ((word, self._meant(scope, request.query, word)) for word in misspelled)
            return Spelling(tuple(Correction(word, meant) for word, meant in found if meant is not None), settled=False)
        except Unavailable as error:
            DEGRADED.labels("spelling").inc()
            log.warning("search.degraded", component="spelling", code=error.code, detail=error.message)
            return Spelling(settled=False)

    def _meant(self, scope: SearchScope, question: str, word: str) -> str | None:
        epoch = scope.collection.epoch
        beside = " ".join(one for one in question.split() if word not in one)
        rows = self._vocabulary.rows_like(scope.index, word, beside, top_k=PASSAGES_READ, epoch=epoch)
        return likeliest(word, self._read(scope, rows), lambda words: self._rows_with(scope, words))

    def _rows_with(self, scope: SearchScope, words: Sequence[str]) -> list[int]:
        return self._vocabulary.rows_with(scope.index, words, epoch=scope.collection.epoch) if words else []

    def _read(self, scope: SearchScope, rows: list[ChunkId]) -> list[str]:
        with self._database.snapshot() as connection:
            live = visibility.live_chunks(connection, scope.collection.id, scope.index.acls, rows)
        keys = {one.document: self._vault.document_key(one.document, one.key_wrapped) for one in live.values()}
        payloads = [ChunkPayload.open(keys[one.document], one.chunk.id, one.payload) for one in live.values()]
        return [text_for_index(title=one.title, heading_path=one.heading_path, text=one.text) for one in payloads]


def whole_word_of(embedder: Callable[[], Embedder]) -> Callable[[str], bool]:
    """Whether the embedder's vocabulary holds a word whole: then it is a common one, and no slip of the hand."""
    return lambda word: embedder().count_tokens([word]) == [1]


def applies(scope: SearchScope, request: SearchRequest) -> bool:
    """Whether this search may be for other words than those written; one by vectors alone knows no words."""
    return (
        request.spelling
        and request.mode is not Mode.DENSE
        and scope.collection.settings.searching.spelling
        and bool(scope.index.acls)
    )
