"""The language of a question, well enough to divide questions by it: by script, then by common words.

A sentence of two words may well be "und" (undetermined); nothing is guessed from letters alone. Japanese is told from
Chinese by kana. Where many languages share a script, the tag names the script alone (BCP 47), such as "und-Cyrl".
"""

import re
import unicodedata
from collections import Counter

UNDETERMINED = "und"
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "HANGUL": "ko", "CYRILLIC": "und-Cyrl", "GREEK": "el",
    "ARABIC": "und-Arab", "HEBREW": "he", "DEVANAGARI": "und-Deva", "THAI": "th",
}  # fmt: skip
_COMMON = {
    "en": "the of and to in is are was for on what which how when who where does do did can why with that by from at",
    "de": "der die das und ist sind wie was wer wann wo welche welcher nicht mit für auf von zu den dem ein eine",
    "fr": "le la les des est sont et que qui quel quelle quand comment où dans pour avec une du au sur il",
    "es": "el la los las de es son y que qué quién cuál cuándo cómo dónde por para con una en del se cuánto",
    "it": "il lo gli della di è sono e che chi quale quando come dove perché per con una nel del si cosa",
    "nl": "de het een van en is zijn wat wie welke wanneer hoe waar waarom niet met voor op te in dat",
    "pt": "o os as de é são e que quem qual quando como onde porque para com uma em do da não se",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}


def language_of(text: str) -> str:
    """BCP 47 tag of the likeliest language, or "und"."""
    words = [word.lower() for word in _WORD.findall(text)]
    scripts = Counter(_script(letter) for word in words for letter in word)
    if scripts["ja"]:
        return "ja"
    if words and (most := scripts.most_common(1)[0][0]):
        return most
    found = {language: sum(word in common for word in words) for language, common in _WORDS.items()}
    best, count = max(found.items(), key=lambda item: item[1])
    return best if count > 0 and list(found.values()).count(count) == 1 else UNDETERMINED


def _script(letter: str) -> str:
    """The language that a letter's script stands for; empty for Latin."""
    name = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
    return _SCRIPTS.get(name, "")
