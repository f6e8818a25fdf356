"""Pictures as documents: each frame of a TIFF is a page, of anything else the first frame alone is read."""

import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.pdf_blocks import Block, page_blocks
from assay_adapters.parsers.pdf_rules import Rules
from assay_adapters.parsers.pdf_writing import write_blocks
from assay_adapters.parsers.recognition import Recognition

if TYPE_CHECKING:
    from PIL.Image import Image

PARSER = "image/1"
MAX_PIXELS = 50_000_000
"""Pixels of one frame, as wide times as high: an A3 page at 600 dots an inch has 70 million, at 400 it has 31."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
# Text recognition sees no more in more pixels.
_READ_PIXELS = 5_000_000
_USUAL_DPI = 96.0


def parse_image(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The text that is recognised in a picture.

    Raises:
        Invalid: too_many_pixels, too_many_pages, broken, no_text or timeout.
    """
    picture = _opened(data, name)
    media_type = f"image/{(picture.format or '').lower()}"
    pages = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    limits.check_pages(name, pages)
    recognition = Recognition(limits)
    blocks = list(_blocks(picture, pages, name, recognition))
    canvas = Canvas()
    write_blocks(canvas, blocks)
    text, elements = canvas.finish()
    if not elements:
        raise recognition.nothing_found(name)
    headings = (" ".join(text[e.start : e.end].split()) for e in elements if e.level == 1)
    return ParsedDocument(text, elements, next(headings, ""), media_type, PARSER, pages, recognition.warnings())


def _blocks(picture: "Image", pages: int, name: str, recognition: Recognition) -> Iterator[Block]:
    for number in range(1, pages + 1):
        if not recognition.may_go_on(number):
            continue
        frame = _frame(picture, number - 1, name)
        per_point = _dots_per_point(picture) * frame.width / max(picture.width, 1)
        words, height = recognition.words(frame, number, pixels_per_point=per_point)
        yield from page_blocks(number, words, [], Rules(), height / per_point)


def _opened(data: bytes, name: str) -> "Image":
    from PIL import Image, UnidentifiedImageError

    # Pillow's own limit only warns at first; ours is checked for each frame before its pixels are made.
    Image.MAX_IMAGE_PIXELS = None
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as e:
        raise Invalid(f"{name!r} is a damaged picture. Save it again", code="broken") from e
    _check_pixels(picture, name)
    return picture


def _frame(picture: "Image", index: int, name: str) -> "Image":
    """A frame as it is meant to be seen, in grey or colours on white, and no larger than can be of use."""
    from PIL import ImageOps

    try:
        picture.seek(index)
        _check_pixels(picture, name)
        if picture.format == "JPEG":
            picture.draft("RGB", _useful_size(picture.size))
        picture.load()
        frame = _smaller(picture)
        return _on_white(ImageOps.exif_transpose(frame))
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError) as e:
        raise Invalid(f"{name!r} is a damaged picture (frame {index + 1}). Save it again", code="broken") from e


def _useful_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    share = min(1.0, math.sqrt(_READ_PIXELS / max(width * height, 1)))
    return max(1, round(width * share)), max(1, round(height * share))


def _smaller(picture: "Image") -> "Image":
    if picture.mode.startswith(("I", "F")):
        # 16 bits and more: spread what is there over 8, where a plain conversion would cut it off.
        low, high = cast("tuple[float, float]", picture.getextrema())
        scale = 255.0 / max(high - low, 1.0)
        picture = picture.point(lambda value: value * scale - low * scale).convert("L")
    size = _useful_size(picture.size)
    if size == picture.size:
        return picture
    exif = picture.getexif()
    smaller = (picture if picture.mode not in ("1", "P") else picture.convert("RGBA")).resize(size)
    smaller.info.update(picture.info)
    smaller.getexif().update(exif)
    return smaller


def _on_white(picture: "Image") -> "Image":
    from PIL import Image

    if picture.mode in ("L", "RGB", "1", "CMYK", "YCbCr"):
        return picture.convert("RGB")
    with_alpha = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def _dots_per_point(picture: "Image") -> float:
    """From the resolution that the file says, where it can be believed."""
    try:
        dpi = float(picture.info.get("dpi", (0, 0))[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        dpi = 0.0
    return (dpi if 50 <= dpi <= 1200 else _USUAL_DPI) / 72


def _check_pixels(picture: "Image", name: str) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Invalid(
            f"{name!r} is {width:,} by {height:,} pixels; the limit is {MAX_PIXELS:,} in all: scale it down",
            code="too_many_pixels",
        )
