from collections.abc import Mapping, Sequence

from assay_core.answers import Verdict
from assay_core.errors import Unavailable
from assay_core.evaluation import ClaimJudgement, TriadSample, TriadScore

from assay_testing.words import content_words


class FakeJudge:
    """Says SUPPORTED if a source holds every content word of the claim; `verdicts` overrules it by claim."""

    def __init__(self, *, verdicts: Mapping[str, Verdict] | None = None, model_id: str = "fake-judge") -> None:
        self.down = False
        self.model_id = model_id
        self._verdicts = verdicts or {}

    def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
        if self.down:
            raise Unavailable("the judge is switched off for this test")
        return [self._judge(claim, sources) for claim in claims]

    def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
        if self.down:
            raise Unavailable("the judge is switched off for this test")
        return [_score(sample) for sample in samples]

    def _judge(self, claim: str, sources: Sequence[str]) -> ClaimJudgement:
        shares = [_share(claim, source) for source in sources]
        best = max(range(len(shares)), key=shares.__getitem__, default=None)
        share = 0.0 if best is None else shares[best]
        usual = Verdict.SUPPORTED if share == 1.0 else Verdict.UNSUPPORTED
        verdict = self._verdicts.get(claim, usual)
        if best is None or share == 0.0:
            return ClaimJudgement(verdict, share, None)
        return ClaimJudgement(verdict, share, best, 0, len(sources[best]))


def _share(claim: str, source: str) -> float:
    needed = set(content_words(claim))
    return len(needed & set(content_words(source))) / len(needed) if needed else 0.0


def _score(sample: TriadSample) -> TriadScore:
    if not sample.answer.strip():
        return TriadScore(sample.id, None, None, None, failure="the answer is empty")
    together = " ".join(sample.contexts)
    return TriadScore(
        sample.id,
        context_relevance=_share(sample.question, together),
        groundedness=_share(sample.answer, together),
        answer_relevance=_share(sample.question, sample.answer),
    )
