import io
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from assay_adapters.parsers import images, ocr, ocr_models
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.parse import parse_bytes
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def models_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "open_models", _OPENED)


_OPENED = cache(ocr_models.open_models)
LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=60, memory_bytes=2**30)


def picture(*lines: str, size: tuple[int, int] = (420, 0), colour: str = "white") -> Image.Image:
    drawn = Image.new("RGB", (size[0], size[1] or 24 + 44 * len(lines)), colour)
    font = ImageFont.load_default(size=26)
    for number, line in enumerate(lines):
        ImageDraw.Draw(drawn).text((20, 14 + 44 * number), line, fill="black", font=font)
    return drawn


def saved(drawn: Image.Image, kind: str, *, more: Sequence[Image.Image] = ()) -> bytes:
    out = io.BytesIO()
    if more:
        drawn.save(out, kind, save_all=True, append_images=list(more))
    else:
        drawn.save(out, kind)
    return out.getvalue()


def scan(*pages: Image.Image, text: str = "") -> bytes:
    """A PDF of pictures; the first page also has a text layer if there is `text`."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(420, 300))
    for number, page in enumerate(pages):
        canvas.drawImage(ImageReader(page), 0, 300 - page.height, page.width, page.height)
        if text and number == 0:
            canvas.drawString(20, 20, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def parse(data: bytes, *, limits: ParseLimits = LIMITS) -> ParsedDocument:
    return parse_bytes(data, name="upload", limits=limits)


def refused(data: bytes, *, limits: ParseLimits = LIMITS) -> Invalid:
    with pytest.raises(Invalid) as raised:
        parse(data, limits=limits)
    return raised.value


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_pictures_of_each_kind_are_told_by_content_and_read(kind: str) -> None:
    parsed = parse(saved(picture("Opening hours"), kind))
    assert parsed.text == "Opening hours"
    assert parsed.media_type == f"image/{kind.lower()}"
    (element,) = parsed.elements
    assert element.page == 1
    assert element.box is not None
    assert element.box.left == pytest.approx(15, abs=4)  # 20 pixels at 96 dots an inch


def test_each_frame_of_a_tiff_is_a_page() -> None:
    parsed = parse(saved(picture("First page"), "TIFF", more=[picture("Second page")]))
    assert [(e.page, parsed.text[e.start : e.end]) for e in parsed.elements] == [(1, "First page"), (2, "Second page")]
    assert parsed.pages == 2


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_lies_on_its_side_or_head_is_turned(turn: int) -> None:
    upright = picture("Lift the lid", "with both hands", "and wait for it")
    parsed = parse(saved(upright.rotate(turn, expand=True), "PNG"))
    assert " ".join(parsed.text.split()) == "Lift the lid with both hands and wait for it"


def test_transparent_and_deep_pictures_are_read() -> None:
    drawn = picture("Clear as day")
    clear = Image.new("RGBA", drawn.size, (0, 0, 0, 0))
    clear.paste(drawn, mask=drawn.convert("L").point(lambda value: 255 - value))
    assert parse(saved(clear, "PNG")).text == "Clear as day"
    deep = drawn.convert("L").convert("I").point(lambda value: value * 256).convert("I;16")
    assert parse(saved(deep, "PNG")).text == "Clear as day"


def test_only_pages_without_text_are_recognised() -> None:
    layer = "This page has a text layer of its own, long enough to be of use."
    parsed = parse(scan(picture("Not this"), picture("But this"), text=layer))
    assert [(e.page, parsed.text[e.start : e.end]) for e in parsed.elements] == [(1, layer), (2, "But this")]
    assert parsed.warnings == ()


def test_what_the_budget_leaves_out_is_said() -> None:
    pages = scan(picture("One"), picture("Two"), picture("Three"))
    parsed = parse(pages, limits=replace(LIMITS, recognition_pages=1))
    assert parsed.text == "One"
    assert parsed.warnings == ("pages 2, 3 not read: text recognition reached 1 pages a file; split the file",)
    late = replace(LIMITS, recognition_until_s=time.monotonic() - 1)
    assert refused(pages, limits=late).code == "timeout"


def test_pictures_that_cannot_be_used_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(saved(picture(size=(200, 80)), "PNG")).code == "no_text"
    assert refused(scan(picture(size=(420, 300)))).code == "no_text"
    assert refused(saved(picture("Cut short"), "PNG")[:200]).code == "broken"
    assert refused(saved(picture("x"), "TIFF", more=[picture("x")] * 5)).code == "too_many_pages"
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    error = refused(saved(picture("Too large"), "PNG"))
    assert error.code == "too_many_pixels"
    assert "the limit is 10,000" in error.message


def test_a_bomb_is_refused_before_its_pixels_are_made() -> None:
    small = saved(Image.new("1", (8_000, 8_000)), "PNG")
    assert len(small) < 200_000
    assert refused(small).code == "too_many_pixels"
