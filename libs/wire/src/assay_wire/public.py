"""The public HTTP API as models: what the gateway reads and answers, and what its clients get.

Requests refuse unknown fields. Answers may gain fields, so clients pass over those that they do not know.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from assay_core.index_profiles import LANGUAGES
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_QUESTION_CHARS = 4_000
MAX_TOP_K = 200
MAX_RULES = 200
MAX_SELECTED = 1_000
DocumentState = Literal["received", "parsing", "embedding", "indexing", "ready", "failed"]
_KEPT = (
    "Chunks that it shares with the version that was live before it, which were neither embedded nor written again;"
    " known once it is live itself."
)


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character is not accepted; remove it")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("half of a surrogate pair is not accepted; send whole characters")
    return text


Text = Annotated[str, AfterValidator(_storable)]
PrincipalName = Annotated[Text, Field(min_length=1, max_length=255)]


MetadataValue = str | int | float | list[str]
MetadataInput = Annotated[Text, Field(max_length=32_000)] | int | float | Annotated[list[Text], Field(max_length=64)]


class Request(BaseModel):
    """Base of what clients send."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reply(BaseModel):
    """Base of what the gateway answers."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Strategy = Literal["structure", "fixed", "recursive", "semantic", "parent-child"]
FieldType = Literal["string", "number", "date", "tags"]


class ChangeChunking(Request):
    """How documents are divided. Another strategy begins with its own numbers; what is left out stays."""

    strategy: Strategy | None = None
    budget_tokens: Annotated[int | None, Field(description="Largest passage, in tokens of the embedder.")] = None
    overlap_tokens: Annotated[int | None, Field(description="Most that is repeated where a text is cut.")] = None
    parent_tokens: Annotated[int | None, Field(description="parent-child: largest text read around a passage.")] = None
    breakpoint_percentile: Annotated[
        int | None, Field(description="semantic: a passage ends where sentences differ more than so many others do.")
    ] = None
    context_lines: Annotated[
        bool | None, Field(description="The language model writes a line for each passage, indexed with it.")
    ] = None


class ChangeSearching(Request):
    """How both indexes' rankings become one. Another fusion or normalization begins with its own weight."""

    fusion: Literal["convex", "rrf"] | None = None
    normalization: Literal["absolute", "theoretical", "min-max", "z"] | None = None
    dense_weight: Annotated[float | None, Field(ge=0, le=1, description="Share of the dense index.")] = None
    title_boost: Annotated[
        float | None,
        Field(ge=0, le=1, description="Share of words of the question in title and headings."),
    ] = None
    phrase_boost: Annotated[
        float | None,
        Field(ge=0, le=1, description="Share of its neighbouring words that stand together."),
    ] = None
    recency: Annotated[float | None, Field(ge=0, le=1, description="Share of newness in the order of hits.")] = None
    recency_days: Annotated[int | None, Field(description="Newness halves in so many days.")] = None
    recency_field: Annotated[str | None, Field(description="Declared date field; empty: the upload.")] = None
    diversity: Annotated[float | None, Field(ge=0, le=1, description="Share of difference from the hits above.")] = None
    spelling: Annotated[
        bool | None, Field(description="Correct words that no readable passage holds by those that are like them.")
    ] = None
    rewriting: Annotated[
        Literal["off", "rewrite", "multi-query", "hyde", "decomposition"] | None,
        Field(description="What the language model writes to search by again, if the first result is likely weak."),
    ] = None
    expand: Annotated[
        Literal["off", "neighbours", "section"] | None,
        Field(description="Passages read with each hit: before and after it, or under the same headings."),
    ] = None
    expand_tokens: Annotated[int | None, Field(description="Most that is read of a hit and what is around it.")] = None


class ChangeSettings(Request):
    """What is left out stays as it is; `fields` are replaced as a whole."""

    chunking: ChangeChunking | None = None
    fields: Annotated[
        dict[Text, FieldType] | None, Field(description="Metadata fields by name.", examples=[{"year": "number"}])
    ] = None
    near_duplicates: Literal["report", "keep_one"] | None = None
    keep_versions_days: Annotated[int | None, Field(description="How long replaced versions stay readable.")] = None
    synonyms: Annotated[
        list[list[Text]] | None,
        Field(max_length=500, description="Groups of terms that mean the same.", examples=[[["PTO", "paid time off"]]]),
    ] = None
    searching: ChangeSearching | None = None


