"""The file of a sweep:

    name: handbook-1                 # names the file in which finished points are remembered
    dataset: golden                  # the golden set
    questions: golden.jsonl          # uploaded to the collections that the sweep makes
    documents: documents/            # a folder; needed where `vary` has chunking or index_kind
    collection: handbook             # without `documents`: an existing collection
    judge: local
    limit: 100                       # questions a point
    quality: answer_correct          # the metric of the picture
    dimension: 384                   # of the embedder, for the memory that the index takes
    vary:
      top_k: [3, 5, 8]
      mode: [hybrid, dense, lexical]
      chunking: [{strategy: structure, budget_tokens: 120}, {strategy: fixed}]

What is varied together is multiplied out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

import yaml
from assay_core.collection_settings import Answering, CollectionSettings
from assay_core.errors import Invalid
from assay_core.index_profiles import IndexProfile

MOST_POINTS = 200
ASKED = ("prompt", "mode", "rerank", "top_k")
"""What each question may have its own of."""
MADE = ("chunking", "index_kind")
"""What a collection is made with: each value gets a collection of its own."""
FIXED = {
    "rrf_k": "a setting of the retrieval service (ASSAY_RETRIEVAL__RRF_K)",
    "candidates": "a setting of the retrieval service (ASSAY_RETRIEVAL__CANDIDATES)",
    "rerank_candidates": "a setting of the retrieval service (ASSAY_RETRIEVAL__RERANK_CANDIDATES)",
    "embedder": "a setting of the deployment (ASSAY_EMBEDDER__MODEL), by which everything is embedded anew",
    "reranker": "a setting of the deployment (ASSAY_RERANKER__MODEL)",
    "model": "a setting of the deployment (ASSAY_CHAT__MODEL)",
    "chat_model": "a setting of the deployment (ASSAY_CHAT__MODEL)",
    "hnsw": "fixed when an index is made; vary index_kind",
    "M": "fixed when an index is made; vary index_kind",
    "ef": "fixed by the index; vary index_kind",
    "nlist": "fixed when an index is made; vary index_kind",
}
_KEYS = {"name", "dataset", "questions", "documents", "collection", "judge", "limit", "quality", "vary", "dimension"}


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as its file says. Paths are beside the file."""

    name: str
    dataset: str
    judge: str
    quality: str
    points: tuple[Mapping[str, Any], ...]
    collection: str | None = None
    documents: Path | None = None
    questions: Path | None = None
    limit: int | None = None
    dimension: int = 384


def read_sweep(path: Path) -> Sweep:
    """Read a sweep. Raises `Invalid` for what cannot be varied, by name, and for what is missing."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid(f"{str(path)!r} cannot be read as YAML: {error}", code="bad_sweep") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("vary"), dict):
        raise Invalid(f"{path.name}: a mapping with `dataset` and `vary` is expected.", code="bad_sweep")
    given = cast(dict[str, Any], raw)
    if unknown := sorted(str(key) for key in set(given) - _KEYS):
        raise Invalid(f"{path.name}: {unknown[0]!r} is not known; use {', '.join(sorted(_KEYS))}.", code="bad_sweep")
    vary = cast(dict[str, Any], given["vary"])
    values = {str(key): _values(str(key), found) for key, found in vary.items()}
    points = tuple(dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))
    if len(points) > MOST_POINTS:
        raise Invalid(f"{path.name}: {len(points)} points; up to {MOST_POINTS} are run.", code="bad_sweep")
    made = [key for key in values if key in MADE]
    if bool(given.get("documents")) == bool(given.get("collection")):
        raise Invalid(f"{path.name}: name either `collection` or `documents`.", code="bad_sweep")
    if made and not given.get("documents"):
        raise Invalid(
            f"{path.name}: {made[0]} is fixed when documents are indexed; name the folder of `documents`, so that each"
            " value gets a collection of its own.",
            code="bad_sweep",
        )
    if given.get("documents") and not given.get("questions"):
        raise Invalid(f"{path.name}: `documents` needs `questions`, the golden set as a file.", code="bad_sweep")
    return Sweep(
        name=str(given.get("name") or path.stem),
        dataset=str(given.get("dataset") or "golden"),
        judge=str(given.get("judge") or "local"),
        quality=str(given.get("quality") or "answer_correct"),
        points=points,
        collection=str(given["collection"]) if given.get("collection") else None,
        documents=path.parent / str(given["documents"]) if given.get("documents") else None,
        questions=path.parent / str(given["questions"]) if given.get("questions") else None,
        limit=_count(path, given, "limit"),
        dimension=_count(path, given, "dimension") or 384,
    )


def _count(path: Path, given: Mapping[str, Any], key: str) -> int | None:
    found = given.get(key)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or found < 1):
        raise Invalid(f"{path.name}: {key} is {found!r}; use a whole number from 1.", code="bad_sweep")
    return found


def _values(key: str, found: object) -> list[Any]:
    if key not in (*ASKED, *MADE):
        why = FIXED.get(key)
        can = f"{', '.join((*ASKED, *MADE))} can be varied"
        raise Invalid(f"{key!r} cannot be varied: {why or 'it is not known'}; {can}.", code="bad_sweep")
    values = cast(list[Any], found) if isinstance(found, list) else [found]
    if not values:
        raise Invalid(f"{key!r} has no values.", code="bad_sweep")
    for value in values:
        if key in ASKED:
            Answering().changed({key: value})
        elif key == "chunking":
            CollectionSettings().changed({"chunking": value})
        else:
            IndexProfile.parse(str(value))
    return values
