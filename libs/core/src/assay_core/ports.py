"""Every port of the system. A port is named for the need; its docstring is the contract that all adapters meet.

Compute and storage ports are synchronous and safe to call from several threads. `Retriever`, `Generator` and
`ChatModel` wait and stream, and are asynchronous. Adapters raise only `assay_core.errors`: `Unavailable` if the
technology behind them does not answer, `Invalid` if the arguments cannot be used.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from assay_core.answers import AnswerEvent, AnswerRequest, ChatDelta, Turn
from assay_core.documents import ChunkId, CollectionId, DocumentId, ParsedDocument
from assay_core.evaluation import ClaimJudgement, TriadSample, TriadScore
from assay_core.principals import Principal
from assay_core.search import (
    CachedQuestion,
    CacheEntry,
    CacheScope,
    CacheView,
    IndexCounts,
    IndexHit,
    IndexRow,
    IndexScope,
    SearchRequest,
    SearchResult,
)
from assay_core.sources import Change


class Vector(Protocol):
    """A vector of floats: a list, or a one-dimensional float32 array (core does not depend on numpy)."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[float]: ...


class Vectors(Protocol):
    """Rows of equal length: a list of vectors, or a float32 array (n, dimension)."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Vector]: ...


class Embedder(Protocol):
    """Turns texts into unit vectors of one space."""

    @property
    def model_id(self) -> str:
        """Name of the vector space: vectors of different ids must never meet in one index."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Longest input in tokens, special tokens included; what is longer is cut at the end."""
        ...

    def embed_query(self, text: str) -> Vector:
        """Embed a question. Returns float32 (dimension,), of unit length."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions together. Returns float32 (n, dimension), each as `embed_query` gives it; n may be 0."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages. Returns float32 (n, dimension), rows of unit length, in input order; n may be 0."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without special tokens, uncut, in input order."""
        ...


class TokenEmbedder(Embedder, Protocol):
    """An embedder that also shows its vector of each token in its context; not every one can."""

    def embed_tokens(self, texts: Sequence[str], *, query: bool = False) -> Sequence[Vectors]:
        """Embed each token that has a letter or a digit, in its context; texts are cut at `max_tokens`.

        Returns for each text float32 (tokens, dimension), rows of unit length, in input order; tokens may be 0.
        """
        ...


class VectorIndex(Protocol):
    """Approximate nearest neighbours by cosine similarity. Holds ids, tenant, collection, acl and vector; no text."""

    def upsert(self, rows: Sequence[IndexRow], vectors: Vectors) -> None:
        """Write rows by chunk id; repeating a write changes nothing. Vectors are of unit length."""
        ...

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        """Remove rows; ids that are not there are passed over."""
        ...

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        """Count the given ids with a strongly consistent read (sees every write acknowledged before)."""
        ...

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        """The nearest rows in scope, best first, `score` = cosine in -1..1. Sees writes that were counted before."""
        ...

    def drop(self, collection: CollectionId) -> None:
        """Remove every row of a collection."""
        ...


class LexicalSearch(Protocol):
    """What readers need of a lexical index."""

    def search(self, scope: IndexScope, query: str, *, top_k: int, epoch: int) -> list[IndexHit]:
        """Rows in scope that share a term with `query`, best first, `score` = BM25 > 0.

        `query` is plain text: no operator or field syntax is interpreted. A reader that last refreshed at an epoch
        other than `epoch` refreshes first.
        """
        ...


class LexicalIndex(LexicalSearch, Protocol):
    """BM25 over analyzed terms, one index per collection. One process writes; any number read."""

    def upsert(self, rows: Sequence[IndexRow], texts: Sequence[str]) -> None:
        """Write rows by chunk id and make them durable; repeating a write changes nothing. Texts are not kept."""
        ...

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        """Remove rows and make that durable; ids that are not there are passed over."""
        ...

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        """Count the given ids, seeing every write acknowledged before."""
        ...

    def drop(self, collection: CollectionId) -> None:
        """Remove a collection's index."""
        ...