Language = Annotated[
    Text,
    Field(
        max_length=3,
        description=f"Of stop words and stems in the index of terms: {', '.join(LANGUAGES)}; mul knows none.",
        examples=["de"],
    ),
]


class CreateCollection(Request):
    name: Annotated[Text, Field(max_length=200, examples=["handbook"])]
    index_kind: Annotated[
        Text,
        Field(
            max_length=200,
            description="How vectors are indexed: hnsw, ivf_pq, ivf_sq8 or flat, and what differs from the usual.",
            examples=["hnsw", "ivf_pq:per_byte=4,nprobe=128"],
        ),
    ] = "hnsw"
    language: Language | None = None
    settings: ChangeSettings = ChangeSettings()


class ChangeCollection(Request):
    settings: ChangeSettings


class Chunking(Reply):
    strategy: str
    budget_tokens: int
    overlap_tokens: int
    parent_tokens: int
    breakpoint_percentile: int
    context_lines: bool


class Answering(Reply):
    prompt: Annotated[str, Field(description="Empty: the prompt that the deployment's settings name.")]
    mode: str
    rerank: bool
    top_k: int


class Searching(Reply):
    fusion: str
    normalization: str
    dense_weight: float
    title_boost: float = 0.0
    phrase_boost: float = 0.0
    recency: float
    recency_days: int
    recency_field: str
    diversity: float
    spelling: bool = True
    rewriting: str = "off"
    expand: str = "off"
    expand_tokens: int = 660


class CollectionSettings(Reply):
    chunking: Chunking
    fields: dict[str, str]
    near_duplicates: str
    keep_versions_days: int
    answering: Annotated[Answering | None, Field(description="Changed by promotion alone.")] = None
    synonyms: list[list[str]] = []
    searching: Searching | None = None


class SynonymGroup(Request):
    terms: Annotated[list[Text], Field(min_length=2, max_length=8, examples=[["PTO", "paid time off"]])]


class SynonymGroups(Reply):
    groups: list[list[str]]


class SynonymCandidate(Reply):
    short: str
    long: str
    passages: Annotated[int, Field(description="That explain it so, of those that were read.")]


class SynonymCandidates(Reply):
    """Acronyms that documents explain, the most often first."""

    candidates: list[SynonymCandidate]


class Rechunking(Reply):
    """Documents that are divided anew, as new versions of the same bytes; readers see the old ones until then."""

    collection: str
    documents: Annotated[int, Field(description="Begun by this request.")]
    remaining: Annotated[int, Field(description="Still divided by other settings and not begun; ask again.")]


class Collection(Reply):
    name: str
    id: str
    documents: int
    chunks: int
    epoch: int
    index_kind: str
    created_at: datetime
    paused_at: Annotated[datetime | None, Field(description="No new uploads are begun since then.")] = None
    settings: CollectionSettings
    rechunk_due: Annotated[int, Field(description="Documents whose chunks were made by other settings.")] = 0


class BuildIndex(Request):
    """What is left out is as in the index that is asked."""

    index_kind: Annotated[
        Text | None,
        Field(max_length=200, description="How vectors are to be indexed.", examples=["ivf_sq8", "hnsw:ef=64"]),
    ] = None
    language: Language | None = None


class CompareIndex(Request):
    dataset: Annotated[Text | None, Field(description="A golden set; without one, the collection's first.")] = None
    most: Annotated[int, Field(ge=10, le=500, description="Ask so many of its questions.")] = 200


class SwitchIndex(Request):
    override_reason: Annotated[
        Text | None, Field(max_length=500, description="Why to switch although the comparison does not allow it.")
    ] = None


class IndexComparison(Reply):
    dataset: str
    questions: int
    old: Annotated[float, Field(description="nDCG@10 of the active index.")]
    new: Annotated[float, Field(description="nDCG@10 of the one beside it.")]
    low: Annotated[float, Field(description="Lower end of the 95 % interval of the mean of new - old.")]
    high: float
    passed: Annotated[bool, Field(description="The new one is no worse: `low` is at least -0.02.")]
    compared_at: datetime


