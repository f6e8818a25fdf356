"""Quotes are the stored text byte for byte, whatever the text, the spans and the order."""

from assay_core.answers import Cited, Judged, Token, Verdict
from assay_core.search import Hit
from assay_generation.citations import Composition
from assay_generation.draft import Sentence
from assay_generation.testing import make_hit
from assay_generation.verify import Checked, Support
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=4)
PLACES = st.lists(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(1, 99)), max_size=4), max_size=8
)


def support(hits: list[Hit], hit: int, start: int, length: int) -> Support:
    hit %= len(hits)
    start %= len(hits[hit].text)
    return Support(hit, start, min(len(hits[hit].text), start + length), "model")


@given(TEXTS, st.integers(0, 1_000), PLACES)
def test_any_answer_is_whole(texts: list[str], offset: int, places: list[list[tuple[int, int, int]]]) -> None:
    hits = [make_hit(text, start=offset + number) for number, text in enumerate(texts)]
    composition, events = Composition(hits), []
    for place in places:
        checked = Checked(Verdict.SUPPORTED, 0.9, tuple(support(hits, *one) for one in place))
        events += composition.add(Sentence(" ", "So it is.", ()), checked)
    stored = {hit.chunk: "\0" * hit.start + hit.text for hit in hits}
    for citation in composition.citations:
        text = stored[citation.chunk][citation.start : citation.end]
        assert citation.quote.encode("utf-8", "surrogatepass") == text.encode("utf-8", "surrogatepass") != b""
    assert [c.n for c in composition.citations] == list(range(1, len(composition.citations) + 1))
    assert len({(c.chunk, c.start, c.end) for c in composition.citations}) == len(composition.citations)
    assert "".join(e.text for e in events if isinstance(e, Token)) == composition.text
    assert [e.citation for e in events if isinstance(e, Cited)] == composition.citations
    assert [e.claim for e in events if isinstance(e, Judged)] == composition.claims
    used = [n for claim in composition.claims for n in claim.citations]
    assert list(dict.fromkeys(used)) == sorted(set(used))
    for claim in composition.claims:
        marks = "".join(f" [{n}]" for n in claim.citations)
        assert composition.text[claim.start : claim.end] == f"So it is.{marks}"


def test_words_of_our_own_are_no_claim() -> None:
    composition = Composition(())
    assert composition.say("The documents do not say.") == [Token("The documents do not say.")]
    assert composition.claims == []
