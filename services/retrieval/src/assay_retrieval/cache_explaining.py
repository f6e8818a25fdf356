"""Why a search is answered from the cache, or not. No earlier question is shown: it may be somebody else's."""

from assay_core.search import CacheEntry, CacheExplanation, CacheUse, CacheView, SearchRequest


def served_by(view: CacheView, *, sequence: int) -> CacheEntry | None:
    """The entry that a look-up would take, if its evidence holds."""
    fitting = (one.entry for one in view.neighbours if one.refused_by is None)
    return next((entry for entry in fitting if entry.made_at <= sequence), None)


def switched_off(request: SearchRequest, *, sequence: int) -> CacheExplanation:
    """For a search that passes the cache by."""
    if request.cache is CacheUse.BYPASS:
        reason = "The search asks for no cache."
    else:
        reason = "Searches by words alone are not kept."
    return CacheExplanation("off", reason, sequence, None, 1.0)


def explanation_of(view: CacheView, *, sequence: int, live: bool | None) -> CacheExplanation:
    """What decides, in the order in which a look-up asks; `live` is about the evidence of the entry that would do."""
    serving = served_by(view, sequence=sequence)
    shown = serving or (view.neighbours[0].entry if view.neighbours else None)
    verdict, reason = _decision(view, sequence, serving, live=live)
    return CacheExplanation(
        verdict,
        reason,
        sequence,
        view.percolated,
        view.threshold,
        similarity=shown.similarity if shown else None,
        evidence=len(shown.evidence) if shown else 0,
        evidence_live=live,
    )


def _decision(view: CacheView, sequence: int, serving: CacheEntry | None, *, live: bool | None) -> tuple[str, str]:
    if view.percolated is None:
        return "miss", "Nothing is kept of this collection: no question was asked since the cache was empty."
    if view.percolated < sequence:
        return "passed_by", (
            f"What arrived with sequence {sequence} has not been run against the cached questions yet; that is done up"
            f" to {view.percolated}."
        )
    if not view.neighbours:
        return "miss", "No question was asked with these permissions, options and settings."
    if serving is None:
        return "miss", f"The nearest question is refused by the look at {view.neighbours[0].refused_by or 'sequence'}."
    if not live:
        return "miss", "A document that the cached result rests on was changed, deleted or hidden."
    return "hit", "A cached question means the same, and all that its result rests on holds."