class IndexGeneration(Reply):
    number: int
    index_kind: str
    state: Annotated[str, Field(description="building, ready, active, kept, leaving or dropped.")]
    began_at: datetime
    changed_at: datetime
    changed_by: Annotated[str | None, Field(description="Who brought it there; null for the platform.")] = None
    kept_until: Annotated[datetime | None, Field(description="Until when one can go back to it.")] = None
    comparison: IndexComparison | None = None
    reason: Annotated[str, Field(description="Why it was switched to against the comparison.")] = ""


class IndexGenerations(Reply):
    generations: Annotated[list[IndexGeneration], Field(description="The newest first.")]


class CollectionList(Reply):
    collections: list[Collection]


class CollectionDeletion(Reply):
    collection: str
    documents: Annotated[int, Field(description="Documents whose removal has begun.")]


class Upload(Reply):
    document_id: str
    name: str
    version: int
    job: str | None
    unchanged: Annotated[bool, Field(description="The newest version has these bytes already.")]
    sha256: str
    size_bytes: int
    state: str


class Passage(Request):
    """A ready text of a bulk load: a document of one chunk, if the embedder can read it whole."""

    id: Annotated[Text, Field(min_length=1, max_length=255)]
    text: Annotated[Text, Field(max_length=200_000)]
    title: Annotated[Text, Field(max_length=1_000)] = ""
    metadata: Annotated[dict[Text, MetadataInput] | None, Field(max_length=32)] = None


class RefusedPassage(Reply):
    line: Annotated[int | None, Field(description="In the request, from 1.")]
    id: str | None
    code: str
    message: str


class PassagesTaken(Reply):
    """What became of the passages of a request; `unchanged` ones were there with the same text already."""

    received: int
    created: int
    changed: int
    unchanged: int
    refused: list[RefusedPassage]


class Retry(Reply):
    """A failed document is worked on again, as a new version of the same bytes."""

    document_id: str
    version: int
    job: str | None


class Job(Reply):
    """The work on a version. `error_code` says why it was given up, or what the last try ended with."""

    id: str
    document_id: str
    document_name: str
    collection: str
    version: int
    batch: str | None
    state: str
    priority: str
    attempts: int
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    not_before: Annotated[datetime, Field(description="A waiting job is begun after this.")]


class JobPage(Reply):
    jobs: list[Job]
    next_cursor: str | None


class ReplayJobs(Request):
    """Which jobs to replay; what is left out does not matter."""

    state: Literal["dead", "cancelled"] = "dead"
    collection: Annotated[Text | None, Field(max_length=200)] = None
    reason: Annotated[Text | None, Field(max_length=200, description="A reason code.")] = None
    batch: Annotated[Text | None, Field(max_length=200)] = None


class Replay(Reply):
    replayed: int
    more: Annotated[bool, Field(description="There are more of them; ask again.")]


class Cancellation(Reply):
    """The work on this version was stopped; readers keep the version that they have."""

    document_id: str
    version: int


class Reason(Reply):
    """A code of failed documents, what it means, and what a person can do about it."""

    code: str
    meaning: str
    way_out: str


class ReasonList(Reply):
    reasons: list[Reason]


class DocumentSummary(Reply):
    """A document and its newest version (`version`); readers see `live_version`."""

    id: str
    name: str
    collection: str
    live_version: int | None
    version: int
    state: str
    progress: float
    error_code: str | None
    error: str | None
    size_bytes: int
    media_type: str
    pages: int | None
    chunks: int | None
    chunks_kept: Annotated[int | None, Field(description=_KEPT)] = None
    chunks_added: int | None = None
    chunks_removed: int | None = None
    pages_done: int | None = None
    chunks_done: int | None = None
    chunks_per_s: float | None = None
    left_s: float | None = None
    language: Annotated[str, Field(description="BCP 47; und: it cannot be told; empty: it was not looked for.")] = ""
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, MetadataValue]


