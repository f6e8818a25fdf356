"""What a parsing process writes is read back as it was, and nothing is believed that cannot be."""

import json

import pytest
from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.results import Malformed, read_result, write_document
from assay_adapters.parsers.tables import Merged
from assay_core.documents import Box, ParsedDocument

LIMITS = ParseLimits(10**6, 10, 10**6, 1.0, 2**30)


def with_table() -> ParsedDocument:
    canvas = Canvas()
    canvas.heading("Prices", 1, page=1)
    canvas.table([["a|b", ""], ["1", "2"]], merged=[Merged(0, 0, 1, 2)], page=2, box=Box(1.5, 2, 30, 40))
    text, elements = canvas.finish()
    return ParsedDocument(text, elements, "Prices", "text/x", "x/1", pages=2)


def test_tables_boxes_and_heading_paths_come_through():
    written = with_table()
    read = read_result(write_document(written), limits=LIMITS)
    heading, table = read.elements
    assert heading == written.elements[0]
    assert table.heading_path == ("Prices",)
    assert (table.box, table.table) == (Box(1.5, 2, 30, 40), written.elements[1].table)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((5,), [1, 2, 3]),
        ((5,), [1, 2, 3, "x"]),
        ((5,), [1, 2, 3, float("nan")]),
        ((6,), [2, 2]),
        ((6, 0), 1),
        ((6, 0), 10**9),
        ((6, 1), -1),
        ((6, 2), 3),
        ((6, 3), 7),
        ((6, 3, 0), "cell"),
        ((6, 3, 0, 0), -1),
        ((6, 3, 0, 2), 0),
        ((6, 3, 0, 3), 10**9),
        ((6, 3, 0, 4), 0),
        ((6, 3, 1, 5), 2),
        ((6, 3, 0, 1), 1.5),
    ],
)
def test_what_cannot_be_is_malformed(place: tuple[int, ...], value: object):
    header, text, elements = map(json.loads, write_document(with_table()).splitlines())
    target = elements[1]
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    with pytest.raises(Malformed):
        read_result("\n".join(map(json.dumps, (header, text, elements))).encode(), limits=LIMITS)
