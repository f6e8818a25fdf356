import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.rtf import parse_rtf
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def parse(body: str | bytes, head: str = r"\ansi\ansicpg1252\deff0") -> ParsedDocument:
    inner = body.encode("latin-1") if isinstance(body, str) else body
    return parse_rtf(b"{\\rtf1" + head.encode() + b" " + inner + b"}", name="a.rtf", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(e.kind.value, e.level, parsed.text[e.start : e.end]) for e in parsed.elements]


def texts(parsed: ParsedDocument) -> list[str]:
    return [text for _, _, text in pieces(parsed)]


def test_paragraphs_and_headings() -> None:
    parsed = parse(
        r"{\stylesheet{\s1\outlinelevel0 berschrift;}{\s2 heading 2;}}{\info{\title My file}{\author A}}"
        r"\pard\s1 One\par\pard\s2 Two\par\pard\outlinelevel2 Three\par\pard Text\line more\~and {\b bold}.\par last"
    )
    assert pieces(parsed) == [
        ("heading", 1, "One"),
        ("heading", 2, "Two"),
        ("heading", 3, "Three"),
        ("paragraph", 0, "Text\nmore and bold."),
        ("paragraph", 0, "last"),
    ]
    assert (parsed.title, parsed.media_type, parsed.warnings) == ("My file", "application/rtf", ())


def test_tables_and_lists() -> None:
    parsed = parse(
        r"\trowd\cellx1\cellx2\pard\intbl a\par b\cell c\cell\row \pard\intbl 1\cell 2\cell\row \pard\par"
        r"{\listtext\'b7\tab}\pard\ls1 one\par{\listtext 1.\tab}\ilvl1 two\par\pard end\par"
    )
    assert pieces(parsed) == [
        ("table", 0, "| a b | c |\n| --- | --- |\n| 1 | 2 |"),
        ("list", 0, "- one\n  1. two"),
        ("paragraph", 0, "end"),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"\'e9t\'e9 \'93x\'94", "été “x”"),
        (
            r"{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}{\f1\'cf\'f0} {\f2\'82\'a0\'83A}",
            "Пр あア",
        ),
        (r"\u1055?\u1088\'3f\uc0\u1086", "Про"),
        (r"\uc1\u-10187?\u-8901?", "\U0001d53b"),
        (r"\u8211\endash x", "–x"),
        ("raw \xe9", "raw é"),
        (r"a\emdash b\rquote s\_c\{d\}", "a—b’s-c{d}"),
        (r"{\upr{\*\x}{ansi}{\*\ud{\u937?}}}", "Ω"),
    ],
)
def test_characters(body: str, text: str) -> None:
    assert texts(parse(body)) == [text]


def test_what_is_no_text_of_the_page_is_left_out() -> None:
    parsed = parse(
        r"{\header Top}{\*\unknown no}{\pict\pngblip 89504e47}{\pict\bin5 }}{{\v hid}{\deleted gone}"
        r'{\field{\*\fldinst HYPERLINK "x"}{\fldrslt link}}{\*\annotation note}\par'
    )
    assert texts(parsed) == ["link"]


def test_text_boxes_and_footnotes_stand_apart() -> None:
    parsed = parse(
        r"Host{\footnote \pard The note}{\shp{\*\shpinst\shpleft1{\sp{\sn n}{\sv 1}}{\shptxt In box\par}}} goes on\par"
    )
    assert texts(parsed) == ["In box", "Host goes on", "The note"]


def test_a_file_that_ends_early_is_read_with_a_warning() -> None:
    parsed = parse_rtf(rb"{\rtf1 one\par {\b two", name="a.rtf", limits=LIMITS)
    assert texts(parsed) == ["one", "two"]
    assert parsed.warnings


@pytest.mark.parametrize("data", [b"", b"no rtf", b"{\\rtf1" + b"{" * 10_000])
def test_what_is_no_rtf_is_broken(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        parse_rtf(data, name="a.rtf", limits=LIMITS)
    assert raised.value.code == "broken"


@pytest.mark.parametrize(
    "body",
    [
        *("}}}}", "\\", "\\'", "\\'zz", "\\u", "\\u99999999", "\\uc-5\\u1", "\\bin999999999 x", "\\bin-5 x"),
        *("\\cell\\row\\cell", "\\ansicpg99999 x", "\\s-1\\outlinelevel-1\\ilvl-9 x", "{\\footnote", "{\\shptxt}}"),
        *("\\f" + "9" * 30, "\\deff1\\plain x"),
    ],
)
def test_damaged_rtf_does_not_raise(body: str) -> None:
    assert parse(body).parser == "rtf/2"


def test_a_wide_row_does_not_multiply_the_others() -> None:
    with pytest.raises(Invalid) as raised:
        parse("\\intbl " + "x\\cell" * 5000 + "\\row" + "x\\row " * 20_000)
    assert raised.value.code == "too_large"
