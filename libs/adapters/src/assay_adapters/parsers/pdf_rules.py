"""The ruled lines of a page: strokes, thin bars and the edges of boxes."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from assay_adapters.parsers.pdf_words import Frame

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_THIN = 2.5
_SHORTEST = 4.0
_TOGETHER = 2.0
# A page with more than this is a drawing or a map.
_MAX_OBJECTS = 20_000
_MAX_SEGMENTS = 20_000
_MAX_DEPTH = 4

Stroke = tuple[float, float, float, float, bool]
"""Corner to corner, and whether it is but the edge of a shade."""
Matrix = tuple[float, float, float, float, float, float]
_SAME: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True)
class Rule:
    """A line: at `at` across its direction, from `start` to `end` along it, in points."""

    at: float
    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(slots=True)
class Rules:
    """Level and upright lines; those that overlap on one line are joined. Sorted by `at`.

    The edges of shaded areas stand apart: alone they rule no table.
    """

    level: list[Rule] = field(default_factory=list[Rule])
    upright: list[Rule] = field(default_factory=list[Rule])
    level_edges: list[Rule] = field(default_factory=list[Rule])
    upright_edges: list[Rule] = field(default_factory=list[Rule])


def read_rules(page: "PdfPage", frame: Frame) -> Rules:
    """The rules of a page; none where there are so many that it must be a drawing."""
    found = Rules()
    for number, (x0, y0, x1, y1, shade) in enumerate(_lines(page)):
        if number > _MAX_SEGMENTS:
            return Rules()
        box = frame.box(x0, y0, x1, y1)
        width, height = box.right - box.left, box.bottom - box.top
        if height <= _THIN and width >= _SHORTEST and width > height:
            (found.level_edges if shade else found.level).append(Rule((box.top + box.bottom) / 2, box.left, box.right))
        elif width <= _THIN and height >= _SHORTEST:
            (found.upright_edges if shade else found.upright).append(
                Rule((box.left + box.right) / 2, box.top, box.bottom)
            )
    return Rules(*map(_joined, (found.level, found.upright, found.level_edges, found.upright_edges)))


def _joined(rules: list[Rule]) -> list[Rule]:
    """Lines at nearly the same place, joined where they touch."""
    joined: list[Rule] = []
    group: list[Rule] = []
    for rule in [*sorted(rules, key=lambda rule: rule.at), None]:
        if group and (rule is None or rule.at - group[-1].at > _TOGETHER):
            joined += _touching(group)
            group = []
        if rule is not None:
            group.append(rule)
    return joined


def _touching(group: list[Rule]) -> list[Rule]:
    at = sum(rule.at for rule in group) / len(group)
    joined: list[Rule] = []
    for rule in sorted(group, key=lambda rule: rule.start):
        if joined and rule.start <= joined[-1].end + _TOGETHER:
            joined[-1].end = max(joined[-1].end, rule.end)
        else:
            joined.append(Rule(at, rule.start, rule.end))
    return joined


def _lines(page: "PdfPage") -> Iterator[Stroke]:
    """Corner to corner, each straight line of a path, and each thin box as one line."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPage_CountObjects(page)
    if count > _MAX_OBJECTS:
        return
    for index in range(count):
        yield from _object_lines(pdfium.FPDFPage_GetObject(page, index), _SAME, 0)


def _object_lines(item: "ctypes._Pointer", outer: Matrix, depth: int) -> Iterator[Stroke]:  # type: ignore[type-arg]
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFPageObj_GetType(item)
    if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
        matrix = _product(_matrix(item), outer)
        for index in range(min(pdfium.FPDFFormObj_CountObjects(item), _MAX_OBJECTS)):
            yield from _object_lines(pdfium.FPDFFormObj_GetObject(item, index), matrix, depth + 1)
    elif kind == pdfium.FPDF_PAGEOBJ_PATH:
        yield from _path_lines(item, _product(_matrix(item), outer))


def _path_lines(path: "ctypes._Pointer", matrix: Matrix) -> Iterator[Stroke]:  # type: ignore[type-arg]
    import pypdfium2.raw as pdfium

    a, b, c, d, e, f = matrix
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    shaded = not stroke.value
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[float, float]] = []
    for index in range(min(pdfium.FPDFPath_CountSegments(path), _MAX_SEGMENTS)):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = (a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        if kind != pdfium.FPDF_SEGMENT_LINETO:
            yield from _outline(points, shaded=shaded)
            points = []
        points.append(point)
        if pdfium.FPDFPathSegment_GetClose(segment):
            points.append(points[0])
    yield from _outline(points, shaded=shaded)


def _outline(points: list[tuple[float, float]], *, shaded: bool) -> Iterator[Stroke]:
    """A thin box as one line, anything else as its lines."""
    if len(points) >= 4:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        if min(max(xs) - min(xs), max(ys) - min(ys)) <= _THIN:
            yield min(xs), min(ys), max(xs), max(ys), False
            return
    for (x0, y0), (x1, y1) in pairwise(points):
        yield x0, y0, x1, y1, shaded


def _matrix(item: "ctypes._Pointer") -> Matrix:  # type: ignore[type-arg]
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return _SAME
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    """First `inner`, then `outer`."""
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)
