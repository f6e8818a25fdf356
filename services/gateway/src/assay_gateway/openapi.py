"""What OpenAPI says beside what the routes declare: problems, the two ways to sign in, and the upload form."""

from typing import Any

from assay_core.file_types import READABLE
from assay_wire import problems
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

JSON = "application/json"
SSE = "text/event-stream"

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_OPEN = ("/ui/session",)
_EXAMPLES: dict[str, tuple[str, str]] = {
    "400": ("empty_question", "The question is empty; write what you want to know."),
    "401": ("not_signed_in", "Send an API key as 'Authorization: Bearer assay_…', or sign in at /ui."),
    "403": ("forbidden", "This needs the role curator; 'Ada' does not have it."),
    "404": ("collection_not_found", "There is no collection 'handbok'; create it with POST /v1/collections."),
    "408": ("too_slow", "The body did not arrive within 10 s; send it faster."),
    "409": ("collection_exists", "There is a collection 'handbook' already."),
    "413": ("too_large", "The body is larger than 1,048,576 bytes (http.max_body_bytes)."),
    "415": ("unsupported_media_type", "The body's Content-Type is 'text/plain'; send application/json."),
    "422": ("validation", "top_k: Input should be less than or equal to 200"),
    "429": ("busy", "200 requests are being served, which is all this process takes; try again in a moment."),
    "500": ("internal", "Something broke on our side. Report request 0f1e2d3c4b5a69788796a5b4c3d2e1f0."),
    "503": ("database_unavailable", "The database does not answer; try again in a few seconds."),
    "504": ("deadline", "The answer took longer than 120 s (limits.answer_s); ask again, or for less (max_tokens)."),
    "507": ("storage_full", "The disk is full; make room and send it again."),
}

_NAME_FIELD = {
    "name": {
        "type": "string",
        "description": "Name to show, with folders; default: the file's own. Before the file.",
    }
}
_FILE_FIELDS = {
    "metadata": {
        "type": "string",
        "contentMediaType": "application/json",
        "description": "JSON object with text values. Before the file.",
    },
    "priority": {
        "type": "string",
        "enum": ["interactive", "bulk"],
        "description": "Interactive uploads overtake bulk loads. Before the file.",
    },
    "batch": {
        "type": "string",
        "description": "An id of your own, for the progress of uploads that belong together: GET /v1/batches/{id}."
        " Before the file.",
    },
    "file": {
        "type": "string",
        "format": "binary",
        "description": f"The file: {READABLE}.",
    },
}


def _form(properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


UPLOAD_FORM = _form(_NAME_FIELD | _FILE_FIELDS)
# A document keeps its name.
VERSION_FORM = _form(_FILE_FIELDS)

PASSAGES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One JSON object a line: `id` names the document, `text` is embedded with `title` as it is.",
        "content": {
            "application/x-ndjson": {
                "schema": {
                    "type": "object",
                    "required": ["id", "text"],
                    "properties": {
                        "id": {"type": "string"},
                        "title": {"type": "string"},
                        "text": {"type": "string"},
                        "metadata": {"type": "object"},
                    },
                },
            }
        },
    }
}


def operation_id(route: APIRoute) -> str:
    """Operations are named as their functions."""
    return route.name


def events(*names: str) -> dict[str, Any]:
    """An OpenAPI answer that streams these events."""
    return {"description": f"Server-sent events: {', '.join(names)}.", "content": {SSE: {"schema": {"type": "string"}}}}


def describe(app: FastAPI) -> None:
    """Complete the application's OpenAPI document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description="Answers questions from your documents, and tests every answer against its sources.",
                routes=app.routes,
            )
            _complete(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document


def _complete(schema: dict[str, Any]) -> None:
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: assay_…"},
        "session": {"type": "apiKey", "in": "cookie", "name": "assay_session"},
    }
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["responses"] |= {status: _problem(status) for status in _EXAMPLES}
            operation["security"] = [] if path in _OPEN else [{"apiKey": []}, {"session": []}]


def _problem(status: str) -> dict[str, Any]:
    code, detail = _EXAMPLES[status]
    example = problems.problem(int(status), code, detail).model_dump(exclude_none=True)
    return {
        "description": example["title"],
        "content": {problems.MEDIA_TYPE: {"schema": _PROBLEM, "example": example}},
    }
