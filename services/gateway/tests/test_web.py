from pathlib import Path

import httpx
import pytest
from assay_core.errors import AssayError
from assay_gateway.web.serving import STATIC, Pages
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount


async def not_found(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=404)


@pytest.fixture
def ui(tmp_path: Path) -> httpx.AsyncClient:
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<title>Assay</title>")
    (static / "app.js").write_text("1")
    (static / "icon.svg").write_text("<svg/>")
    (static / "strange.bin").write_text("?")
    (tmp_path / "secret.txt").write_text("secret")
    app = Starlette(routes=[Mount("/ui", Pages(directory=static))], exception_handlers={AssayError: not_found})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


@pytest.mark.parametrize("path", ["/ui/", "/ui/documents", "/ui/documents/" + "0" * 32, "/ui/evaluations", "/ui/a/b/c"])
async def test_pages_give_the_one_document(ui: httpx.AsyncClient, path: str) -> None:
    answer = await ui.get(path)
    assert (answer.status_code, answer.text) == (200, "<title>Assay</title>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/icon.svg", "image/svg+xml"),
        ("/ui/strange.bin", "application/octet-stream"),
    ],
)
async def test_files_have_the_right_type(ui: httpx.AsyncClient, path: str, media_type: str) -> None:
    answer = await ui.get(path)
    assert answer.headers["content-type"] == media_type
    again = await ui.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/ui/none.js", "/ui/../secret.txt", "/ui/%2e%2e/secret.txt", "/ui/..%2fsecret.txt"])
async def test_other_files_are_not_found(ui: httpx.AsyncClient, path: str) -> None:
    answer = await ui.get(path)
    assert answer.status_code == 404
    assert answer.text != "secret"


async def test_many_ranges_are_no_burden(ui: httpx.AsyncClient) -> None:
    answer = await ui.get("/ui/app.js", headers={"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(10_000))})
    assert answer.status_code in (200, 206, 416)


def test_our_own_pages_load_nothing_from_elsewhere() -> None:
    for file in STATIC.rglob("*.html"):
        text = file.read_text()
        assert "https://" not in text.replace("https://www.w3.org", "")
        assert "style=" not in text
        assert "<script>" not in text