class Version(Reply):
    version: int
    state: str
    progress: float
    sha256: str
    size_bytes: int
    media_type: str
    pages: int | None
    chunks: int | None
    chunks_kept: Annotated[int | None, Field(description=_KEPT)] = None
    chunks_added: int | None = None
    chunks_removed: int | None = None
    pages_done: int | None = None
    chunks_done: Annotated[int | None, Field(description="Embedded so far, kept ones among them.")] = None
    chunks_per_s: float | None = None
    left_s: Annotated[float | None, Field(description="Of embedding, which takes longest.")] = None
    language: str = ""
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    replaced_at: Annotated[
        datetime | None, Field(description="When a later version went live; it is kept for some time after that.")
    ] = None


class Access(Request):
    """Who may read a document: users and groups by id, or "everyone". Who is denied may not, whatever allows it."""

    allow: Annotated[list[PrincipalName], Field(min_length=1, max_length=MAX_RULES, examples=[["everyone"]])]
    deny: Annotated[list[PrincipalName], Field(max_length=MAX_RULES)] = []


class DocumentChange(Request):
    """What is to change of a document; what is left out stays."""

    metadata: Annotated[
        dict[Text, MetadataInput | None] | None,
        Field(description="Values to set; null takes a name out (RFC 7396).", examples=[{"author": "Ada"}]),
    ] = None
    access: Annotated[Access | None, Field(description="The rules from now on, in place of all before.")] = None


class DocumentDetail(DocumentSummary):
    versions: Annotated[list[Version], Field(description="Newest first.")]
    access: Annotated[Access | None, Field(description="Who may read it; shown to curators.")] = None
    near_duplicates: Annotated[
        list["NearDuplicate"], Field(description="Documents that you may read and that say nearly the same.")
    ] = []
    held: Annotated[
        bool | None, Field(description="Whether a legal hold is on it; shown to those who may delete it.")
    ] = None
    hold: Annotated["LegalHold | None", Field(description="The legal hold on it; shown to curators.")] = None


class NearDuplicate(Reply):
    """Another document that says nearly the same."""

    document_id: str
    name: str
    similarity: Annotated[float, Field(description="Estimated share of the word sequences that both have, 0 to 1.")]


class DuplicatePair(Reply):
    documents: Annotated[list[NearDuplicate], Field(description="The two of them.")]
    similarity: float


class DuplicatePage(Reply):
    """Pairs of near-duplicates, each once; a page may hold none although there are more."""

    pairs: list[DuplicatePair]
    next_cursor: str | None


class VersionList(Reply):
    versions: Annotated[list[Version], Field(description="Newest first.")]


class DocumentPage(Reply):
    documents: list[DocumentSummary]
    next_cursor: str | None
    counts: Annotated[dict[str, int], Field(description="Documents of the collection by state.")]


class HistoryEvent(Reply):
    """A stage that a version came to, or how far it was in it; `detail` holds numbers only."""

    version: int
    at: datetime
    stage: str
    detail: dict[str, float]


class History(Reply):
    events: Annotated[list[HistoryEvent], Field(description="Oldest first.")]


class Progress(Reply):
    """An event of `/v1/documents/{id}/events`; `state` is ready or failed in the last one.

    Rate and time left are those of the stage that takes longest, embedding; null before and after it.
    """

    state: str
    progress: float
    version: int
    pages: int | None = None
    pages_done: int | None = None
    chunks: int | None = None
    chunks_done: int | None = None
    chunks_per_s: float | None = None
    left_s: float | None = None
    error_code: str | None = None
    error: str | None = None


class BatchProgress(Reply):
    """Uploads with one batch id, summed up: also an event of `/v1/batches/{id}/events`.

    Rates are of the last half minute; `left_s` is null while nothing has come to an end in that time.
    """

    id: str
    collection: str
    created_at: datetime
    documents: int
    open: Annotated[int, Field(description="Documents that are neither ready nor failed.")]
    states: Annotated[dict[str, int], Field(description="Documents by state.")]
    pages: int
    chunks: int
    chunks_done: int
    progress: Annotated[float, Field(description="Between 0 and 1.")]
    documents_per_s: float
    chunks_per_s: float
    left_s: float | None


class DocumentText(Reply):
    """Canonical text around a passage; all offsets are characters of the whole canonical text."""

    document_id: str
    name: str
    version: int
    text: str
    start: int
    end: int
    passage_start: int
    passage_end: int
    length: Annotated[int, Field(description="Characters of the whole canonical text.")]


