"""What a passage and a question are to BM25: terms, made of both in the same way.

Words are letters and digits between anything else, in small letters, without accents and stop words, by their stems in
the language of the collection. Codes (`CVE-2024-1234`, `v2.3.5`, `snake_case`, an address of mail) are there as a whole
too, and the parts of `camelCase`. Chinese, Japanese and Korean are there as pairs of neighbouring characters, as in
Lucene's CJK analysis.
"""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from assay_core.index_profiles import LANGUAGES, USUAL_LANGUAGE

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

# Part of the path of every index, after the language: a change of the analysis needs new ones.
_VERSION = 3

# Against tantivy's own shorter list, nDCG@10 rises from .696 to .698 on SciFact (train) and from .435 to .438 on
# NPL (2026-11-22). "no" and "not" are left out of queries too: BM25 cannot use them.
_STOP_WORDS = """
    a about above after again against all am an and any are as at be because been before being below between both
    but by can could did do does doing down during each few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just me more most my myself no nor not now of off on
    once only or other our ours ourselves out over own same she should so some such than that the their theirs
    them themselves then there these they this those through to too under until up very was we were what when
    where which while who whom why will with would you your yours yourself yourselves
"""
_WITHOUT_STOP_WORDS = {"ar", "el", "ro", "ta", "tr", "mul"}  # tantivy has no list of them
_MAX_TERM_BYTES = 64
# tantivy fixes b = 0.75, which punishes long passages too much: hybrid search of NPL reaches nDCG@10 .497 instead of
# .522. So much of one term in every passage brings lengths nearer to each other, as a smaller b does, and since it is
# in every one it weighs nothing. 16 to 96 were tried on half of the questions: docs/decisions/0026-fusion.md.
_EVENER = "zzevenerzz"
_EVENERS = 32


_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]+")
_CODE = re.compile(r"[^\W_]+(?:[-_./:@#+][^\W_]+)+")
_CODE_SIGN = re.compile(r"[-_./:@#+]")
_IN_CODE = re.compile(r"[\d_@]")
_CAMEL = re.compile(r"[^\W\d_]*[a-z][A-Z][^\W_]*")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def analysis_name(language: str) -> str:
    """Names how terms are made of a language's texts."""
    return f"{language}{_VERSION}"


ANALYSES = frozenset(map(analysis_name, LANGUAGES))
"""Every way of now; what has another name was made by an older release."""


@cache
def analyzer(language: str = USUAL_LANGUAGE) -> "TextAnalyzer":
    """Makes terms of an `indexable` text."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(_MAX_TERM_BYTES))
    words = words.filter(Filter.lowercase())
    if language == "en":
        words = words.filter(Filter.ascii_fold()).filter(Filter.custom_stopword(list[str](_STOP_WORDS.split())))
        return words.filter(Filter.stemmer("english")).build()
    if language not in _WITHOUT_STOP_WORDS:
        words = words.filter(Filter.stopword(LANGUAGES[language]))
    if language != "mul":
        # The stemmers of other languages tell endings by their accents; these go last.
        words = words.filter(Filter.stemmer(LANGUAGES[language]))
    return words.filter(Filter.ascii_fold()).build()


def terms_of(language: str, text: str) -> list[str]:
    """What the words of a text are to an index, in their order."""
    return analyzer(language).analyze(indexable(text))


@cache
def evener(language: str = USUAL_LANGUAGE) -> str:
    """The term of `evened` texts that weighs nothing."""
    (term,) = analyzer(language).analyze(_EVENER)
    return term


def indexable(text: str) -> str:
    """`text` in which the analyzer finds codes, parts of codes and pairs of characters between its words.

    Without soft hyphens, which would divide words, and without halves of surrogate pairs; in compatibility form (NFKC).
    """
    clean = unicodedata.normalize("NFKC", text.replace("\u00ad", "").encode("utf-8", "replace").decode())
    more = [_whole(code) for code in _CODE.findall(clean) if _IN_CODE.search(code)]
    more += [hump for name in _CAMEL.findall(clean) for hump in _HUMP.findall(name)]
    return "\n".join([_UNSPACED.sub(_in_pairs, clean), *more])


def _whole(code: str) -> str:
    """A code as one word; an x stands between numbers, which would make another number."""
    first, *rest = _CODE_SIGN.split(code)
    for part in rest:
        first += f"x{part}" if first[-1].isdigit() and part[0].isdigit() else part
    return first


def _in_pairs(run: "re.Match[str]") -> str:
    characters = run[0]
    pairs = [characters[place : place + 2] for place in range(max(1, len(characters) - 1))]
    return f" {' '.join(pairs)} "


def evened(text: str) -> str:
    """An `indexable` passage as it is indexed: longer, so that lengths differ less."""
    return f"{text}\n{' '.join([_EVENER] * _EVENERS)}"
