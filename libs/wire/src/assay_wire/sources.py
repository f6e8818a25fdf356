"""Sources in the public API: what clients send and get. Secrets are sent and never given back."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from assay_wire.public import Reply, Request, Text

Short = Annotated[Text, Field(max_length=1_000)]
Host = Annotated[Text, Field(min_length=1, max_length=300)]
Url = Annotated[Text, Field(min_length=1, max_length=4_000, examples=["https://example.org/sitemap.xml"])]
Every = Annotated[int, Field(ge=0, le=366 * 86_400, description="Seconds between two runs; 0: only when asked.")]
Secrets = Annotated[
    dict[Annotated[str, Field(max_length=50)], Annotated[Text, Field(max_length=5_000)]],
    Field(max_length=10, description="password for webdav and imap, secret_key for s3. Never given back."),
]


class FolderSource(Request):
    """A folder of the machine that Assay runs on, below one that its administrator allows."""

    kind: Literal["folder"]
    path: Annotated[Text, Field(min_length=1, max_length=4_000, examples=["/srv/wiki"])]


class S3Source(Request):
    """A bucket behind the S3 API, or what begins with `prefix` in it. Secret: secret_key."""

    kind: Literal["s3"]
    endpoint: Url
    bucket: Annotated[Text, Field(min_length=3, max_length=63)]
    prefix: Short = ""
    region: Annotated[Text, Field(max_length=100)] = "us-east-1"
    access_key: Annotated[Text, Field(max_length=300)] = ""


class WebSource(Request):
    """Pages that sitemaps, RSS and Atom feeds name; other hosts than theirs only if they are listed."""

    kind: Literal["web"]
    urls: Annotated[list[Url], Field(min_length=1, max_length=100)]
    hosts: Annotated[list[Host], Field(max_length=100, default_factory=list)]
    max_pages: Annotated[int, Field(ge=1, le=100_000)] = 1_000


class WebDavSource(Request):
    """A WebDAV folder and all below it. Secret: password."""

    kind: Literal["webdav"]
    url: Url
    username: Annotated[Text, Field(max_length=300)] = ""


class ImapSource(Request):
    """A mailbox; each message becomes a document. Secret: password."""

    kind: Literal["imap"]
    host: Host
    port: Annotated[int, Field(ge=0, le=65_535, description="0: the usual one.")] = 0
    username: Annotated[Text, Field(min_length=1, max_length=300)]
    mailbox: Annotated[Text, Field(min_length=1, max_length=500)] = "INBOX"
    security: Literal["tls", "starttls", "none"] = "tls"


class PluginSource(Request):
    """A connector that another package brings (entry point group `assay.connectors`)."""

    kind: Literal["plugin"]
    connector: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
    settings: Annotated[dict[Annotated[str, Field(max_length=100)], Short], Field(max_length=50, default_factory=dict)]


Place = Annotated[
    FolderSource | S3Source | WebSource | WebDavSource | ImapSource | PluginSource, Field(discriminator="kind")
]


class SourceAccess(Request):
    """Who may read a source's documents, by ids of users and groups; `everyone` is all of them, deny wins."""

    allow: Annotated[list[Annotated[Text, Field(min_length=1, max_length=200)]], Field(max_length=100)]
    deny: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=200)]], Field(max_length=100, default_factory=list)
    ]


class CreateSource(Request):
    name: Annotated[
        Text, Field(pattern=r"^[\w][\w .-]{0,79}$", examples=["wiki"], description="Begins the names of its documents.")
    ]
    collection: Annotated[Text, Field(max_length=200)]
    place: Place
    secrets: Annotated[Secrets, Field(default_factory=dict)]
    access: SourceAccess | None = None
    every_s: Every = 0


class ChangeSource(Request):
    """What is not sent stays as it is. A place must be of the same kind; secrets are replaced one by one."""

    place: Place | None = None
    secrets: Secrets | None = None
    access: SourceAccess | None = None
    every_s: Every | None = None
    paused: bool | None = None


class StartSourceRun(Request):
    confirm_removals: Annotated[
        bool, Field(description="Remove documents even if more than half have vanished at the source.")
    ] = False


class SourceError(Reply):
    """An item that could not be taken."""

    item: str
    code: str
    message: str


class SourceRun(Reply):
    """`stopped` means that more than half would have been removed; nothing was. `cursor` is the last checkpoint."""

    id: str
    state: str
    requested_by: Annotated[str | None, Field(description="Null for a run of the schedule.")]
    seen: int
    unchanged: int
    added: int
    changed: int
    removed: int
    failed: int
    left_out: Annotated[int, Field(description="Items whose documents were deleted here by hand.")]
    errors: Annotated[list[SourceError], Field(description="The first ones.")]
    cursor: str
    error_code: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class SourceReply(Reply):
    id: str
    name: str
    collection: str
    kind: str
    settings: dict[str, object]
    secrets: Annotated[list[str], Field(description="Names of the secrets that are set.")]
    access: dict[str, list[str]] | None
    every_s: int
    paused: bool
    documents: int
    next_run_at: datetime | None
    created_at: datetime
    last_run: SourceRun | None


class SourceList(Reply):
    sources: list[SourceReply]


class SourceRunList(Reply):
    runs: list[SourceRun]


class SourceDeletion(Reply):
    source: str
    documents: Annotated[int, Field(description="Documents whose removal has begun.")]