class DocumentChunk(Reply):
    chunk_id: str
    ordinal: int
    text: str
    heading: str
    page: int | None
    page_last: int | None = None
    start: int
    end: int
    tokens: int
    context: Annotated[str, Field(description="Indexed with the text, not part of it.")] = ""
    parent: Annotated[tuple[int, int] | None, Field(description="The span that is read in its place.")] = None


class ChunkPage(Reply):
    version: int = 0
    chunks: list[DocumentChunk]
    next_cursor: str | None


class Deletion(Reply):
    document_id: str
    job: Annotated[str, Field(description="Also the id of the erasure: `GET /v1/erasures/{id}`.")]


class Erasure(Reply):
    """How far a deleted document has left the stores; its key was destroyed with the DELETE itself."""

    id: str
    document_id: str
    state: Annotated[
        Literal["held", "leaving", "settling", "complete", "proven"],
        Field(
            description="held: kept by a legal hold; leaving: unreadable, being removed; settling: removed, the "
            "stores' files are being rewritten; complete: they are; proven: a scan of all files found nothing of it."
        ),
    ]
    requested_at: datetime
    requested_by: str | None
    key_destroyed_at: datetime | None
    left_at: Annotated[datetime | None, Field(description="When it had left every store.")]
    complete_at: Annotated[datetime | None, Field(description="When every store had rewritten its files.")]
    proven_at: Annotated[datetime | None, Field(description="When a scan of all files had found nothing of it.")]
    counts: Annotated[dict[str, int], Field(description="What was removed, by store.")]
    receipt: Annotated[
        str | None,
        Field(description="All of this as a JWS (EdDSA); check it with the key of `GET /v1/erasures/public-key`."),
    ] = None


class ErasurePage(Reply):
    erasures: list[Erasure]
    next_cursor: str | None


class PublicKey(Reply):
    """The Ed25519 key that receipts are signed with, as PEM."""

    public_key: str


class HoldRequest(Request):
    reason: Annotated[Text, Field(min_length=1, max_length=500, examples=["Case 2026-17"])]


class LegalHold(Reply):
    """A document that keeps its key, text and old versions, also when it is deleted."""

    document_id: str
    reason: str
    placed_by: str
    placed_at: datetime


class HeldDocument(LegalHold):
    """A document under a legal hold, which may be deleted."""

    name: Annotated[str | None, Field(description="Null if it is deleted, or you may not read it.")]
    erasure_id: Annotated[str | None, Field(description="Of the deletion that waits for the hold to be lifted.")]


class HoldPage(Reply):
    holds: Annotated[list[HeldDocument], Field(description="Those placed last first.")]
    next_cursor: str | None


class HoldLifted(Reply):
    """Those that were held; what was deleted under the hold is erased now."""

    document_ids: list[str]


class DocumentFilter(Request):
    """Documents that fit every part that is given."""

    names: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=255)]],
        Field(
            max_length=100,
            description="Patterns of whole names, of which one must fit; * stands for anything, also /.",
            examples=[["reports/2024-*"]],
        ),
    ] = []
    ids: Annotated[list[Annotated[Text, Field(max_length=32)]], Field(max_length=MAX_SELECTED)] = []
    states: Annotated[list[DocumentState], Field(max_length=6, description="Of the newest version.")] = []
    metadata: Annotated[
        dict[Text, Text | int | float], Field(max_length=32, description="Values that must be equal, or among tags.")
    ] = {}
    uploaded_before: Annotated[AwareDatetime | None, Field(description="Of the newest version.")] = None
    uploaded_after: Annotated[AwareDatetime | None, Field(description="Of the newest version.")] = None


class BulkDeletion(Request):
    """Which documents to delete. At least one part of the filter must be given; the name `*` means all."""

    filter: DocumentFilter
    dry_run: Annotated[bool, Field(description="Only say which they are.")] = False


class BulkDeleted(Reply):
    """The documents that fit, by id; the first of them if there are many."""

    dry_run: bool
    count: Annotated[int, Field(description="Documents that fit.")]
    more: Annotated[
        bool,
        Field(description=f"More than {MAX_SELECTED} fit: the first so many were deleted, ask again for the rest."),
    ]
    documents: list["SelectedDocument"]


