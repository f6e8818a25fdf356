"""Which factor moved between two configurations."""

from collections.abc import Mapping

from assay_core.experiments import Change

# What a run records, by the factor that it belongs to, in the order in which people look for a cause.
FACTORS: Mapping[str, Mapping[str, str]] = {
    "corpus": {"epoch": "state of the corpus", "chunking": "chunking", "documents": "documents"},
    "index": {"index_kind": "index kind", "index_generation": "index generation", "embedder": "embedding model"},
    "retrieval": {
        "top_k": "passages an answer",
        "mode": "search mode",
        "rerank": "reranking",
        "reranker": "reranker",
        "scored_by": "scored by",
        "degraded": "parts that were missing",
    },
    "prompt": {"prompt_versions": "prompt", "prompt": "prompt setting"},
    "model": {"chat_models": "chat model"},
    "judge": {"judge": "judge", "judge_model": "judge's model"},
    "code": {"code_version": "release"},
}


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[Change, ...]:
    """What two configurations of runs do not have in common; what one of them does not tell is left out."""
    return tuple(
        Change(factor, what, _plain(before[key]), _plain(after[key]))
        for factor, keys in FACTORS.items()
        for key, what in keys.items()
        if key in before and key in after and before[key] != after[key]
    )


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return " and ".join(str(item) for item in value) or "none"
    return "none" if value is None or value == "" else str(value)
