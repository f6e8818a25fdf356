import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.org import parse_org
from assay_adapters.parsers.rst import parse_rst
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def rst(text: str) -> ParsedDocument:
    return parse_rst(text, name="a.rst", limits=LIMITS)


def org(text: str) -> ParsedDocument:
    return parse_org(text, name="a.org", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(e.kind.value, e.level, parsed.text[e.start : e.end]) for e in parsed.elements]


def test_rst_sections_become_headings_and_the_first_is_the_title() -> None:
    parsed = rst("Guide\n=====\n\nHello\nthere.\n\nPart\n----\n\nMore *text* and ``code``.\n")
    assert pieces(parsed) == [
        ("heading", 1, "Guide"),
        ("paragraph", 0, "Hello there."),
        ("heading", 2, "Part"),
        ("paragraph", 0, "More text and code."),
    ]
    assert (parsed.title, parsed.media_type) == ("Guide", "text/x-rst")


def test_rst_lists_tables_and_code() -> None:
    parsed = rst(
        "1. one\n\n   * in\n2. two\n\n::\n\n  x = 1\n\n=== ===\na   b\n=== ===\n1   2\n=== ===\n\nTerm\n  Meaning.\n\n"
        ":Author: Ann\n"
    )
    assert pieces(parsed) == [
        ("list", 0, "1. one\n  - in\n2. two"),
        ("code", 0, "x = 1"),
        ("table", 0, "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("paragraph", 0, "Term: Meaning."),
        ("paragraph", 0, "Author: Ann"),
    ]


def test_rst_what_docutils_does_not_know_keeps_its_text() -> None:
    parsed = rst(
        "See :func:`~os.walk` and :ref:`the end <end>`.\n\n.. versionadded:: 3.2\n   Was **new**.\n\n"
        ".. code-block:: python\n   :caption: C\n\n   print(1)\n\n.. py:function:: f(x)\n\n   .. note:: Do it.\n"
    )
    assert [text for _, _, text in pieces(parsed)] == [
        "See ~os.walk and the end.",
        "3.2",
        "Was new.",
        "print(1)",
        "f(x)",
        "Note: Do it.",
    ]


def test_rst_substitutions_are_replaced_but_do_not_grow() -> None:
    definitions = "".join(f".. |a{n}| replace:: |a{n + 1}| |a{n + 1}|\n" for n in range(40))
    parsed = rst(f"Release |v|, |a0|\n\n.. |v| replace:: 2.1\n{definitions}")
    assert parsed.text.startswith("Release 2.1, a1 a1")


@pytest.mark.parametrize(
    "directive",
    [".. include:: /etc/passwd", ".. raw:: html\n   :file: /etc/passwd", ".. csv-table::\n   :file: /etc/passwd"],
)
def test_rst_reads_no_other_file(directive: str) -> None:
    assert "root" not in rst(f"Before\n\n{directive}\n\nAfter\n").text


@pytest.mark.parametrize("text", ["  " * 0 + "".join("  " * n + "* x\n\n" for n in range(800))])
def test_rst_nested_too_deeply_is_broken(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        rst(text)
    assert raised.value.code == "broken"


@pytest.mark.parametrize(
    "text", ["", "\n", ".. comment", "====", "=== ===\na b\n", "``", "|", ".. _:", "|a|_ `b", "x" * 20000]
)
def test_damaged_rst_does_not_raise(text: str) -> None:
    assert rst(text).parser == "rst/2"


def test_org_headings_lists_tables_and_code() -> None:
    parsed = org(
        "#+TITLE: My notes\n#+STARTUP: fold\n# comment\n* TODO First :tag:\n:PROPERTIES:\n:ID: 7\n:END:\n"
        "Some =code= and a [[https://x.org][link]].\nNext line.\n\n- one\n  goes on\n  1. inner\n- [X] two\n\n"
        "| a | b |\n|---+---|\n| 1 | 2 |\n#+begin_src sh\n  ls\n#+end_src\n** Second\n"
    )
    assert pieces(parsed) == [
        ("heading", 1, "My notes"),
        ("heading", 1, "TODO First"),
        ("paragraph", 0, "Some code and a link.\nNext line."),
        ("list", 0, "- one goes on\n  1. inner\n- two"),
        ("table", 0, "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("code", 0, "  ls"),
        ("heading", 2, "Second"),
    ]
    assert (parsed.title, parsed.media_type) == ("My notes", "text/org")


@pytest.mark.parametrize(
    "text", ["", "*", "* ", "|", "#+begin_src", ":a:\n" * 5000, "#+begin_x\n" * 5000, "[[" * 20000]
)
def test_damaged_org_does_not_raise(text: str) -> None:
    assert org(text).parser == "org/2"


def test_text_beyond_the_limit_is_too_large() -> None:
    for parse in (rst, org):
        with pytest.raises(Invalid) as raised:
            parse("word " * 30_000)
        assert raised.value.code == "too_large"