class LanguageDetector(Protocol):
    """Tells languages apart."""

    def language_of(self, text: str) -> str:
        """BCP 47 tag of the language that most of a text is in; "und" if the text does not show it."""
        ...


@runtime_checkable
class Vocabulary(Protocol):
    """Which words the rows of a lexical index hold. It answers from the rows in scope alone, never from others'."""

    def unknown(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[str]:
        """Those of the words that no row in scope holds, nor a form of them; asked of every question, so quick."""
        ...

    def rows_with(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[int]:
        """How many rows in scope hold each word or a form of it; all of them for a word that the index leaves out."""
        ...

    def rows_like(self, scope: IndexScope, word: str, beside: str, *, top_k: int, epoch: int) -> list[ChunkId]:
        """Rows in scope that hold a word spelt nearly like `word`, those first that also hold most of `beside`.

        Some of them may hold none: near are the forms that the index holds, not the words.
        """
        ...


class Reranker(Protocol):
    """Scores (query, passage) pairs more carefully than an index can."""

    @property
    def model_id(self) -> str: ...

    @property
    def weight(self) -> float | None:
        """How much a score counts beside the fused one, which is 0 to 1; None: it decides alone."""
        ...

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """Scores in input order, higher is better; comparable within one call only."""
        ...


class Judge(Protocol):
    """Checks answers against their sources."""

    @property
    def model_id(self) -> str: ...

    def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
        """Judge each claim against all sources together. Returns one judgement per claim, in input order.

        `quote_start:quote_end` is the deciding span within `sources[source]`.
        """
        ...

    def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
        """Score the RAG triad of each sample, in input order. A failure is in the score, never a number."""
        ...


class ChatModel(Protocol):
    """A large language model behind a chat interface."""

    @property
    def model_id(self) -> str: ...

    def stream(
        self,
        messages: Sequence[Turn],
        *,
        system: str,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        timeout_s: float,
    ) -> AsyncIterator[ChatDelta]:
        """Stream the reply. Closing the iterator cancels the request at the server at once.

        Raises:
            Unavailable: the server cannot be reached, is loading, or is full (see `retry_after_s`).
            Exhausted: no token came within `timeout_s`.
            Broken: the stream broke off in the middle.
        """
        ...

    async def count_tokens(self, text: str) -> int:
        """Tokens of `text` for this model; an upper estimate if the server cannot tell."""
        ...


class SemanticCache(Protocol):
    """Finds results of earlier, equivalent questions. It checks scope and wording; the caller checks evidence."""

    def lookup(self, scope: CacheScope, question: str, vector: Vector, *, sequence: int) -> CacheEntry | None:
        """The entry of the most similar question in exactly this scope, or None if none is similar enough.

        Similar enough: cosine at or above the adapter's threshold, and the same numbers, negations and names. None
        also while what arrived up to `sequence` has not been run against the entries (see `PercolatedCache`).
        """
        ...

    def store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> bool:
        """Keep an entry until its absolute expiry; a hit does not renew it.

        Returns False, and keeps nothing, if anything that arrived after `entry.made_at` is being or was run against
        the entries: this one would be missed. The check and the writing are one step. A tenant whose entries become
        too many loses its oldest, and no other tenant any.
        """
        ...

    def asked_before(self, scope: CacheScope, question: str) -> bool:
        """Whether this was asked, word by word, in exactly this scope and within an entry's time; notes that it is."""
        ...

    def view(self, scope: CacheScope, question: str, vector: Vector) -> CacheView:
        """The nearest entries in exactly this scope, and why they may not be served. Changes nothing."""
        ...

    def evict_document(self, document: DocumentId) -> int:
        """Remove every entry that rests on a document. Returns how many."""
        ...


class PercolatedCache(Protocol):
    """The semantic cache as the one process sees it by which new passages become searchable.

    Each arrival has a number, its collection's sequence. `begin` comes after it can be found, `finish` after it was
    compared with every cached question. Entries of a collection are forgotten together when an arrival was missed.
    """

    def begin(self, collection: CollectionId, sequence: int) -> Sequence[CachedQuestion] | None:
        """Refuse entries that were made before `sequence` from now on, and return those that are kept.

        None if there is nothing to compare, and nothing to `finish`: an arrival before this one was missed, or there
        are more entries than may be compared, so that all were forgotten.
        """
        ...

    def finish(self, collection: CollectionId, sequence: int, changed: Sequence[str]) -> bool:
        """Remove the entries of these names and say that all others stand, in one step.

        Returns False if the cache has lost its memory since `begin`; it then keeps nothing.
        """
        ...

    def forget(self, collection: CollectionId, sequence: int) -> bool:
        """Forget all entries of a collection unless they were percolated up to exactly `sequence`.

        Returns whether there were any to forget.
        """
        ...


class BlobStore(Protocol):
    """Immutable bytes by key. Keys are slash-separated, made by us, never by users."""

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store bytes durably and atomically under `key`; replaces what is there. Returns the size in bytes."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Open for reading. Raises `NotFound` if there is no such key."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Move bytes to another key, durably and atomically; replaces what is there.

        Raises `NotFound` if there is no `source`.
        """
        ...

    def delete(self, prefix: str) -> int:
        """Remove the key, or every key below `prefix + "/"`. Returns how many; 0 is not an error."""
        ...

    def keys(self, prefix: str, *, older_than_s: float = 0.0) -> Iterator[str]:
        """Keys below `prefix` that were written at least so long ago, in no particular order."""
        ...

    def free_bytes(self) -> int:
        """Room that is left."""
        ...


class Connector(Protocol):
    """A place with documents: a folder, a bucket, a mailbox. What changed there, and the bytes on request.

    Third parties bring theirs by the entry point group `assay.connectors`: a function that takes the source's settings
    and secrets as two mappings of strings, and returns a connector.
    """

    def changes(self, checkpoint: str) -> Iterator[Change]:
        """What is there, or what changed since `checkpoint` (empty at first), in any order, in bounded memory.

        `checkpoint` is the state of the last `Checkpoint` or `Complete` that was dealt with, whether its run ended or
        broke off; any state that this connector ever gave must be understood. A key may be named again. The iterator
        may be closed at any event; until then, items may be opened in any order.

        The last event decides about removals. After `Complete`, every item that was not named since the listing began
        is removed, over all runs that broke off meanwhile; after anything else, only what was named as `Gone`. So a
        listing that may have gaps never ends with `Complete`.

        Raises:
            Unavailable: the place does not answer; nothing is removed and the run is repeated.
            Invalid, Denied, NotFound: settings, credentials or the place itself are wrong; the run ends.
        """
        ...


class UnpackedFile(NamedTuple):
    """A file of an archive; `path` is as the archive has it, and may be anything."""

    path: str
    content: bytes


class Unpacked(Protocol):
    """The files of an archive as they are taken out, each once; iterating may be given up at any time.

    `left_out` tells, after the last, of files that could not be taken out.
    """

    left_out: Sequence[str]

    def __iter__(self) -> Iterator[UnpackedFile]:
        """Raises as `Parser.parse` does."""
        ...


class Parser(Protocol):
    """Turns untrusted bytes into a parsed document."""

    def parse(self, path: str, *, name: str) -> ParsedDocument:
        """Parse a file in a throw-away process with limits of time, memory and output.

        Raises:
            Invalid: the file cannot be parsed; `code` is one of unknown_type, empty, encrypted, broken, too_large,
                too_many_pages, too_many_pixels, no_text, timeout, out_of_memory, crashed, or archive for a folder of
                files, which `unpack` takes apart.
        """
        ...

    def unpack(self, path: str, *, name: str) -> Unpacked:
        """Take an archive apart in a throw-away process, within limits of time, memory, files and bytes."""
        ...


class Retriever(Protocol):
    """Finds live, readable passages."""

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        """Search one collection as `principal`.

        Raises:
            NotFound: no such collection for this principal.
            Unavailable: no index could be asked, or permissions could not be checked.
        """
        ...


class Generator(Protocol):
    """Answers questions from documents."""

    def answer(self, principal: Principal, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        """Stream the events of an answer; the last one is `Done` or `Failed`.

        Closing the iterator cancels all work. Errors before the first event are raised, later ones are `Failed`.
        """
        ...
