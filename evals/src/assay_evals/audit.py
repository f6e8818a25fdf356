"""Whether an answer from the cache is still what a fresh one says."""

from assay_core.answers import Answer, Verdict
from assay_core.ports import Judge
from assay_core.sentences import split_sentences

from assay_evals.run import has_abstained

HIT_RATE = "cache_hit_rate"
WRONG_HIT_RATE = "cache_wrong_hit_rate"


def agree(cached: Answer, fresh: Answer, judge: Judge) -> bool:
    """Whether all that the cached answer says is borne out by the fresh one and its passages; where one says that the
    documents do not tell, the other must say so too."""
    if has_abstained(cached) or has_abstained(fresh):
        return has_abstained(cached) == has_abstained(fresh)
    claims = [cached.text[start:end] for start, end in split_sentences(cached.text)]
    judged = judge.judge_claims(claims, [fresh.text, *(hit.text for hit in fresh.sources)])
    return all(one.verdict is Verdict.SUPPORTED for one in judged)