class SelectedDocument(Reply):
    document_id: str
    name: Annotated[str | None, Field(description="In a dry run; what is deleted has none any more.")] = None
    held: Annotated[bool, Field(description="A legal hold keeps it: invisible, but not erased until it is lifted.")] = (
        False
    )
    job: Annotated[str | None, Field(description="Of its deletion; null in a dry run.")] = None


def _object_or_text(given: Any) -> Any:
    if not isinstance(given, dict | str):
        raise ValueError("give an object or a text, for example kind:memo")
    return given  # pyright: ignore[reportUnknownVariableType]  JSON; its fields and values are checked by their types


FieldFilter = Annotated[
    dict[str, Any] | str,
    BeforeValidator(_object_or_text),
    Field(
        description="Only documents whose declared metadata fields fit: a value, several of which one must fit, or"
        " comparisons: in, gt, gte, lt, lte; for tags any, all. `and` and `or` join a list of filters, `not` turns one"
        " round. Or the same as text: kind:memo year:>=2020 -(labels:draft OR labels:final).",
        examples=[{"kind": "memo", "year": {"gte": 2020}, "not": {"labels": {"any": ["draft", "final"]}}}],
    ),
]
CacheChoice = Literal["use", "bypass", "only", "refresh"]
_CACHE = (
    "`use` what the semantic cache keeps, `bypass` it, answer `only` what it keeps (404 `not_cached` otherwise), or"
    " `refresh` it with what is found now."
)
_SYNTAX = (
    'Read field:value, after: and before: of declared fields, "exact words" and -word in the text as restrictions;'
    " otherwise every sign of it is text."
)


class SearchQuery(Request):
    query: Annotated[Text, Field(examples=["How many days of leave are there?"])]
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K, strict=True)] = 10
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    rerank: bool = True
    cache: Annotated[CacheChoice, Field(description=_CACHE)] = "use"
    explain: Annotated[bool, Field(description="Show each hit's rank and score by stage.")] = False
    one_per_document: bool = False
    recency: Annotated[float | None, Field(ge=0, le=1, description="Default: what the collection says.")] = None
    diversity: Annotated[float | None, Field(ge=0, le=1, description="Default: what the collection says.")] = None
    expand: Annotated[
        Literal["off", "neighbours", "section"] | None,
        Field(
            description="Passages read with each hit; hits that touch become one. Default: what the collection says."
        ),
    ] = None
    filter: FieldFilter = {}
    syntax: Annotated[bool, Field(description=_SYNTAX)] = True
    synonyms: Annotated[bool, Field(description="Look for what the collection's synonyms mean, too.")] = True
    spelling: Annotated[bool, Field(description="Correct words that no readable passage holds.")] = True
    rewriting: Annotated[bool, Field(description="Search again for a weak result, where the collection says how.")] = (
        True
    )


class Stage(Reply):
    """`weight` times `normalized` is what the stage adds to the fused score.

    Where nothing was fused, `normalized` is the share of the best score that any passage could have. The score of stage
    `expand` is the number of passages that are read with the hit.
    """

    stage: str
    rank: int
    score: float
    normalized: float | None = None
    weight: float | None = None


class Beside(Reply):
    """A passage that is read with a hit; `rank` is its own if it was a hit that touched a better one."""

    chunk_id: str
    page: int | None
    heading: str
    text: str
    start: int
    end: int
    rank: int | None


class Hit(Reply):
    """A passage; `text` is the canonical text of that version at `start:end`."""

    rank: int
    chunk_id: str
    document_id: str
    document_name: str
    version: int
    page: int | None
    heading: str
    text: str
    start: int
    end: int
    score: float
    scored_by: str
    stages: list[Stage] | None = None
    around: Annotated[list[Beside], Field(description="In reading order, without the hit; see `expand`.")] = []


class Degradation(Reply):
    component: str
    mode: str
    reason: str


class Expansion(Reply):
    term: str
    added: list[str]


class SecondLook(Reply):
    """`weakness` is how likely the first result has no answer; `texts` are what was searched for as well, if it was."""

    technique: str
    weakness: float
    texts: list[str]


class Correction(Reply):
    """A word of the query that no passage holds which you may read, and what was searched for instead."""

    written: str
    meant: str


