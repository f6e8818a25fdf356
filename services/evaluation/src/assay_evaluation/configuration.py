"""What produced the scores of a run, as far as the answers tell it."""

from collections.abc import Iterable, Mapping
from typing import cast

from assay_core.answers import Answer


def with_answer(configuration: Mapping[str, object], answer: Answer) -> Mapping[str, object]:
    """The configuration, with the models and the prompt version that an answer names.

    Lists, since an upgrade may happen in the middle of a run: then the figures are of both, and say so.
    """
    seen = {
        "chat_models": [answer.model],
        "prompt_versions": [answer.prompt_version],
        "scored_by": {str(hit.scored_by) for hit in answer.sources},
        "degraded": {missing.component for missing in answer.degraded},
    }
    grown = dict(configuration)
    for name, values in seen.items():
        known = cast(list[str], configuration.get(name, []))
        if joined := _joined(known, values):
            grown[name] = joined
    return grown


def _joined(known: Iterable[str], new: Iterable[str]) -> list[str]:
    return sorted({*known, *(value for value in new if value)})
