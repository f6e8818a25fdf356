"""What a collection decides for its documents: how they are divided, what is known of them, what is kept."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from assay_core.errors import Invalid
from assay_core.synonyms import Groups, valid_groups

MAX_FIELDS = 32
MAX_BUDGET_TOKENS = 8192
MAX_KEEP_DAYS = 3650
Choice = TypeVar("Choice", bound=StrEnum)
SEARCH_MODES = ("hybrid", "dense", "lexical")
FUSIONS = ("convex", "rrf")
REWRITINGS = ("off", "rewrite", "multi-query", "hyde", "decomposition")
EXPANDS = ("off", "neighbours", "section")
NORMALIZATIONS = ("absolute", "theoretical", "min-max", "z")
_PROMPT = re.compile(r"[a-z][a-z0-9._-]{0,62}")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Strategy(StrEnum):
    """How documents are divided into passages."""

    STRUCTURE = "structure"
    FIXED = "fixed"
    RECURSIVE = "recursive"
    SEMANTIC = "semantic"
    PARENT_CHILD = "parent-child"


class FieldType(StrEnum):
    """What values a declared metadata field takes."""

    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    TAGS = "tags"


class NearDuplicates(StrEnum):
    """What happens to a document that says nearly the same as another one."""

    REPORT = "report"
    KEEP_ONE = "keep_one"


@dataclass(frozen=True, slots=True)
class Chunking:
    """How the documents of a collection are divided.

    `budget_tokens` bounds a passage, counted with the embedder's own tokenizer; the embedder's limit, less the
    headings above the passage, may be lower. `overlap_tokens` bounds what is repeated where a text is cut.
    `parent_tokens` bounds what is read around a passage (`parent-child` only). A `semantic` passage ends where the
    distance to the next sentence is above this percentile of the document's distances. With `context_lines` the
    language model writes a line for each passage, which is embedded and indexed with it.
    """

    strategy: Strategy = Strategy.STRUCTURE
    budget_tokens: int = 220
    overlap_tokens: int = 30
    parent_tokens: int = 880
    breakpoint_percentile: int = 90
    context_lines: bool = False

    @property
    def recipe(self) -> str:
        """Names what of this makes the passages of equal documents differ."""
        own: dict[Strategy, tuple[int, ...]] = {
            Strategy.SEMANTIC: (self.budget_tokens, self.breakpoint_percentile),
            Strategy.PARENT_CHILD: (self.budget_tokens, self.overlap_tokens, self.parent_tokens),
        }
        numbers = own.get(self.strategy, (self.budget_tokens, self.overlap_tokens))
        return "/".join([self.strategy, *map(str, numbers)]) + ("+lines" if self.context_lines else "")


_DEFAULTS = {
    Strategy.SEMANTIC: Chunking(Strategy.SEMANTIC, overlap_tokens=0),
    Strategy.PARENT_CHILD: Chunking(Strategy.PARENT_CHILD, budget_tokens=60, overlap_tokens=0, parent_tokens=220),
}


def default_chunking(strategy: Strategy) -> Chunking:
    """The strategy with the parameters that were measured to serve it well."""
    return _DEFAULTS.get(strategy, Chunking(strategy))


@dataclass(frozen=True, slots=True)
class Answering:
    """How questions to a collection are answered. It is changed by promotion alone, after a run that passed the gate.

    `prompt` names a prompt file of the generation service; empty: the one that its settings name. `mode` is a search
    mode, `rerank` whether passages are reranked where a reranker is set up, `top_k` how many passages an answer may
    use if the asker does not say.
    """

    prompt: str = ""
    mode: str = "hybrid"
    rerank: bool = True
    top_k: int = 5

    def changed(self, changes: Mapping[str, Any]) -> "Answering":
        """With some of it changed. Raises `Invalid` if there is no such setting, or its value cannot be used."""
        _refuse_unknown(changes, asdict(self), "answering")
        values = {key: value for key, value in changes.items() if value is not None}
        prompt = values.get("prompt", self.prompt)
        if not isinstance(prompt, str) or (prompt and not _PROMPT.fullmatch(prompt)):
            raise Invalid(f"prompt is {prompt!r}; use a name such as answer.v1, or nothing.", code="bad_setting")
        mode = values.get("mode", self.mode)
        if mode not in SEARCH_MODES:
            raise Invalid(f"mode is {mode!r}; use one of {', '.join(SEARCH_MODES)}.", code="bad_setting")
        rerank = values.get("rerank", self.rerank)
        if not isinstance(rerank, bool):
            raise Invalid(f"rerank is {rerank!r}; use true or false.", code="bad_setting")
        return Answering(prompt, mode, rerank, _number("top_k", values, self.top_k, 1, 50))


@dataclass(frozen=True, slots=True)
class Searching:
    """How a collection is searched, whoever asks.

    `fusion` makes one ranking of both indexes: of their scores (`convex`) or of their ranks (`rrf`). `normalization`
    says how `convex` brings scores to one scale. `dense_weight` is the share of the dense index in both, from 0 to 1.

    `title_boost` is the share, in the order of hits, of the question's words that stand in title or headings, and
    `phrase_boost` that of its neighbouring words that stand together in the passage, from 0 (none) to 1.

    `recency` is the share of newness in the order of hits, `diversity` that of their difference from those above, from
    0 (none) to 1. Newness halves every `recency_days` from the date in the declared field `recency_field`; empty: from
    the upload. With `spelling`, words that no readable passage holds are corrected by those that are like them.

    `rewriting` is what a language model writes to search by again, if the first result is likely weak: the question in
    other words, three of them, a passage that would answer it (`hyde`), or its parts. How weak a result is shows in
    scores on an absolute scale alone.

    `expand` is what is read with each hit: the passages before and after it (`neighbours`), or those that stand under
    the same headings (`section`), as long as all of them have no more than `expand_tokens` of the embedder's tokens.
    """

    fusion: str = "convex"
    normalization: str = "absolute"
    dense_weight: float = 0.5
    title_boost: float = 0.0
    phrase_boost: float = 0.0
    recency: float = 0.0
    recency_days: int = 180
    recency_field: str = ""
    diversity: float = 0.0
    spelling: bool = True
    rewriting: str = "off"
    expand: str = "off"
    expand_tokens: int = 660

    @property
    def recipe(self) -> str:
        """Names what of this makes the results of equal questions differ."""
        return "/".join(str(value) for value in asdict(self).values())

    def changed(self, changes: Mapping[str, Any]) -> "Searching":
        """With some of it changed; another fusion or normalization begins with the weight that suits it.

        Raises:
            Invalid: there is no such setting, or its value cannot be used.
        """
        _refuse_unknown(changes, asdict(self), "searching")
        values = {key: value for key, value in changes.items() if value is not None}
        fusion = _one_of(FUSIONS, "fusion", values, self.fusion)
        normalization = _one_of(NORMALIZATIONS, "normalization", values, self.normalization)
        rewriting = _one_of(REWRITINGS, "rewriting", values, self.rewriting)
        if rewriting != "off" and (fusion, normalization) != ("convex", "absolute"):
            raise Invalid(
                f"rewriting is {rewriting!r} and fusion {fusion!r} of {normalization!r} scores; use fusion 'convex' of"
                " 'absolute' scores with it, or set rewriting to 'off'.",
                code="bad_setting",
            )
        same = (fusion, normalization) == (self.fusion, self.normalization)
        weight = self.dense_weight if same else default_dense_weight(fusion, normalization)
        return replace(
            self,
            fusion=fusion,
            normalization=normalization,
            dense_weight=_share("dense_weight", values, weight),
            title_boost=_share("title_boost", values, self.title_boost),
            phrase_boost=_share("phrase_boost", values, self.phrase_boost),
            recency=_share("recency", values, self.recency),
            recency_days=_number("recency_days", values, self.recency_days, 1, MAX_KEEP_DAYS),
            recency_field=_field_name("recency_field", values, self.recency_field),
            diversity=_share("diversity", values, self.diversity),
            spelling=_flag("spelling", values, self.spelling),
            rewriting=rewriting,
            expand=_one_of(EXPANDS, "expand", values, self.expand),
            expand_tokens=_number("expand_tokens", values, self.expand_tokens, 16, MAX_BUDGET_TOKENS),
        )


def default_dense_weight(fusion: str, normalization: str) -> float:
    """The weight that was measured to serve a way of fusing well: docs/decisions/0026-fusion.md."""
    return 0.75 if (fusion, normalization) == ("convex", "theoretical") else 0.5


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """Everything that a collection's owner may choose.

    `fields` are the declared metadata fields by name. `keep_versions_days` is how long replaced versions stay
    readable for the answers that cite them. `synonyms` are groups of terms that mean the same.
    """

    chunking: Chunking = Chunking()
    fields: Mapping[str, FieldType] = field(default_factory=dict[str, FieldType])
    near_duplicates: NearDuplicates = NearDuplicates.REPORT
    keep_versions_days: int = 30
    answering: Answering = Answering()
    synonyms: Groups = ()
    searching: Searching = Searching()

    @classmethod
    def stored(cls, found: Mapping[str, Any]) -> "CollectionSettings":
        """Settings as they were stored, perhaps by a newer release: what this one does not know is passed over."""
        start = cls()
        known = {key: value for key, value in found.items() if key in asdict(start)}
        chunking = {key: value for key, value in known.get("chunking", {}).items() if key in asdict(start.chunking)}
        answering = {key: value for key, value in known.get("answering", {}).items() if key in asdict(start.answering)}
        searching = {key: value for key, value in known.get("searching", {}).items() if key in asdict(start.searching)}
        return start.changed({**known, "chunking": chunking, "answering": answering, "searching": searching})

    def changed(self, changes: Mapping[str, Any]) -> "CollectionSettings":
        """These settings with some of them changed.

        `changes` has the shape of `as_json`, in part: `chunking` is merged key by key, but another strategy begins
        with its own defaults; `fields` are replaced as a whole.

        Raises:
            Invalid: there is no such setting, or its value cannot be used.
        """
        _refuse_unknown(changes, asdict(self), "a collection")
        values = {key: value for key, value in changes.items() if value is not None}
        changed = replace(
            self,
            chunking=_chunking(self.chunking, values.get("chunking", {})),
            fields=_fields(values["fields"]) if "fields" in values else self.fields,
            near_duplicates=_choice(NearDuplicates, "near_duplicates", values, self.near_duplicates),
            keep_versions_days=_number("keep_versions_days", values, self.keep_versions_days, 0, MAX_KEEP_DAYS),
            answering=self.answering.changed(_mapping("answering", values.get("answering", {}))),
            synonyms=valid_groups(values["synonyms"]) if "synonyms" in values else self.synonyms,
            searching=self.searching.changed(_mapping("searching", values.get("searching", {}))),
        )
        dated = changed.searching.recency_field
        if dated and changed.fields.get(dated) is not FieldType.DATE:
            raise Invalid(f"recency_field is {dated!r}, which is no declared date field.", code="bad_setting")
        return changed

    def as_json(self) -> dict[str, Any]:
        """In the form that is stored and sent."""
        return asdict(self)


def _chunking(before: Chunking, changes: Any) -> Chunking:
    given = _mapping("chunking", changes)
    _refuse_unknown(given, asdict(before), "chunking")
    values = {key: value for key, value in given.items() if value is not None}
    strategy = _choice(Strategy, "strategy", values, before.strategy)
    start = before if strategy is before.strategy else default_chunking(strategy)
    lines = values.get("context_lines", before.context_lines)
    if not isinstance(lines, bool):
        raise Invalid(f"chunking.context_lines is {lines!r}; use true or false.", code="bad_setting")
    budget = _number("budget_tokens", values, start.budget_tokens, 16, MAX_BUDGET_TOKENS)
    most_overlap = budget // 2
    overlap = _number("overlap_tokens", values, min(start.overlap_tokens, most_overlap), 0, most_overlap)
    parent = _number("parent_tokens", values, max(start.parent_tokens, budget), budget, 4 * MAX_BUDGET_TOKENS)
    percentile = _number("breakpoint_percentile", values, start.breakpoint_percentile, 50, 99)
    return Chunking(strategy, budget, overlap, parent, percentile, lines)


def _fields(given: Any) -> Mapping[str, FieldType]:
    declared = _mapping("fields", given)
    if len(declared) > MAX_FIELDS:
        raise Invalid(f"{len(declared)} fields are declared; up to {MAX_FIELDS} can be.", code="bad_setting")
    for name in declared:
        if not _FIELD_NAME.fullmatch(name):
            raise Invalid(
                f"{name!r} cannot name a field: use 1 to 63 of a-z, 0-9 and '_', beginning with a letter.",
                code="bad_setting",
            )
    return {name: _choice(FieldType, name, declared, None) for name in sorted(declared)}


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(f"{name} is {value!r}; use an object.", code="bad_setting")
    return value  # pyright: ignore[reportUnknownVariableType]  its keys and values are checked one by one


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, object], what: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise Invalid(f"{what} has no setting {unknown[0]!r}; it has {', '.join(known)}.", code="bad_setting")


def _choice(kind: type[Choice], name: str, values: Mapping[str, Any], default: Choice | None) -> Choice:
    value = values.get(name, default)
    try:
        return kind(value)
    except ValueError as error:
        raise Invalid(f"{name} is {value!r}; use one of {', '.join(kind)}.", code="bad_setting") from error


def _one_of(known: tuple[str, ...], name: str, values: Mapping[str, Any], default: str) -> str:
    value = values.get(name, default)
    if value not in known:
        raise Invalid(f"{name} is {value!r}; use one of {', '.join(known)}.", code="bad_setting")
    return value


def _field_name(name: str, values: Mapping[str, Any], default: str) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or (value and not _FIELD_NAME.fullmatch(value)):
        raise Invalid(f"{name} is {value!r}; use the name of a declared date field, or nothing.", code="bad_setting")
    return value


def _flag(name: str, values: Mapping[str, Any], default: bool) -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise Invalid(f"{name} is {value!r}; use true or false.", code="bad_setting")
    return value


def _share(name: str, values: Mapping[str, Any], default: float) -> float:
    value = values.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise Invalid(f"{name} is {value!r}; use a number from 0 to 1.", code="bad_setting")
    return float(value)


def _number(name: str, values: Mapping[str, Any], default: int, least: int, most: int) -> int:
    value = values.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Invalid(f"{name} is {value!r}; use a whole number from {least} to {most}.", code="bad_setting")
    return value
