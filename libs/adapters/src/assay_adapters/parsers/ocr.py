"""Text recognition: finds lines of text in a picture and reads them, with the PP-OCR models out of a wheel."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay_adapters.parsers.ocr_models import Session, open_models
from assay_adapters.parsers.ocr_regions import Region, regions_of

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

# Beyond this the models find nothing more, and their memory grows with the area.
_MAX_SIDE = 1408
_MIN_SIDE = 32
_LINE_HEIGHT = 48
_LEAST_LINE_WIDTH = 320
_MAX_LINE_WIDTH = 3200
_FLIP_WIDTH = 192
_SURE_OF_FLIP = 0.9
_LEAST_SCORE = 0.5


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of text in a picture: its box in pixels from the upper left, and how sure the model is (0 to 1)."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    score: float


@dataclass(frozen=True, slots=True)
class Recognised:
    """The lines of a picture that was first turned clockwise by `turned` degrees (0, 90, 180 or 270)."""

    lines: tuple[ReadLine, ...]
    width: int
    height: int
    turned: int
    complete: bool


class Recogniser:
    """Reads pictures with one thread. The models are opened with the first picture (about a third of a second)."""

    def __init__(self) -> None:
        self._models: dict[str, Session] | None = None

    def read(self, picture: "Image", *, until_s: float = float("inf")) -> Recognised:
        """The lines of a picture, in no order; what is not read by `until_s` on the monotonic clock is left out."""
        models = self._models = self._models or open_models()
        picture = picture.convert("RGB")
        turned, regions = 0, _regions(models["find"], picture)
        if _mostly_upright_boxes(regions):
            picture, turned = picture.rotate(90, expand=True), 270
            regions = _regions(models["find"], picture)
        crops = [_crop(picture, region) for region in regions]
        flips = _flipped(models["flip"], crops)
        if sum(flips) * 2 > len(flips):
            picture, turned = picture.rotate(180), (turned + 180) % 360
            regions = [region.turned_about(*picture.size) for region in regions]
            crops = [_crop(picture, region) for region in regions]
        lines, complete = _read_lines(models["read"], regions, crops, until_s)
        return Recognised(tuple(lines), *picture.size, turned, complete)


def _regions(model: Session, picture: "Image") -> list[Region]:
    import numpy as np
    from PIL import Image

    scale = min(1.0, _MAX_SIDE / max(picture.size))
    width, height = (max(_MIN_SIDE, round(side * scale / 32) * 32) for side in picture.size)
    small = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), dtype=np.uint8)
    chances = model(_normalised(small)[None])[0, 0]
    found = regions_of(chances)
    return [region.scaled(picture.width / width, picture.height / height) for region in found]


def _mostly_upright_boxes(regions: Sequence[Region]) -> bool:
    """Lines that run from top to bottom: the page lies on its side."""
    tall = sum(region.height for region in regions if region.height > 2 * region.width)
    wide = sum(region.width for region in regions if region.width > 2 * region.height)
    return tall > wide


def _crop(picture: "Image", region: Region) -> "Image":
    """The region as an upright picture as high as the model wants its lines."""
    from PIL import Image

    ratio = region.width / max(region.height, 1.0)
    width = min(max(8, round(_LINE_HEIGHT * ratio)), _MAX_LINE_WIDTH)
    (ux, uy), (vx, vy) = region.right_per(width), region.down_per(_LINE_HEIGHT)
    x, y = region.corner
    return picture.transform(
        (width, _LINE_HEIGHT), Image.Transform.AFFINE, (ux, vx, x, uy, vy, y), Image.Resampling.BICUBIC
    )


def _flipped(model: Session, crops: Sequence["Image"]) -> list[bool]:
    """Which crops stand on their heads. A few of the widest tell for all."""
    import numpy as np

    widest = sorted(crops, key=lambda crop: -crop.width)[:9]
    flips: list[bool] = []
    for crop in widest:
        small = crop.resize((min(_FLIP_WIDTH, crop.width), _LINE_HEIGHT))
        chances = model(_padded(np.asarray(small, dtype=np.uint8), _FLIP_WIDTH)[None])[0]
        flips.append(bool(chances[1] > _SURE_OF_FLIP))
    return flips


def _read_lines(
    model: Session, regions: Sequence[Region], crops: Sequence["Image"], until_s: float
) -> tuple[list[ReadLine], bool]:
    import numpy as np

    lines: list[ReadLine] = []
    for region, crop in zip(regions, crops, strict=True):
        if time.monotonic() > until_s:
            return lines, False
        pixels = _padded(np.asarray(crop, dtype=np.uint8), max(_LEAST_LINE_WIDTH, crop.width))
        text, score = _decoded(model(pixels[None])[0], model.characters)
        if text.strip() and score >= _LEAST_SCORE:
            lines.append(ReadLine(text.strip(), *region.box, score))
    return lines, True


def _decoded(chances: "np.ndarray", characters: tuple[str, ...]) -> tuple[str, float]:
    """Connectionist temporal classification: repeats count once, class 0 is a blank. Returns the mean certainty."""
    import numpy as np

    best = chances.argmax(axis=1)
    kept = (best != 0) & np.concatenate(([True], best[1:] != best[:-1]))
    if not kept.any():
        return "", 0.0
    text = "".join(characters[number - 1] for number in best[kept])
    return text, float(chances.max(axis=1)[kept].mean())


def _padded(pixels: "np.ndarray", width: int) -> "np.ndarray":
    import numpy as np

    normal = _normalised(pixels)
    return np.pad(normal, ((0, 0), (0, 0), (0, width - normal.shape[2])))


def _normalised(pixels: "np.ndarray") -> "np.ndarray":
    """RGB pixels (height, width, 3) as the models want them: float32 (3, height, width), BGR, from -1 to 1."""
    import numpy as np

    values = pixels[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    values /= 127.5
    values -= 1.0
    return np.ascontiguousarray(values)
