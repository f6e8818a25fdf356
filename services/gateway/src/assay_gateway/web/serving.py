"""Serves the web UI. Pages are routed in the browser, so every page path gives the same document."""

from pathlib import Path, PurePosixPath

from assay_core.errors import NotFound
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
# Said here, since the system's own table differs from machine to machine and nosniff makes a wrong type fatal.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class Pages(StaticFiles):
    """Static files by path; a path without a file suffix is a page of the UI."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        suffix = PurePosixPath(path).suffix
        try:
            response = await super().get_response(path if suffix else "index.html", scope)
        except HTTPException as error:
            if error.status_code == 404:
                raise NotFound(f"There is no file {path[:100]!r} in the web UI.") from error
            raise
        if isinstance(response, FileResponse):
            response.headers["content-type"] = _TYPES.get(suffix or ".html", "application/octet-stream")
        # Files keep their names from one release to the next: ask each time, and get 304 if nothing changed.
        response.headers["cache-control"] = "no-cache"
        return response


def build_routes() -> APIRouter:
    """The way from the root to the UI."""
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/ui/", status_code=307)

    @router.get("/ui", include_in_schema=False)
    async def ui() -> Response:
        return RedirectResponse("/ui/", status_code=307)

    return router
