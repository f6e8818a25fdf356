"""Settings sections. A deployable's own `settings.py` composes the ones it needs.

Values come from the environment: `ASSAY_<SECTION>__<KEY>`. Unknown keys within a section are refused. Secrets are
files, so that they stand in no process list and no environment dump.
"""

import base64
import os
from pathlib import Path
from typing import Literal

from assay_core.errors import Invalid
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseModel):
    """A group of settings; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProcessSettings(BaseSettings):
    """Base of every deployable's settings.

    `crash_point` makes the process kill itself at a step named in `assay_core.crash_points`; it needs `crash_tests`.
    """

    model_config = SettingsConfigDict(env_prefix="ASSAY_", env_nested_delimiter="__", frozen=True, extra="ignore")

    crash_point: str = ""
    crash_tests: bool = False


class HttpSettings(Section):
    """Where the process listens. `max_body_bytes` bounds JSON bodies; uploads have their own limit."""

    host: str = "127.0.0.1"
    port: int = 8700
    max_body_bytes: int = 1 << 20
    shutdown_s: int = 10


class LogSettings(Section):
    """`level` is a name of the logging module; `format` is json or text."""

    level: str = "INFO"
    format: str = "json"


class DatabaseSettings(Section):
    """PostgreSQL. `url` is `postgresql+psycopg://user:password@host:port/name`."""

    url: SecretStr
    pool_size: int = 5


class BrokerSettings(Section):
    """Redis-compatible server for the queue; never evicts."""

    url: SecretStr


class CacheSettings(Section):
    """Redis-compatible server with the query engine, bounded.

    `threshold_cosine` is how near two questions must be for a second look at whether they mean the same; it was chosen
    for the packaged embedder (decision 33), and `assay eval cache` chooses it for pairs of your own. A tenant keeps
    `tenant_entries` results, the newest. A search that took less than `admit_ms` is kept when it is asked the second
    time only; 0 keeps each.
    """

    url: SecretStr
    enabled: bool = True
    ttl_s: int = 24 * 3600
    threshold_cosine: float = 0.875
    tenant_entries: int = Field(default=20_000, ge=1)
    admit_ms: float = Field(default=0.0, ge=0)


class MilvusSettings(Section):
    """Milvus. The token file holds `user:password`; none means a server without authorization."""

    uri: str = "http://127.0.0.1:19530"
    token_file: Path | None = None

    def token(self) -> str:
        """What the token file holds; empty if none is named."""
        return read_secret(self.token_file, name="ASSAY_MILVUS__TOKEN_FILE") if self.token_file else ""


class LexicalSettings(Section):
    """The BM25 index: a folder that the indexer writes and retrieval reads, or Milvus, from 2.5 on.

    Milvus has no vocabulary to correct words by. After a change of `engine`, run `assay rebuild`.
    """

    engine: Literal["tantivy", "milvus"] = "tantivy"
    path: Path


class BlobSettings(Section):
    """Where blobs and vector files lie."""

    path: Path


class ModelSettings(Section):
    """Folder for run-time forms of models, built on first use."""

    path: Path


class EmbedderSettings(Section):
    """`backend` is openvino or torch, which run `model` (`packaged:NAME`, a local path, or a hub name) in the process,
    or openai or tei, which ask the server at `url` for the model of that name.

    A server's model must be described: `dimension` of its vectors, `max_tokens` with special tokens, `tokenizer` (its
    tokenizer.json or the folder of it), and the prompts that it wants before questions and passages.
    """

    model: str = "packaged:all-MiniLM-L6-v2"
    backend: str = "openvino"
    threads: int = Field(default=0, description="0: all cores")
    url: str = ""
    api_key_file: Path | None = None
    dimension: int = Field(default=0, ge=0)
    max_tokens: int = Field(default=0, ge=0)
    tokenizer: Path | None = None
    query_prompt: str = ""
    passage_prompt: str = ""

    def api_key(self) -> str | None:
        """The key of the server; None if it needs none."""
        return read_secret(self.api_key_file, name="ASSAY_EMBEDDER__API_KEY_FILE") if self.api_key_file else None


class RerankerSettings(Section):
    """`late-interaction` reranks with the embedder alone; a cross-encoder is named by path or hub; empty: none.

    `backend` openvino runs a BERT cross-encoder in int8, local any by sentence-transformers, on a GPU if there is one.
    With `backend` cohere (also vLLM, Jina, Infinity; `url` up to `/v1` or `/v2`) or tei (`url` is the root) the server
    there is asked for the model of that name.
    """

    model: str = "late-interaction"
    backend: Literal["local", "openvino", "cohere", "tei"] = "local"
    url: str = ""
    api_key_file: Path | None = None
    timeout_s: float = Field(default=5.0, gt=0)

    def api_key(self) -> str | None:
        """The key of the server; None if it needs none."""
        return read_secret(self.api_key_file, name="ASSAY_RERANKER__API_KEY_FILE") if self.api_key_file else None


class ChatSettings(Section):
    """An OpenAI-compatible server. `max_in_flight` bounds concurrent requests of one generation process."""

    base_url: str = "http://127.0.0.1:8714/v1"
    model: str = "smollm2-135m-instruct"
    api_key_file: Path | None = None
    max_in_flight: int = 8
    context_tokens: int = 2048


class SecretSettings(Section):
    """Files with secrets; each process is given only those it needs."""

    master_key_file: Path | None = None
    token_private_key_file: Path | None = None
    token_public_key_file: Path | None = None
    first_api_key_file: Path | None = None


class SourceSettings(Section):
    """Sources that collections are kept in step with.

    Folders are read only below `folder_roots` (paths, separated as in PATH; none by default). `allow_hosts` names what
    may be fetched from although it is not on the public internet: networks, addresses, names or name:port, separated
    by commas. `max_bytes` bounds one item, `item_s` the time that fetching it may take; `lanes` runs work at once.
    """

    folder_roots: str = ""
    allow_hosts: str = ""
    max_bytes: int = 100 << 20
    item_s: float = 300.0
    lanes: int = 2

    @property
    def roots(self) -> tuple[Path, ...]:
        return tuple(Path(root) for root in self.folder_roots.split(os.pathsep) if root)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(host.strip() for host in self.allow_hosts.split(",") if host.strip())


class PeerSettings(Section):
    """Where the other services listen."""

    retrieval_url: str = "http://127.0.0.1:8701"
    generation_url: str = "http://127.0.0.1:8702"
    evaluation_url: str = "http://127.0.0.1:8703"


def read_secret(path: Path | None, *, name: str) -> str:
    """The content of a secret file without surrounding white space. Raises `Invalid` if there is none."""
    if path is None:
        raise Invalid(f"The setting {name} is missing; it must name a file.", code="missing_secret")
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Invalid(f"{name}: cannot read {str(path)!r}: {error.strerror}.", code="missing_secret") from error


def read_master_key(secrets: SecretSettings) -> bytes:
    """The master key: 32 bytes, base64 in its file."""
    return base64.b64decode(read_secret(secrets.master_key_file, name="ASSAY_SECRETS__MASTER_KEY_FILE"))
