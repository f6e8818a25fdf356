"""Sentences that people labelled, as cases that judges are measured on (see `groundedness`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from assay_core.claims import without_marks
from assay_core.errors import Invalid
from assay_core.feedback import Label, LabelledClaim

from assay_evals.groundedness import Case, CaseSet, Fault, Scorer

RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Cases and, by their line, what the judge said when the answer was written (None: it could not judge).

    `agreeing` of `pairs` pairs of labels that two people gave the same sentence are the same: a judge that agrees with
    people more often than they do among themselves has learnt their mistakes.
    """

    given: CaseSet
    recorded: Mapping[int, float | None]
    pairs: int
    agreeing: int


def labelled_set(name: str, labels: Sequence[LabelledClaim]) -> LabelledSet:
    """One case a sentence; several people's labels are decided by the majority, and a tie is a fault."""
    sentences: dict[tuple[str, int], list[LabelledClaim]] = {}
    for each in labels:
        sentences.setdefault((each.answer, each.claim), []).append(each)
    cases: list[Case] = []
    faults: list[Fault] = []
    recorded: dict[int, float | None] = {}
    pairs = agreeing = 0
    for line, ((answer, claim), given) in enumerate(sentences.items(), 1):
        votes = [int(one.label is not Label.SUPPORTED) for one in given]
        both = list(combinations(votes, 2))
        pairs, agreeing = pairs + len(both), agreeing + sum(a == b for a, b in both)
        one = given[0]
        sources = tuple(source for source in one.sources if source.strip())
        if 2 * sum(votes) == len(votes):
            faults.append(Fault(line, f"answer {answer}, sentence {claim}: people disagree, {len(votes)} labels"))
        elif not sources:
            faults.append(Fault(line, f"answer {answer}, sentence {claim}: the answer had no passages"))
        else:
            cases.append(Case(line, sources, "", without_marks(one.text), int(2 * sum(votes) > len(votes))))
            recorded[line] = one.probability
    return LabelledSet(CaseSet(name, tuple(cases), tuple(faults)), recorded, pairs, agreeing)


def recorded_scorer(labelled: LabelledSet) -> Scorer:
    """What the platform's judge said when it wrote the answers: these very sentences, in their own answers."""

    def score(case: Case) -> float:
        probability = labelled.recorded[case.line]
        if probability is None:
            raise Invalid("the sentence could not be judged when it was written", code="unverified")
        return 1 - probability

    return Scorer(RECORDED, score)
