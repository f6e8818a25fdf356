"""Every table. The tenant is part of each primary key, so a query without it does not find its way."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _created() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())


def _updated() -> Column[object]:
    return Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now())


tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("turn_at", DateTime(timezone=True)),  # when jobs of this tenant were leased last
    _created(),
)

principals = Table(
    "principals",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("kind", Text, nullable=False),  # user, group or service
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False, server_default="{}"),
    Column("disabled_at", DateTime(timezone=True)),
    _created(),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant"], ["tenants.tenant"]),
)

memberships = Table(
    "memberships",
    metadata,
    Column("tenant", Text),
    Column("member", Text),
    Column("grp", Text),
    PrimaryKeyConstraint("tenant", "member", "grp"),
    ForeignKeyConstraint(["tenant", "member"], ["principals.tenant", "principals.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant", "grp"], ["principals.tenant", "principals.id"], ondelete="CASCADE"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("principal", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of a key with 256 random bits
    _created(),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "principal"], ["principals.tenant", "principals.id"], ondelete="CASCADE"),
)

acls = Table(
    "acls",
    metadata,
    Column("tenant", Text),
    Column("acl", BigInteger),
    Column("digest", Text, nullable=False),
    _created(),
    PrimaryKeyConstraint("tenant", "acl"),
    UniqueConstraint("tenant", "digest"),
    ForeignKeyConstraint(["tenant"], ["tenants.tenant"]),
)

acl_rules = Table(
    "acl_rules",
    metadata,
    Column("tenant", Text),
    Column("acl", BigInteger),
    Column("principal", Text),  # a principal, a group, or "everyone"
    Column("effect", Text, nullable=False),  # allow or deny; deny wins
    PrimaryKeyConstraint("tenant", "acl", "principal", "effect"),
    ForeignKeyConstraint(["tenant", "acl"], ["acls.tenant", "acls.acl"], ondelete="CASCADE"),
)

collections = Table(
    "collections",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("name", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("filings", BigInteger, nullable=False, server_default="0"),
    Column("default_acl", BigInteger, nullable=False),
    Column("index_kind", Text, nullable=False, server_default="hnsw"),
    Column("settings", JSONB, nullable=False, server_default="{}"),
    Column("paused_at", DateTime(timezone=True)),  # no new jobs of it are begun since then
    _created(),
    Column("deleted_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "default_acl"], ["acls.tenant", "acls.acl"]),
    Index("collections_name", "tenant", "name", unique=True, postgresql_where=text("deleted_at IS NULL")),
)

documents = Table(
    "documents",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("collection", Text, nullable=False),
    Column("name_sealed", LargeBinary),  # encrypted; NULL once erased
    Column("acl", BigInteger, nullable=False),
    Column("acl_moved", Boolean, nullable=False, server_default="false"),  # the indexes' rows carry an earlier ACL
    Column("live_version", Integer),
    Column("latest_version", Integer, nullable=False, server_default="0"),
    Column("metadata_sealed", LargeBinary),  # encrypted; NULL for none
    _created(),
    _updated(),
    Column("deleted_at", DateTime(timezone=True)),
    Column("archive", Text),  # the document whose file it is
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    ForeignKeyConstraint(["tenant", "acl"], ["acls.tenant", "acls.acl"]),
    Index("documents_acl_moved", "tenant", "id", postgresql_where=text("acl_moved")),
    Index("documents_archive", "tenant", "archive", postgresql_where=text("archive IS NOT NULL")),
    Index("documents_by_time", "tenant", "collection", "created_at", "id", postgresql_where=text("deleted_at IS NULL")),
)

# All that makes a document readable and recognisable. A row goes with the DELETE of its document; keep the table so
# small that it can be rewritten at once after that.
document_keys = Table(
    "document_keys",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("collection", Text, nullable=False),
    Column("name_digest", LargeBinary),  # keyed; NULL while a deleted document is only held
    Column("key_wrapped", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "document"),
    ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
    UniqueConstraint("tenant", "collection", "name_digest", name="document_keys_name"),
)

document_fields = Table(
    "document_fields",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("field", Text),
    Column("item", Integer),  # of tags, each has a row
    Column("digest", LargeBinary),  # keyed, of a text or a tag
    Column("number", Float),
    Column("day", Date),
    PrimaryKeyConstraint("tenant", "document", "field", "item"),
    ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
)

versions = Table(
    "versions",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("version", Integer),
    Column("state", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),  # encrypted
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("blob_key", Text, nullable=False),  # empty for a passage, whose text is in this row from the start
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("batch", Text),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("pages", Integer),
    Column("chunks", Integer),
    Column("chunks_kept", Integer),  # of the version that was live before; with added and removed, once it is live
    Column("chunks_added", Integer),
    Column("chunks_removed", Integer),
    Column("chunks_done", Integer),  # embedded so far
    Column("stage_at", DateTime(timezone=True)),  # when it came into this state
    Column("title", LargeBinary),  # encrypted
    Column("text", LargeBinary),  # encrypted canonical text
    Column("parser", Text),
    Column("language", Text),  # BCP 47; "und": it cannot be told; NULL: nobody looked
    Column("chunking", Text, nullable=False, server_default="structure/220/30"),  # see Chunking.recipe
    Column("error_code", Text),
    Column("error", LargeBinary),  # encrypted; NULL where the code says it all
    _created(),
    _updated(),
    Column("replaced_at", DateTime(timezone=True)),  # when a later version went live
    PrimaryKeyConstraint("tenant", "document", "version"),
    ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
    Index("versions_replaced", "replaced_at", postgresql_where=text("replaced_at IS NOT NULL")),
    Index("versions_in_work", "state", postgresql_where=text("state NOT IN ('ready', 'failed')")),
    Index("versions_to_index", "priority", "updated_at", postgresql_where=text("state = 'indexing'")),
    Index("versions_batch", "tenant", "batch", postgresql_where=text("batch IS NOT NULL")),
)

chunks = Table(
    "chunks",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("document", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # encrypted: text and heading path
    Column("tokens", Integer, nullable=False),
    Column("vector_key", Text, nullable=False),  # fp16 column file among the blobs; empty if `vector` has it
    Column("vector_row", Integer, nullable=False),
    Column("vector", LargeBinary),  # encrypted fp16 vector of a passage, which has no file of its own
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
    Index("chunks_document", "tenant", "document"),
)

version_chunks = Table(
    "version_chunks",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("version", Integer),
    Column("ordinal", Integer),
    Column("chunk", Text, nullable=False),
    Column("start_char", Integer, nullable=False),
    Column("end_char", Integer, nullable=False),
    Column("page_first", Integer),
    Column("page_last", Integer),
    Column("parent", Integer),  # the ordinal of the larger passage that is read in its place
    PrimaryKeyConstraint("tenant", "document", "version", "ordinal"),
    ForeignKeyConstraint(
        ["tenant", "document", "version"],
        ["versions.tenant", "versions.document", "versions.version"],
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(["tenant", "chunk"], ["chunks.tenant", "chunks.id"], ondelete="CASCADE"),
    Index("version_chunks_chunk", "tenant", "chunk"),
)

version_parents = Table(
    "version_parents",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("version", Integer),
    Column("ordinal", Integer),
    Column("start_char", Integer, nullable=False),
    Column("end_char", Integer, nullable=False),
    Column("page", Integer),
    Column("payload", LargeBinary, nullable=False),  # encrypted, as that of a chunk
    PrimaryKeyConstraint("tenant", "document", "version", "ordinal"),
    ForeignKeyConstraint(
        ["tenant", "document", "version"],
        ["versions.tenant", "versions.document", "versions.version"],
        ondelete="CASCADE",
    ),
)

document_signatures = Table(
    "document_signatures",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("version", Integer),
    Column("collection", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # MinHash of keyed hashes: tells nobody of any text
    Column("bands", ARRAY(BigInteger), nullable=False),
    PrimaryKeyConstraint("tenant", "document", "version"),
    ForeignKeyConstraint(
        ["tenant", "document", "version"],
        ["versions.tenant", "versions.document", "versions.version"],
        ondelete="CASCADE",
    ),
    Index("document_signatures_bands", "bands", postgresql_using="gin"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("kind", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("version", Integer),
    Column("collection", Text, nullable=False, server_default=""),
    Column("priority", SmallInteger, nullable=False, server_default="0"),  # 0 goes before 1
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("passage", Boolean, nullable=False, server_default="false"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("owner", Text),
    Column("lease_until", DateTime(timezone=True)),
    Column("not_before", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("error_code", Text),  # words about it name the file: they are with the version, encrypted
    _created(),
    _updated(),
    PrimaryKeyConstraint("tenant", "id"),
    Index(
        "jobs_turns",
        "kind",
        "tenant",
        "collection",
        "priority",
        "created_at",
        "id",
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("jobs_leased", "kind", "lease_until", postgresql_where=text("state = 'leased'")),
    Index("jobs_given_up", "tenant", "id", postgresql_where=text("state IN ('dead', 'cancelled')")),
    Index("jobs_document", "tenant", "document"),
)

batches = Table(
    "batches",
    metadata,
    Column("tenant", Text),
    Column("id", Text),  # made by the client
    Column("collection", Text, nullable=False),
    Column("principal", Text, nullable=False),
    _created(),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
)

document_events = Table(
    "document_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("stage", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default="{}"),  # numbers only
    ForeignKeyConstraint(
        ["tenant", "document", "version"],
        ["versions.tenant", "versions.document", "versions.version"],
        ondelete="CASCADE",
    ),
    Index("document_events_document", "tenant", "document", "version", "id"),
)

repairs = Table(
    "repairs",
    metadata,
    Column("tenant", Text),
    Column("store", Text),
    Column("what", Text),
    Column("total", BigInteger, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant", "store", "what"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("job", Text, nullable=False),
    _created(),
    Column("sent_at", DateTime(timezone=True)),
    Index("outbox_unsent", "id", postgresql_where=text("sent_at IS NULL")),
)

# What was deleted: the row outlives the document, as the receipt of its erasure and what proves it.
tombstones = Table(
    "tombstones",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("id", Text, nullable=False),  # of the erasure, and of the job that does it
    Column("collection", Text, nullable=False),
    Column("deleted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("requested_by", Text),  # NULL: a source, a rule, or an archive that was replaced
    Column("key_destroyed_at", DateTime(timezone=True)),  # NULL while a legal hold keeps it
    Column("erased_at", DateTime(timezone=True)),  # when it had left every store
    Column("complete_at", DateTime(timezone=True)),  # when every store had rewritten its files
    Column("proven_at", DateTime(timezone=True)),  # when a scan of all files found nothing of it
    Column("counts", JSONB, nullable=False, server_default="{}"),  # what was removed, by store
    Column("chunk_marks", LargeBinary, nullable=False, server_default=""),  # keyed fingerprints of its chunks' ids
    Column("vector_marks", LargeBinary, nullable=False, server_default=""),  # and of their vectors
    Column("key_head", Text),  # 16 bytes of its wrapped key, in hexadecimal so that a scan for them passes over this
    PrimaryKeyConstraint("tenant", "document"),
    UniqueConstraint("tenant", "id", name="tombstones_erasure"),
    Index("tombstones_open", "erased_at", postgresql_where=text("complete_at IS NULL")),
    Index("tombstones_by_time", "tenant", "deleted_at", "id"),
)

# What a scan of the database's files must find, to be believed when it finds nothing else. Empty between scans.
scan_controls = Table("scan_controls", metadata, Column("id", Text, primary_key=True), Column("bytes", LargeBinary))

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("tenant", Text),
    Column("document", Text),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant", "document"),
    ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", Text),
    Column("principal", Text),
    Column("route", Text),
    Column("key", Text),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    _created(),
    PrimaryKeyConstraint("tenant", "principal", "route", "key"),
)

answers = Table(
    "answers",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("collection", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),  # encrypted: the whole answer, for replay
    Column("from_cache", Boolean, nullable=False, server_default="false"),
    _created(),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    Index("answers_by_time", "tenant", "collection", "created_at"),
)

answer_documents = Table(
    "answer_documents",
    metadata,
    Column("tenant", Text),
    Column("answer", Text),
    Column("document", Text),
    Column("version", Integer),
    PrimaryKeyConstraint("tenant", "answer", "document", "version"),
    ForeignKeyConstraint(["tenant", "answer"], ["answers.tenant", "answers.id"], ondelete="CASCADE"),
    Index("answer_documents_document", "tenant", "document"),
)

evaluation_runs = Table(
    "evaluation_runs",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("collection", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("judge", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("configuration", JSONB, nullable=False, server_default="{}"),
    Column("metrics", JSONB, nullable=False, server_default="{}"),
    Column("intervals", JSONB, nullable=False, server_default="{}"),
    Column("questions", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("requested_by", Text, nullable=False),
    Column("night", Date),  # the nightly run of this date; NULL if someone asked for it
    Column("owner", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("error", Text),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant"], ["tenants.tenant"]),
    Index("evaluation_runs_by_time", "tenant", "collection", "started_at"),
    Index("evaluation_runs_open", "started_at", postgresql_where=text("state IN ('waiting', 'running')")),
    UniqueConstraint("tenant", "collection", "dataset", "night", name="evaluation_runs_night"),
)

evaluation_cases = Table(
    "evaluation_cases",
    metadata,
    Column("tenant", Text),
    Column("run", Text),
    Column("question", Text),  # of the golden set, or the id of an answer of yesterday
    Column("answer", Text),  # for replay; it may have been erased since
    Column("slices", JSONB, nullable=False, server_default="{}"),  # what it is: question type, language, length, …
    Column("scored_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "run", "question"),
    ForeignKeyConstraint(["tenant", "run"], ["evaluation_runs.tenant", "evaluation_runs.id"], ondelete="CASCADE"),
    Index("evaluation_cases_answer", "tenant", "answer"),
)

evaluation_scores = Table(
    "evaluation_scores",
    metadata,
    Column("tenant", Text),
    Column("run", Text),
    Column("question", Text),
    Column("metric", Text),
    Column("value", Float),  # NULL if it could not be scored: the reason is in failure
    Column("failure", Text),
    PrimaryKeyConstraint("tenant", "run", "question", "metric"),
    ForeignKeyConstraint(["tenant", "run"], ["evaluation_runs.tenant", "evaluation_runs.id"], ondelete="CASCADE"),
)

evaluation_baselines = Table(
    "evaluation_baselines",
    metadata,
    Column("tenant", Text),
    Column("collection", Text),
    Column("name", Text),
    Column("run", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant", "collection", "name"),
    ForeignKeyConstraint(["tenant", "run"], ["evaluation_runs.tenant", "evaluation_runs.id"], ondelete="CASCADE"),
)

promotions = Table(
    "promotions",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("collection", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("baseline", Text),  # the run that it was held against; NULL for the first
    Column("passed", Boolean, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("override_reason", Text),
    Column("promoted_by", Text, nullable=False),
    Column("promoted_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("before", JSONB, nullable=False),
    Column("switched", JSONB, nullable=False),
    Column("recorded", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    Index("promotions_by_time", "tenant", "collection", "promoted_at"),
)

index_generations = Table(
    "index_generations",
    metadata,
    Column("tenant", Text),
    Column("collection", Text),
    Column("number", Integer),
    Column("index_kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("changed_by", Text),  # NULL: the platform
    Column("kept_until", DateTime(timezone=True)),
    Column("comparison", JSONB),
    Column("reason", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("tenant", "collection", "number"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    # Beside the active one there is one at most.
    Index(
        "index_generations_beside",
        "tenant",
        "collection",
        unique=True,
        postgresql_where=text("state IN ('building', 'ready', 'kept', 'leaving')"),
    ),
)
ab_tests = Table(
    "ab_tests",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("collection", Text, nullable=False),
    *(Column(name, JSONB, nullable=False) for name in ("plan", "control", "trial")),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("report", JSONB, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_by", Text),  # NULL: the test itself
    Column("ended_at", DateTime(timezone=True)),
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("looked_at", DateTime(timezone=True)),
    Column("told_at", DateTime(timezone=True)),
    Column("telling_failed", Text),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    # A collection is tried in one way at a time.
    Index("ab_tests_running", "tenant", "collection", unique=True, postgresql_where=text("state = 'running'")),
    Index("ab_tests_by_time", "tenant", "collection", "started_at"),
)

# The answers of a test, without their text: the figures stay when an answer goes.
ab_answers = Table(
    "ab_answers",
    metadata,
    Column("tenant", Text),
    Column("test", Text),
    Column("answer", Text),
    Column("arm", Text, nullable=False),
    Column("arrived_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("scored_at", DateTime(timezone=True)),
    Column("scores", JSONB),
    Column("failed", Boolean, nullable=False, server_default="false"),
    PrimaryKeyConstraint("tenant", "test", "answer"),
    ForeignKeyConstraint(["tenant", "test"], ["ab_tests.tenant", "ab_tests.id"], ondelete="CASCADE"),
    Index("ab_answers_unscored", "tenant", "test", "arrived_at", postgresql_where=text("scored_at IS NULL")),
)

# A version never changes; `erased` of its questions went with documents that were deleted.
golden_sets = Table(
    "golden_sets",
    metadata,
    Column("tenant", Text),
    Column("collection", Text),
    Column("dataset", Text),
    Column("version", Integer),
    Column("sha256", Text, nullable=False),
    Column("questions", Integer, nullable=False),
    Column("erased", Integer, nullable=False, server_default="0"),
    Column("licence", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default=""),
    Column("candidate", Boolean, nullable=False, server_default="false"),  # not reviewed yet
    Column("created_by", Text, nullable=False),
    _created(),
    PrimaryKeyConstraint("tenant", "collection", "dataset", "version"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
)

_OF_GOLDEN_SET = ["tenant", "collection", "dataset", "version"]

evaluation_nights = Table(
    "evaluation_nights",
    metadata,
    Column("tenant", Text),
    Column("collection", Text),
    Column("night", Date),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("caught_up", Boolean, nullable=False, server_default="false"),  # planned after its time had passed
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("alarms", Integer, nullable=False, server_default="0"),
    Column("report", JSONB),  # remarks and figures; NULL until it is closed
    Column("closed_at", DateTime(timezone=True)),
    Column("told_at", DateTime(timezone=True)),  # when its alarms had gone out
    Column("telling_failed", Text),
    _created(),
    PrimaryKeyConstraint("tenant", "collection", "night"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    Index("evaluation_nights_open", "due_at", postgresql_where=text("closed_at IS NULL")),
    Index("evaluation_nights_untold", "closed_at", postgresql_where=text("alarms > 0 AND told_at IS NULL")),
)

golden_questions = Table(
    "golden_questions",
    metadata,
    Column("tenant", Text),
    Column("collection", Text),
    Column("dataset", Text),
    Column("version", Integer),
    Column("id", Text),
    Column("sealed", LargeBinary, nullable=False),  # encrypted: it quotes documents
    PrimaryKeyConstraint(*_OF_GOLDEN_SET, "id"),
    ForeignKeyConstraint(_OF_GOLDEN_SET, [f"golden_sets.{name}" for name in _OF_GOLDEN_SET], ondelete="CASCADE"),
)

golden_documents = Table(
    "golden_documents",
    metadata,
    Column("tenant", Text),
    Column("collection", Text),
    Column("dataset", Text),
    Column("version", Integer),
    Column("question", Text),
    Column(
        "name_digest", LargeBinary
    ),  # keyed, as in document_keys: of a document that the question quotes or is about
    PrimaryKeyConstraint(*_OF_GOLDEN_SET, "question", "name_digest"),
    ForeignKeyConstraint(
        [*_OF_GOLDEN_SET, "question"],
        [f"golden_questions.{name}" for name in (*_OF_GOLDEN_SET, "id")],
        ondelete="CASCADE",
    ),
    Index("golden_documents_name", "tenant", "collection", "name_digest"),
)

# Feedback and labels go with their answer, and this with the documents that it rests on.
feedback = Table(
    "feedback",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("answer", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("thumb", Text),  # up or down
    Column("sealed", LargeBinary, nullable=False),  # encrypted: corrected answer, missing source, comment
    Column("state", Text, nullable=False),  # open, accepted or rejected
    Column("reviewed_by", Text),
    Column("reviewed_at", DateTime(timezone=True)),
    Column("dataset", Text),  # the golden set that it became a case of
    Column("dataset_version", Integer),
    _created(),
    PrimaryKeyConstraint("tenant", "id"),
    UniqueConstraint("tenant", "answer", "principal", name="feedback_of_one"),
    ForeignKeyConstraint(["tenant", "answer"], ["answers.tenant", "answers.id"], ondelete="CASCADE"),
    Index("feedback_by_time", "tenant", "state", "created_at"),
)

claim_labels = Table(
    "claim_labels",
    metadata,
    Column("tenant", Text),
    Column("answer", Text),
    Column("claim", Integer),  # its place among the answer's sentences, from 0
    Column("principal", Text),
    Column("label", Text, nullable=False),  # supported, contradicted or not_enough
    _created(),
    PrimaryKeyConstraint("tenant", "answer", "principal", "claim"),
    ForeignKeyConstraint(["tenant", "answer"], ["answers.tenant", "answers.id"], ondelete="CASCADE"),
)

sources = Table(
    "sources",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("collection", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("settings", LargeBinary, nullable=False),  # encrypted, with the secrets
    Column("access", JSONB),  # who may read its documents; NULL: as the collection says
    Column("every_s", Integer, nullable=False, server_default="0"),  # 0: only when asked
    Column("paused", Boolean, nullable=False, server_default="false"),
    Column("cursor", LargeBinary),  # encrypted: what the connector told at the end of the last whole run
    Column("next_run_at", DateTime(timezone=True)),
    Column("created_by", Text, nullable=False),
    _created(),
    _updated(),
    PrimaryKeyConstraint("tenant", "id"),
    UniqueConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    Index("sources_due", "next_run_at", postgresql_where=text("every_s > 0 AND NOT paused")),
)

source_items = Table(
    "source_items",
    metadata,
    Column("tenant", Text),
    Column("source", Text),
    Column("key_digest", LargeBinary),  # keyed: the key is a file's name
    Column("document", Text),  # NULL if it could not be taken, or was erased here by hand
    Column("state", Text, nullable=False),  # kept, failed or left_out
    Column("etag", LargeBinary),  # encrypted
    Column("error_code", Text),
    Column("acl", BigInteger),
    Column("seen_run", Text, nullable=False),
    Column("gone", Boolean, nullable=False, server_default="false"),
    PrimaryKeyConstraint("tenant", "source", "key_digest"),
    ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.id"], ondelete="CASCADE"),
    Index("source_items_document", "tenant", "document", unique=True),
)

source_runs = Table(
    "source_runs",
    metadata,
    Column("tenant", Text),
    Column("id", Text),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("confirm_removals", Boolean, nullable=False, server_default="false"),
    Column("requested_by", Text),  # NULL: the schedule
    *(
        Column(name, Integer, nullable=False, server_default="0")
        for name in ("seen", "unchanged", "added", "changed", "removed", "failed", "left_out")
    ),
    Column("cursor", LargeBinary),  # encrypted: where a run that breaks off goes on
    Column("errors", LargeBinary),  # encrypted: the first items that failed
    Column("error_code", Text),
    Column("error", Text),
    Column("owner", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("not_before", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _created(),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.id"], ondelete="CASCADE"),
    # Two processes never work on one source.
    Index(
        "source_runs_open",
        "tenant",
        "source",
        unique=True,
        postgresql_where=text("state IN ('waiting', 'running')"),
    ),
    Index("source_runs_by_time", "tenant", "source", "created_at"),
)
