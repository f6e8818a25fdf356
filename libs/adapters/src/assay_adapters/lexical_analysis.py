from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

# Part of the path of every index: a change of the analysis needs a new one.
ANALYSIS_VERSION = "en2"

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
_MAX_TERM_BYTES = 64
# tantivy fixes b = 0.75, which punishes long passages too much: hybrid search of NPL reaches nDCG@10 .497 instead of
# .522. So much of one term in every passage brings lengths nearer to each other, as a smaller b does, and since it is
# in every one it weighs nothing. 16 to 96 were tried on half of the questions: docs/decisions/0026-fusion.md.
EVENER = "zzevenerzz"
_EVENERS = 32


@cache
def analyzer() -> "TextAnalyzer":
    """Letters and digits between anything else; lower case, without accents and stop words, English stems."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(_MAX_TERM_BYTES))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.custom_stopword(list[str](_STOP_WORDS.split())))
        .filter(Filter.stemmer("english"))
        .build()
    )


def indexable(text: str) -> str:
    """`text` without soft hyphens, which would divide words, and without halves of surrogate pairs."""
    return text.replace("\u00ad", "").encode("utf-8", "replace").decode()


def evened(text: str) -> str:
    """An `indexable` passage as it is indexed: longer, so that lengths differ less."""
    return f"{text}\n{' '.join([EVENER] * _EVENERS)}"
