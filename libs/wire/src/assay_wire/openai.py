"""The OpenAI-compatible API as models: what is read, what is passed over, and what is refused.

Fields that could only steer a bare model are accepted and passed over where their value asks for nothing special, so
that ordinary chat frontends work. Everything else that is unknown is refused.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from assay_wire.public import Citation, Reply, Text

MODEL_PREFIX = "assay/"
MAX_INPUTS = 256


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TextPart(_Request):
    type: Literal["text"]
    text: Text


class Message(_Request):
    """System messages are accepted and passed over: the prompt is the server's own."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart] | None = None
    name: str | None = None
    refusal: str | None = None
    annotations: list[object] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(_Request):
    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(_Request):
    type: Literal["text"]


class ChatRequest(_Request):
    """A chat with one collection, which `model` names."""

    model: Annotated[Text, Field(max_length=200, examples=["assay/handbook"])]
    messages: Annotated[list[Message], Field(min_length=1, max_length=200)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int | None, Field(ge=1, le=4096)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1, le=4096)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    stop: Annotated[Text, Field(max_length=200)] | list[Annotated[Text, Field(max_length=200)]] | None = None
    n: Literal[1] | None = None

    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    seed: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    parallel_tool_calls: bool | None = None
    modalities: list[Literal["text"]] | None = None
    response_format: TextFormat | None = None
    logprobs: Literal[False] | None = None
    tools: Annotated[list[object], Field(max_length=0)] | None = None
    tool_choice: Literal["none", "auto"] | None = None

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        if isinstance(stop, list) and len(stop) > 4:
            raise ValueError("at most 4 stop texts are accepted")
        return stop

    @property
    def stops(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def collection(self) -> str:
        return self.model.removeprefix(MODEL_PREFIX)


class UrlCitation(Reply):
    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(Reply):
    """Where a source is cited in the message; `assay` holds the exact place in the source."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    assay: Citation


class EmbeddingsRequest(_Request):
    model: Annotated[Text, Field(max_length=300)]
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    input_type: Annotated[
        Literal["passage", "query"], Field(description="What the texts are; not in OpenAI's API.")
    ] = "passage"
    user: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.input,) if isinstance(self.input, str) else tuple(self.input)
