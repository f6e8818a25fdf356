import json

import pytest
from assay_adapters.parsers.json_records import parse_json, parse_jsonl
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.notebook import parse_notebook
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def of_json(value: object) -> ParsedDocument:
    text = value if isinstance(value, str) else json.dumps(value)
    return parse_json(text, name="a.json", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(e.kind.value, parsed.text[e.start : e.end]) for e in parsed.elements]


def test_an_object_becomes_lines_and_sections() -> None:
    parsed = of_json(
        '{"title": "Pump", "price": 1.10, "ok": true, "none": null, "tags": ["a", "b"],'
        ' "size": {"x": 3, "far": {"y": 4}}, "parts": [{"n": 1, "p": "nut"}, {"n": 2, "p": "bolt"}]}'
    )
    assert pieces(parsed) == [
        ("paragraph", "title: Pump\nprice: 1.10\nok: true\ntags: a, b"),
        ("heading", "size"),
        ("paragraph", "x: 3\nfar.y: 4"),
        ("heading", "parts"),
        ("table", "| n | p |\n| --- | --- |\n| 1 | nut |\n| 2 | bolt |"),
    ]
    assert (parsed.title, parsed.media_type) == ("Pump", "application/json")


def test_records_that_are_not_flat_become_sections() -> None:
    parsed = of_json([{"name": "Ann", "at": {"city": "Bonn"}}, {"at": {"city": "Rom"}}, "loose"])
    assert pieces(parsed) == [
        ("heading", "Ann"),
        ("paragraph", "name: Ann\nat.city: Bonn"),
        ("heading", "Record 2"),
        ("paragraph", "at.city: Rom"),
        ("heading", "Record 3"),
        ("paragraph", "loose"),
    ]


def test_objects_with_different_keys_are_no_table() -> None:
    parsed = of_json([{f"k{n}": n} for n in range(100)])
    assert {kind for kind, _ in pieces(parsed)} == {"heading", "paragraph"}


def test_json_lines_are_one_block_a_record() -> None:
    parsed = parse_jsonl('{"a": 1}\n\n{"a": 2, "b": "x"}\nbad\n', name="a.jsonl", limits=LIMITS)
    assert pieces(parsed) == [("paragraph", "a: 1"), ("paragraph", "a: 2\nb: x")]
    assert parsed.warnings == ("1 lines are no JSON and were left out; the first is line 4: Expecting value",)


def test_several_values_in_one_file_are_read_as_lines() -> None:
    assert pieces(of_json('{"a": 1}\n{"a": 2}')) == [("paragraph", "a: 1"), ("paragraph", "a: 2")]


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": }', "plain text", "[" * 10_000, '{"a":' * 10_000, "[" * 900 + "]" * 900]
)
def test_what_is_no_json_is_broken(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        of_json(text)
    assert raised.value.code == "broken"


def test_long_paths_are_too_large_before_they_fill_the_memory() -> None:
    value: object = {str(n): 1 for n in range(5000)}
    for _ in range(100):
        value = {"k" * 190: value}
    with pytest.raises(Invalid) as raised:
        of_json(value)
    assert raised.value.code == "too_large"


def notebook(*cells: object, **more: object) -> ParsedDocument:
    text = json.dumps({"nbformat": 4, "cells": cells, **more})
    return parse_notebook(text, name="a.ipynb", limits=LIMITS)


def test_a_notebook_has_markdown_code_and_outputs() -> None:
    parsed = notebook(
        {
            "cell_type": "markdown",
            "source": ["# Head\n", "\n", "Text ![i](data:image/png;base64,AAAAAAAAAAAAAAAAAAAA)"],
        },
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [
                {"output_type": "stream", "text": ["\x1b[31m1\x1b[0m\n"]},
                {"output_type": "display_data", "data": {"text/plain": "x\n" * 500, "image/png": "AAAA"}},
                {"output_type": "error", "ename": "E", "evalue": "bad", "traceback": ["long"]},
            ],
        },
        {"cell_type": "raw", "source": "raw"},
    )
    kinds_and_texts = pieces(parsed)
    assert kinds_and_texts[:4] == [
        ("heading", "Head"),
        ("paragraph", "Text ![i]()"),
        ("code", "print(1)"),
        ("code", "1"),
    ]
    assert kinds_and_texts[4][1].count("\n") == 40
    assert kinds_and_texts[4][1].endswith("…")
    assert kinds_and_texts[5:] == [("code", "E: bad"), ("paragraph", "raw")]
    assert (parsed.title, parsed.media_type) == ("Head", "application/x-ipynb+json")


def test_a_notebook_of_format_3_is_read() -> None:
    sheets = [{"cells": [{"cell_type": "heading", "level": 2, "source": "H"}, {"cell_type": "code", "input": "1+1"}]}]
    parsed = parse_notebook(json.dumps({"nbformat": 3, "worksheets": sheets}), name="a", limits=LIMITS)
    assert pieces(parsed) == [("heading", "H"), ("code", "1+1")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', "[" * 10_000])
def test_what_is_no_notebook_is_broken(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_notebook(text, name="a.ipynb", limits=LIMITS)
    assert raised.value.code == "broken"


def test_cells_of_any_shape_do_not_raise() -> None:
    odd = [None, 3, {"cell_type": "code", "outputs": 3}, {"cell_type": "code", "outputs": [None, {"data": []}]}, {}]
    assert notebook(*odd).elements == ()
