"""Questions to the indexes and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from assay_core.documents import AclId, ChunkId, CollectionId, DocumentId, TenantId
from assay_core.metadata_filter import Part
from assay_core.spelling import Correction
from assay_core.synonyms import Expansion


class Mode(StrEnum):
    """Which indexes a search asks."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Expand(StrEnum):
    """What is read with a hit: nothing, the passages before and after it, or those under the same headings."""

    OFF = "off"
    NEIGHBOURS = "neighbours"
    SECTION = "section"


class Scorer(StrEnum):
    """Who made a score; a threshold belongs to exactly one of these."""

    COSINE = "cosine"
    BM25 = "bm25"
    RRF = "rrf"
    CONVEX = "convex"
    RERANKER = "reranker"


@dataclass(frozen=True, slots=True)
class IndexScope:
    """What a search may touch: one collection of one tenant, and only rows with a readable `acl`.

    An empty `acls` means that nothing is readable. `chunks`, if given, are the only rows that may be found; those of
    another tenant, or that no index holds, choose nothing. `narrow` says that so few rows can be found that an index
    should look at all of them, not where the nearest are likely. `language` is that of the collection's terms.
    """

    collection: CollectionId
    acls: frozenset[AclId]
    chunks: frozenset[ChunkId] | None = None
    narrow: bool = False
    language: str = "en"

    @property
    def tenant(self) -> TenantId:
        return self.collection.tenant

    @property
    def chunk_ids(self) -> list[str] | None:
        """The chosen chunks of this tenant, sorted; None if all may be found."""
        return None if self.chunks is None else sorted(chunk.id for chunk in self.chunks if chunk.tenant == self.tenant)


@dataclass(frozen=True, slots=True)
class IndexHit:
    """A row of one index. Higher scores are better, whatever the scorer.

    `share` is the part of the best score that any passage could reach for this question; None: the index does not know.
    """

    chunk: ChunkId
    score: float
    share: float | None = None


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What an index stores of a chunk beside its vector or terms: no text."""

    chunk: ChunkId
    collection: CollectionId
    acl: AclId


@dataclass(frozen=True, slots=True)
class StageRank:
    """How one stage saw a hit; `rank` counts from 1.

    For what was fused, `weight` times `normalized` is the stage's part of the fused score; None: the stage added none.
    The score of stage "expand" is the number of passages that are read with the hit.
    """

    stage: str
    rank: int
    score: float
    normalized: float | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """A passage that is read with a hit: of the same version, live and readable like it.

    `text` equals the stored canonical text at `start:end`. `rank` and `score_cosine` are its own if it was a hit that
    touched a better one, else None.
    """

    chunk: ChunkId
    text: str
    start: int
    end: int
    page: int | None
    heading_path: tuple[str, ...]
    rank: int | None = None
    score_cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A live, readable passage. `text` equals the stored canonical text at `start:end` of that version.

    `around` are the passages that are read with it, in reading order, without itself.
    """

    rank: int
    chunk: ChunkId
    document: DocumentId
    document_name: str
    version: int
    title: str
    text: str
    start: int
    end: int
    page: int | None
    heading_path: tuple[str, ...]
    score: float
    scored_by: Scorer
    score_cosine: float | None = None
    stages: tuple[StageRank, ...] = ()
    around: tuple[Beside, ...] = ()