class Understood(Reply):
    """How a query was read: the words that are looked for, what a passage must and must not hold, the filter, and
    synonyms that are looked for too."""

    text: str
    phrases: list[str]
    excluded: list[str]
    filter: dict[str, Any]
    synonyms: list[Expansion] = []
    language: Annotated[str, Field(description="BCP 47; und where it cannot be told.")] = "und"
    second_look: Annotated[SecondLook | None, Field(description="Where the collection has `rewriting`.")] = None


class SearchReply(Reply):
    """`understood` is shown if `explain` asked for it."""

    hits: list[Hit]
    timings_ms: dict[str, float]
    cache: str
    degraded: list[Degradation]
    corrections: list[Correction] = []
    understood: Understood | None = None


class CacheExplanation(Reply):
    """`verdict` is "hit", "miss", "passed_by" or "off". `percolated` is the sequence up to which what arrived was run
    against the cached questions; a hit needs that to be the collection's. `similarity` is that of the nearest entry."""

    verdict: str
    reason: str
    sequence: int
    percolated: int | None
    threshold: float
    similarity: float | None
    evidence: int
    evidence_live: bool | None


class Turn(Request):
    role: Literal["user", "assistant"]
    content: Annotated[Text, Field(max_length=32_000)]


class Question(Request):
    question: Annotated[Text, Field(examples=["How many days of leave are there?"])]
    history: Annotated[list[Turn], Field(max_length=50)] = []
    top_k: Annotated[
        int | None,
        Field(
            ge=1,
            le=50,
            strict=True,
            description="Passages that may be used; default: what the collection says, or 5.",
        ),
    ] = None
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 256
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    cache: Annotated[CacheChoice, Field(description=_CACHE)] = "use"
    filter: FieldFilter = {}
    syntax: Annotated[bool, Field(description=_SYNTAX)] = False
    stream: Annotated[bool, Field(description="Answer with server-sent events.")] = False


class Citation(Reply):
    """A span of a document version; `quote` is its canonical text at `start:end`."""

    n: int
    document_id: str
    document_name: str
    version: int
    page: int | None
    heading: str
    start: int
    end: int
    quote: str
    chunk_id: str
    origin: str


class Claim(Reply):
    """A sentence of the answer (`start:end` of its text) and what the judge says of it."""

    start: int
    end: int
    text: str
    verdict: str
    probability: float | None
    citations: list[int]


class Usage(Reply):
    prompt_tokens: int
    completion_tokens: int


class Answer(Reply):
    id: str
    question: str
    answer: str
    outcome: str
    verdict: Annotated[str, Field(description="The same as `outcome`.")]
    citations: list[Citation]
    claims: list[Claim]
    sources: list[Hit]
    model: str
    prompt_version: str
    usage: Usage | None
    timings_ms: dict[str, float]
    degraded: list[Degradation]
    cache: str
    finish_reason: str


class Retrieval(Reply):
    """First event of a streamed answer: the passages that it may use."""

    hits: list[Hit]
    timings_ms: dict[str, float]
    degraded: list[Degradation]


class Token(Reply):
    """A piece of a streamed answer."""

    text: str


class Failure(Reply):
    """Last event of a stream that broke."""

    code: str
    message: str
    status: int
    retry_after_s: float | None = None


AskEvent = Retrieval | Token | Citation | Claim | Answer | Failure


class Me(Reply):
    id: Annotated[str, Field(description="The name of you in rules of who may read what.")] = ""
    name: str
    tenant: str
    roles: list[str]


class Part(Reply):
    ready: bool
    detail: str = ""


class Backlog(Reply):
    """Ingestion jobs by state; `dead` ones have given up."""

    waiting: int
    working: int
    dead: int
    repairs: Annotated[
        dict[str, int], Field(description="Rows of the indexes put right since the first start, by index and fault.")
    ] = {}


class Parts(Reply):
    retrieval: Part
    generation: Part
    generator: Part
    evaluation: Part
    ingestion: Backlog


class System(Reply):
    version: str
    parts: Parts


class GoldenPassage(Request):
    """Without a quote: the whole document. `grade`: how much it tells, for nDCG."""

    document: Annotated[Text, Field(max_length=255)]
    quote: Annotated[Text, Field(max_length=20_000)]
    grade: Annotated[int, Field(ge=1, le=100)] = 1


