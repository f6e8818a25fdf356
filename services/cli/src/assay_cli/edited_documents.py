"""Long documents and small edits of them, made up from a seed, for the measure of re-uploads."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NOUNS = (
    "water pump valve pressure filter engine owner inspection record winter summer harbour bridge river mountain field"
    " forest season market price contract office manager report meeting decision budget project village school teacher"
    " student library history museum painting music concert theatre travel station railway ticket journey distance"
    " speed signal control system device sensor battery charge power energy heat light shadow colour surface material"
    " copper iron stone glass paper wood cotton leather garden flower fruit bread butter cheese kitchen table chair"
    " window door wall roof floor corner street city country border island coast weather storm rain cloud morning"
    " evening hour minute week month year century law court judge police report witness letter number question answer"
)
_VERBS = "needs keeps changes follows replaces supports limits reaches protects measures carries moves"
_SENTENCES = 12
"""Of twelve words each, so that a section with its heading is one passage of about 160 tokens."""
MAX_PASSAGES = 1000


@dataclass(frozen=True)
class LongDocument:
    """Sections, each one passage."""

    name: str
    sections: tuple[str, ...]

    @property
    def text(self) -> str:
        parts = (f"## Part {n}\n\n{section}" for n, section in enumerate(self.sections, 1))
        return f"# {self.name.removesuffix('.md')}\n\n" + "\n\n".join(parts) + "\n"

    def edited(self, section: int, edit: Callable[[str], str]) -> "LongDocument":
        changed = (edit(text) if n == section else text for n, text in enumerate(self.sections))
        return LongDocument(self.name, tuple(changed))


def long_documents(count: int, passages: int, *, seed: int, called: str = "Report") -> list[LongDocument]:
    """So many documents, `called` so and numbered, with so many sections each."""
    luck = random.Random(seed)
    return [
        LongDocument(f"{called} {n}.md", tuple(" ".join(_sentences(luck)) for _ in range(passages)))
        for n in range(1, count + 1)
    ]


def every_hundredth_passage(documents: list[LongDocument], *, seed: int) -> list[LongDocument]:
    """The documents with a new sentence in one of each hundred passages, at any place of each hundred."""
    luck = random.Random(seed)
    per_document = len(documents[0].sections)
    total = len(documents) * per_document
    done = list(documents)
    for start in range(0, total, 100):
        place, section = divmod(luck.randrange(start, min(start + 100, total)), per_document)
        sentence = next(_sentences(luck))
        done[place] = done[place].edited(section, lambda text, s=sentence: f"{s} {text.split('. ', 1)[1]}")
    return done


def one_word_in_a_hundredth(documents: list[LongDocument], *, seed: int) -> list[LongDocument]:
    """The documents with one word changed in one of each hundred documents, and in one at least."""
    luck = random.Random(seed)
    done = list(documents)
    for start in range(0, len(documents), 100):
        place = luck.randrange(start, min(start + 100, len(documents)))
        section = luck.randrange(len(done[place].sections))
        done[place] = done[place].edited(section, lambda text: f"Zanzibar{text[text.index(' ') :]}")
    return done


def _sentences(luck: random.Random) -> Iterator[str]:
    nouns, verbs = _NOUNS.split(), _VERBS.split()
    for _ in range(_SENTENCES):
        words = [*luck.choices(nouns, k=5), luck.choice(verbs), *luck.choices(nouns, k=6)]
        yield " ".join(words).capitalize() + "."
