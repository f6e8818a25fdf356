"""How a collection is indexed: by which kind of vector index with which parameters, and terms in which language.

A profile is written as `ivf_pq`, `ivf_pq:per_byte=4,nprobe=128` or `hnsw/de`; so it is stored, and so people give it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from assay_core.errors import Invalid

IndexKind = Literal["hnsw", "ivf_pq", "ivf_sq8", "flat"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A whole number. One that is `built` in shapes the files; the others are given with each search."""

    usual: int
    least: int
    most: int
    built: bool = False


# Of 256 lists 32 hold .959 of the nearest ten at 30,000 x 384, whatever is done with them (measured 2026-11-23).
_LISTS = {
    "nlist": Parameter(256, 1, 16_384, built=True),
    "nprobe": Parameter(64, 1, 16_384),
}
# ef 128 gives recall@10 of .9945 at 50,000 x 384, ef 64 gives .978, both at about 8 ms (measured 2026-11-22).
PARAMETERS: Mapping[IndexKind, Mapping[str, Parameter]] = {
    "hnsw": {
        "m": Parameter(16, 4, 64, built=True),
        "ef_construction": Parameter(200, 8, 512, built=True),
        "ef": Parameter(128, 10, 4096),
    },
    # `per_byte` numbers of a vector are stored as one byte; `rescore` times the asked hits are scored again exactly.
    "ivf_pq": {**_LISTS, "per_byte": Parameter(8, 1, 32, built=True), "rescore": Parameter(4, 1, 50)},
    "ivf_sq8": {**_LISTS, "rescore": Parameter(2, 1, 50)},
    "flat": {},
}
KINDS = cast(tuple[IndexKind, ...], get_args(IndexKind))
USUAL_LANGUAGE = "en"
LANGUAGES = {
    "en": "english", "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "mul": "many",
}  # fmt: skip
"""Codes of the languages whose stems are known (ISO 639), with their names; `mul` (many) takes words as they are."""


@dataclass(frozen=True, slots=True)
class IndexProfile:
    """A kind of vector index with its parameters; `changed` holds only those that are not as usual.

    `language` is that of the stems and stop words of the index of terms.
    """

    kind: IndexKind = "hnsw"
    changed: Mapping[str, int] = field(default_factory=dict[str, int])
    language: str = USUAL_LANGUAGE

    @classmethod
    def parse(cls, written: str) -> "IndexProfile":
        """Raises `Invalid` if there is no such kind, parameter or language, or a value cannot be used."""
        vectors, slash, language = written.partition("/")
        if slash and language not in LANGUAGES:
            raise _invalid(f"{language!r} is no language here; use one of {', '.join(LANGUAGES)}.")
        kind, colon, rest = vectors.partition(":")
        if kind not in KINDS:
            raise _invalid(f"{kind!r} is no index kind; use one of {', '.join(KINDS)}.")
        given = dict(_parameter(kind, part) for part in rest.split(",")) if colon else {}
        changed = {k: given[k] for k in PARAMETERS[kind] if given.get(k, _usual(kind, k)) != _usual(kind, k)}
        profile = cls(kind, changed, language or USUAL_LANGUAGE)
        if kind in ("ivf_pq", "ivf_sq8") and profile["nprobe"] > profile["nlist"]:
            raise _invalid(f"nprobe is {profile['nprobe']}; it can be up to nlist, which is {profile['nlist']}.")
        return profile

    def in_language(self, language: str | None) -> "IndexProfile":
        """With terms in another language; None: as it is. Raises `Invalid` if it is not known."""
        return self if language is None else IndexProfile.parse(f"{self.vectors}/{language}")

    def __getitem__(self, parameter: str) -> int:
        return self.changed.get(parameter, _usual(self.kind, parameter))

    def __str__(self) -> str:
        return self.vectors + (f"/{self.language}" if self.language != USUAL_LANGUAGE else "")

    @property
    def vectors(self) -> str:
        """What of the profile concerns the vectors."""
        return _written(self.kind, self.changed)

    @property
    def built(self) -> str:
        """`vectors` without what is only given with a search: profiles of equal `built` can share those files."""
        return _written(self.kind, {k: v for k, v in self.changed.items() if PARAMETERS[self.kind][k].built})

    @property
    def compressed(self) -> bool:
        """Whether the index scores by less than the vectors, so that its hits are to be scored again."""
        return "rescore" in PARAMETERS[self.kind]

    def bytes_each(self, dimension: int) -> float:
        """What a vector takes in memory by the index's own layout, beside tables that do not grow with the rows.

        hnsw: float32, and 2 m neighbours of 4 bytes at the lowest level (Malkov and Yashunin 2018, section 4.2.3).
        """
        match self.kind:
            case "flat":
                return 4 * dimension
            case "hnsw":
                return 4 * dimension + 2 * 4 * self["m"]
            case "ivf_sq8":
                return dimension
            case "ivf_pq":
                return bytes_of_code(dimension, self["per_byte"])


def bytes_of_code(dimension: int, per_byte: int) -> int:
    """About one byte for `per_byte` numbers; the number of bytes must divide the dimension."""
    return next(m for m in range(max(dimension // per_byte, 1), 0, -1) if dimension % m == 0)


def _usual(kind: IndexKind, parameter: str) -> int:
    return PARAMETERS[kind][parameter].usual


def _parameter(kind: IndexKind, part: str) -> tuple[str, int]:
    name, _, value = part.partition("=")
    known = PARAMETERS[kind].get(name)
    if known is None:
        has = f"it has {', '.join(PARAMETERS[kind])}" if PARAMETERS[kind] else "it has none"
        raise _invalid(f"{kind} has no parameter {name!r}; {has}.")
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else -1
    if not known.least <= number <= known.most:
        raise _invalid(f"{name} is {value!r}; use a whole number from {known.least} to {known.most}.")
    return name, number


def _written(kind: IndexKind, parameters: Mapping[str, int]) -> str:
    return kind + (":" if parameters else "") + ",".join(f"{name}={value}" for name, value in parameters.items())


def _invalid(message: str) -> Invalid:
    return Invalid(message, code="bad_index_kind")