class GoldenQuestion(Request):
    id: Annotated[Text, Field(min_length=1, max_length=100)]
    question: Text
    answer: Text = ""
    answerable: bool = True
    passages: list[GoldenPassage] = []
    type: Annotated[Text, Field(max_length=50)] = "factoid"
    alternatives: Annotated[list[Text], Field(max_length=50, description="Answers as good as the first.")] = []
    about: Annotated[
        list[Annotated[Text, Field(max_length=255)]],
        Field(max_length=50, description="Documents that it was made from without being answered there."),
    ] = []
    history: Annotated[list[Turn], Field(max_length=20, description="The conversation before a follow-up.")] = []


class GoldenSet(Request):
    questions: Annotated[list[GoldenQuestion], Field(min_length=1, max_length=5_000)]
    licence: Annotated[Text, Field(max_length=200)] = ""
    source: Annotated[Text, Field(max_length=500, description="Where it is from.")] = ""


class GoldenSetReply(Reply):
    """A version of a golden set. `sha256` is that of its JSON lines as they are exported."""

    collection: str
    dataset: str
    version: int
    sha256: str
    questions: int
    erased: Annotated[int, Field(description="Of them, gone since with documents that were deleted.")]
    licence: str
    source: str
    created_by: str
    created_at: datetime
    candidate: Annotated[bool, Field(description="Nobody has reviewed it yet; nights pass over it.")] = False


class TrafficSample(Request):
    """Draws a golden set candidate from what was asked: by outcome, length and who asked, personal data masked."""

    questions: Annotated[int, Field(ge=1, le=1_000)] = 50
    hours: Annotated[float, Field(gt=0, le=24 * 366, description="Answers of so many last hours.")] = 168
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1


class GoldenSetContent(GoldenSetReply):
    """`hidden` questions are about documents that you may not read."""

    content: list[GoldenQuestion]
    hidden: int


class GoldenSetList(Reply):
    datasets: list[GoldenSetReply]


class ChangeAnswering(Request):
    """What is left out is as the collection has it."""

    prompt: Annotated[Text | None, Field(max_length=63, examples=["cite.v1"])] = None
    mode: Literal["hybrid", "dense", "lexical"] | None = None
    rerank: bool | None = None
    top_k: Annotated[int | None, Field(ge=1, le=50)] = None


class StartRun(Request):
    collection: Annotated[Text, Field(max_length=200)]
    dataset: Annotated[Text, Field(min_length=1, max_length=100)]
    judge: Literal["local", "embedding", "ragas"] = "local"
    limit: Annotated[int | None, Field(ge=1, description="Only so many questions.")] = None
    answering: Annotated[
        ChangeAnswering, Field(description="What is tried instead of what the collection was given by promotion.")
    ] = ChangeAnswering()
    dataset_version: Annotated[int | None, Field(ge=1, description="Of the golden set; default: the newest.")] = None


class Run(Reply):
    """`collection` is its name. `intervals` are 95 % confidence intervals of the metrics."""

    id: str
    collection: str
    dataset: str
    judge: str
    state: str
    configuration: dict[str, object]
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    questions: int
    failures: int
    started_at: datetime
    finished_at: datetime | None
    error: str | None


class Score(Reply):
    question: str
    metric: str
    value: float | None
    failure: str | None


class RunDetail(Run):
    scores: list[Score]
    slices: Annotated[
        dict[str, dict[str, str]], Field(description="What each question is: its type, language, length, documents.")
    ] = {}
    answers: Annotated[
        dict[str, str], Field(description="The answer that was scored, by question; it may be gone by now.")
    ] = {}


class RunList(Reply):
    runs: list[Run]


class Remark(Reply):
    """`severity` is note, warning or alarm; `causes` are the factors that had moved, the likeliest first."""

    severity: str
    about: str
    sentence: str
    causes: list[str]
    figures: dict[str, float]


class Night(Reply):
    """What one night of evaluation found. `collection` is its name; `failures` says what could not be measured."""

    collection: str
    night: date
    caught_up: bool
    closed_at: datetime
    runs: list[str]
    remarks: list[Remark]
    figures: dict[str, float]
    failures: dict[str, str]


class NightList(Reply):
    nights: list[Night]


class SignIn(Request):
    api_key: Annotated[Text, Field(max_length=200)]
