"""The `LanguageDetector` port on py3langid: letters and their sequences, weighed by a model that comes with it."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNDETERMINED = "und"
# Its probability falls with the length of a text that repeats itself: of one sentence 1,200 times it is 0.17.
_MOST_CHARACTERS = 5_000
# Of 98 questions and phrases in 23 languages 88 were told, 8 left undetermined and 2 wrong (Danish: "no") at this
# probability; at 0 six were wrong (2026-11-23, docs/decisions/0032-spelling-languages-rewriting.md).
_PROBABLE = 0.5


class LangidDetector:
    """About 100 languages, those with a code of two letters. Loads its model (77 MB in memory) when first asked."""

    def language_of(self, text: str) -> str:
        language, probability = _identifier().classify(text[:_MOST_CHARACTERS])
        return language if probability >= _PROBABLE else UNDETERMINED


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Codes of three letters are dialects and small languages, which short texts are taken for.
    identifier.set_languages([language for language in identifier.labels if len(language) == 2])
    return identifier