class CacheUse(StrEnum):
    """What a request wants of the semantic cache: what is kept, nothing, only what is kept, or to replace it."""

    USE = "use"
    BYPASS = "bypass"
    ONLY = "only"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search in one collection. `deadline_s` is what remains of the request's time.

    With `spelling`, words that no readable passage holds are taken for words that they are like. With `synonyms`, the
    lexical index is also asked for what the collection's synonyms say that words mean.
    With `rewriting`, a weak result is searched for again in words of a language model, where the collection says so.
    A passage that is found holds each of the `phrases` and none of the `excluded` words.
    `recency`, `diversity` and `expand` as in the collection's settings; None: what these say.
    """

    collection: CollectionId
    query: str
    top_k: int = 10
    mode: Mode = Mode.HYBRID
    rerank: bool = True
    cache: CacheUse = CacheUse.USE
    one_per_document: bool = False
    filter: tuple[Part, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    synonyms: bool = True
    spelling: bool = True
    rewriting: bool = True
    deadline_s: float = 10.0
    recency: float | None = None
    diversity: float | None = None
    expand: Expand | None = None

    @property
    def narrowing(self) -> str:
        """What decides beside the question what may be found; empty if nothing does."""
        return narrowing_of(self.filter, self.phrases, self.excluded)


def narrowing_of(filter: tuple[Part, ...], phrases: tuple[str, ...], excluded: tuple[str, ...]) -> str:
    """A text for what narrows a search, the same for the same and another for another; empty for nothing."""
    given = (filter, phrases, excluded)
    return repr(given) if any(given) else ""


@dataclass(frozen=True, slots=True)
class Degradation:
    """A part that was missing while an answer was made, and what was done instead."""

    component: str
    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A search in other words: `texts` of a language model by this technique, for the result was likely weak.

    `weakness` is the probability of that. `texts` is empty where it was low, or where nothing could be written.
    """

    technique: str
    weakness: float
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits in rank order, and what to know about how they were found.

    `cache` is "hit", "miss" or "off". `timings_ms` maps stage to milliseconds. `expansions` are synonyms that were
    looked for too, `corrections` words that were looked for instead of those written. `weakness` is how likely the
    first result holds no answer, where that was asked. `floors` maps each index that was asked to the least score with
    which it would have named a passage; it is empty where any new passage might have changed what was looked for.
    `rights_changed` says that what the principal may read changed meanwhile: nobody else may be shown this.
    """

    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float]
    cache: str = "off"
    degraded: tuple[Degradation, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    corrections: tuple[Correction, ...] = ()
    weakness: float | None = None
    second_look: SecondLook | None = None
    floors: Mapping[str, float] = field(default_factory=dict[str, float])
    rights_changed: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceVersion:
    """A document version that a cached answer rests on."""

    document: DocumentId
    version: int


@dataclass(frozen=True, slots=True)
class CacheScope:
    """Who may share a cache entry: same collection, permission set and recipe (models, prompts, settings, options)."""

    collection: CollectionId
    permissions: str
    recipe: str


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A cached result: the question it was made for, an opaque payload, and the evidence that it rests on.

    `made_at` is the collection's sequence when its search began. `acls`, `terms` and `floors` say which later passage
    would have been looked at: one with such an ACL that some index scores at least so high, the lexical one for `terms`
    (the question and the synonyms that were looked for too).
    """

    question: str
    payload: bytes
    evidence: tuple[EvidenceVersion, ...]
    made_at: int = 0
    acls: frozenset[AclId] = frozenset()
    floors: Mapping[str, float] = field(default_factory=dict[str, float])
    terms: str = ""
    similarity: float = 1.0


@dataclass(frozen=True, slots=True)
class CachedQuestion:
    """A cache entry as percolation sees it: not its result, but its question's vector and `terms`."""

    name: str
    terms: str
    vector: Sequence[float]
    acls: frozenset[AclId]
    floors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CacheNeighbour:
    """A cache entry near a question. `refused_by` names the look that keeps it from being served, if one does."""

    entry: CacheEntry
    refused_by: str | None


@dataclass(frozen=True, slots=True)
class CacheView:
    """What a cache holds for a question in one scope, nearest first.

    `percolated` is the sequence up to which what arrived was run against the entries; None if nothing is kept of the
    collection.
    """

    percolated: int | None
    threshold: float
    neighbours: tuple[CacheNeighbour, ...]


@dataclass(frozen=True, slots=True)
class CacheExplanation:
    """Why a question is answered from the cache or not. `similarity` is that of the nearest entry, None without one."""

    verdict: str
    reason: str
    sequence: int
    percolated: int | None
    threshold: float
    similarity: float | None = None
    evidence: int = 0
    evidence_live: bool | None = None


@dataclass(frozen=True, slots=True)
class IndexCounts:
    """How many of the asked chunk ids an index holds, after a strongly consistent read.

    Of several indexes that are asked as one, each must hold a row; `partly` are those missing that one of them holds.
    """

    asked: int
    found: int
    missing: Sequence[ChunkId] = field(default_factory=tuple)
    partly: Sequence[ChunkId] = field(default_factory=tuple)
