import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.xml_text import parse_xml_text
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)


def parse(text: str) -> ParsedDocument:
    return parse_xml_text(text, name="a.xml", limits=LIMITS)


def pieces(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(e.kind.value, e.level, parsed.text[e.start : e.end]) for e in parsed.elements]


def test_an_article_has_headings_paragraphs_lists_and_tables() -> None:
    parsed = parse(
        """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE article PUBLIC "-//NLM//DTD" "jats.dtd">
        <article><front><journal-id>eL</journal-id><title-group><article-title>On <i>mice</i></article-title>
        </title-group><abstract><p>Short&nbsp;text.</p></abstract></front><body><sec><label>1</label>
        <title>Results</title><p>We <b>found</b>
        x<sub>2</sub><xref>[1]</xref>: <list><list-item><p>one <list><list-item><p>in</p></list-item></list></p>
        </list-item></list> and more.</p><fig><label>Fig. 1</label><caption><title>A</title><p>b.</p></caption></fig>
        <table><tr><th>k</th><th>v</th></tr><tr><td><p>a</p></td><td>1</td></tr></table>
        <preformat>x =
          1</preformat></sec></body></article>"""
    )
    assert pieces(parsed) == [
        ("paragraph", 0, "journal-id: eL"),
        ("heading", 1, "On mice"),
        ("heading", 2, "Abstract"),
        ("paragraph", 0, "Short text."),
        ("heading", 2, "1 Results"),
        ("paragraph", 0, "We found x2[1]:"),
        ("list", 0, "- one\n  - in"),
        ("paragraph", 0, "and more."),
        ("paragraph", 0, "Fig. 1 A b."),
        ("table", 0, "| k | v |\n| --- | --- |\n| a | 1 |"),
        ("code", 0, "x =\n          1"),
    ]
    assert (parsed.title, parsed.media_type) == ("On mice", "application/xml")


def test_data_is_written_as_lines_a_record_a_paragraph() -> None:
    parsed = parse(
        '<shop xmlns:x="http://www.w3.org/1" x:y="z"><item sku="7"><Name>Nut</Name><price cur="EUR">1</price></item>'
        '<item><Name>Bolt</Name><none/><ref to="7"/></item></shop>'
    )
    assert pieces(parsed) == [
        ("paragraph", 0, "item: sku=7\nName: Nut\nprice: 1 (cur=EUR)"),
        ("paragraph", 0, "Name: Bolt\nref: to=7"),
    ]


def test_a_feed_has_a_heading_for_each_item_and_its_html_as_text() -> None:
    parsed = parse(
        "<rss><channel><title>Blog</title><item><title>First</title><link>u</link>"
        "<description>&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt;&lt;/p&gt;</description></item></channel></rss>"
    )
    assert pieces(parsed) == [
        ("heading", 1, "Blog"),
        ("heading", 2, "First"),
        ("paragraph", 0, "link: u"),
        ("paragraph", 0, "Hello you"),
    ]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x>&l9;</x>', "declares entities"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "declares entities"),
        ('<!DOCTYPE x [<!ENTITY % e SYSTEM "http://localhost/x"> %e;]><x/>', "declares entities"),
        ("<x>", "no well-formed XML"),
        ("", "no well-formed XML"),
        ("<x>&unknown;</x>", "no well-formed XML"),
        ("<a>\0</a>", "no well-formed XML"),
    ],
)
def test_hostile_and_damaged_xml_is_broken_and_says_why(text: str, why: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(text)
    assert raised.value.code == "broken"
    assert why in raised.value.message


@pytest.mark.parametrize("tag", ["a", "p", "list", "item", "title", "table", "caption", "claim-text"])
def test_deep_nesting_is_no_harm(tag: str) -> None:
    assert "deep" in parse(f"<{tag}>" * 5_000 + "deep" + f"</{tag}>" * 5_000).text


def test_text_beyond_the_limit_is_too_large() -> None:
    with pytest.raises(Invalid) as raised:
        parse(f"<x>{'<p>some more words here</p>' * 9_000}</x>")
    assert raised.value.code == "too_large"


def test_a_wide_row_does_not_multiply_the_others() -> None:
    rows = f"<tr>{'<td>x</td>' * 500}</tr>" + "<tr><td>x</td></tr>" * 2_000
    assert len(parse(f"<table>{rows}</table>").text) < 20_000
