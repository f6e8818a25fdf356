"""The whole way of a reranker or an embedder: questions, training, measuring, and what stands beside the weights."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from assay_adapters.cross_encoder import SETTINGS, CrossEncoderReranker
from assay_adapters.openvino_embedder import OpenVinoEmbedder
from assay_core.errors import Invalid
from assay_evals.candidates import Asked, read

from assay_training import embedder_training, ranking_sets, reranker_training
from assay_training.corpora import Corpora
from assay_training.fitting import OnStep, Plan, divided, lessons
from assay_training.hybrid import ask
from assay_training.ranking_measures import (
    Difference,
    as_fused,
    as_reranked,
    best_weight,
    by_cosine,
    compared,
    scored,
)

BASE = "packaged:all-MiniLM-L6-v2"
_FOUND = 50
_CACHE = ".cache"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a ranker is trained on and judged by.

    `data` is the folder of the sets that may be shipped, `questions` are files of `assay eval candidates`. Nothing is
    chosen on the sets of `judged_by`, folders in BEIR's or SQuAD's form. `held_back` is the share of the documents
    whose questions are kept from training.
    """

    data: Path | None = None
    questions: Sequence[Path] = ()
    judged_by: Sequence[Path] = ()
    held_back: float = 0.1


@dataclass(frozen=True, slots=True)
class Report:
    """What came out. `held_back` and `judged_by` have a difference for each set and one for the mean of sets.

    `weight` is how much a reranker's score counts beside the fused one; None: it decides alone, or it is an embedder.
    """

    kind: str
    base: str
    plan: Plan
    files: Sequence[Mapping[str, str]]
    questions: int
    lessons: int
    weight: float | None
    held_back: Mapping[str, Difference]
    judged_by: Mapping[str, Difference] = field(default_factory=dict[str, Difference])

    @property
    def passed(self) -> bool:
        """Whether the interval of the difference on held-back questions is above 0."""
        return self.held_back["mean"].low > 0

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "passed": self.passed}


def train_reranker(
    sources: Sources, plan: Plan, *, out: Path, base: str = BASE, on_progress: Progress = lambda _w, _d, _t: None
) -> Report:
    """Train a cross-encoder, choose its weight, measure it, and write it into `out`.

    The weight is chosen on one half of the held-back questions, by a hash of their words; the other half judges.

    Raises:
        Invalid: there is nothing to train on, or too little.
    """
    asked, judging, files = _questions(sources, plan, out, on_progress)
    trained, kept = divided(asked, sources.held_back)
    taught = lessons(trained, plan)
    reranker_training.train(base, taught, plan, on_step=_told(on_progress)).save_pretrained(str(out))
    settings = {"weight": None, "digest": _digest(out / "model.safetensors")}
    (out / SETTINGS).write_text(json.dumps(settings) + "\n")
    reranker = CrossEncoderReranker(model=str(out))
    on_progress("measure", 0, len(kept) + len(judging))
    chosen_on = [one for one in kept if _chooses(one)]
    others = [one for one in kept if not _chooses(one)]
    weight = best_weight(chosen_on, scored(chosen_on, reranker))
    (out / SETTINGS).write_text(json.dumps({**settings, "weight": weight}) + "\n")

    def difference(of: Sequence[Asked]) -> dict[str, Difference]:
        return compared(of, as_fused(of), as_reranked(of, scored(of, reranker), weight)) if of else {}

    report = Report(
        "reranker", base, plan, files, len(trained), len(taught), weight, difference(others), difference(judging)
    )
    _describe(out, report)
    return report


def train_embedder(
    sources: Sources, plan: Plan, *, out: Path, base: str = BASE, on_progress: Progress = lambda _w, _d, _t: None
) -> Report:
    """Fine-tune an embedder, measure how it orders what the search found, and write it into `out`.

    Raises:
        Invalid: there is nothing to train on, or too little.
    """
    asked, judging, files = _questions(sources, plan, out, on_progress)
    trained, kept = divided(asked, sources.held_back)
    taught = lessons(trained, plan)
    embedder_training.train(base, taught, plan, on_step=_told(on_progress)).save_pretrained(str(out))
    on_progress("measure", 0, len(kept) + len(judging))
    old = OpenVinoEmbedder(model=base, cache_path=out / _CACHE, threads=plan.threads)
    new = OpenVinoEmbedder(model=str(out), cache_path=out / _CACHE, threads=plan.threads)

    def difference(of: Sequence[Asked]) -> dict[str, Difference]:
        return compared(of, by_cosine(of, old), by_cosine(of, new)) if of else {}

    report = Report(
        "embedder", base, plan, files, len(trained), len(taught), None, difference(kept), difference(judging)
    )
    _describe(out, report)
    return report


def _questions(
    sources: Sources, plan: Plan, out: Path, on_progress: Progress
) -> tuple[list[Asked], list[Asked], list[dict[str, str]]]:
    """Those to train and measure on, those of the sets that judge, and the files they come from."""
    if sources.data is None and not sources.questions:
        raise Invalid("There is nothing to train on; give --data or --questions.", code="no_data")
    out.mkdir(parents=True, exist_ok=True)
    embedder = cache(lambda: OpenVinoEmbedder(model=BASE, cache_path=out / _CACHE, threads=plan.threads))
    asked = [one for path in sources.questions for one in read(path)]
    files = [{"file": path.name, "sha256": _digest(path), "licence": "your own"} for path in sources.questions]
    if sources.data is not None:
        corpora = Corpora(sources.data)
        files += ranking_sets.fingerprints(corpora)
        for chosen in ranking_sets.shippable(corpora, seed=plan.seed):
            asked += ask(chosen, embedder(), most=_FOUND, on_progress=on_progress)
    judging = [
        one
        for folder in sources.judged_by
        for one in ask(ranking_sets.of_folder(folder), embedder(), on_progress=on_progress)
        if one.found
    ]
    return asked, judging, files


def _told(on_progress: Progress) -> OnStep:
    return lambda step, steps: on_progress("train", step, steps)


def _chooses(asked: Asked) -> bool:
    return hashlib.sha256(asked.query.encode()).digest()[0] % 2 == 0


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _describe(out: Path, report: Report) -> None:
    """Write `data.json`, all figures for machines, and `card.md`, the same for people."""
    (out / "data.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    (out / "card.md").write_text("\n".join(_card(report)) + "\n")


def _card(report: Report) -> Iterator[str]:
    plan = report.plan
    yield f"# {report.kind.capitalize()}\n"
    how = f"LoRA of rank {plan.lora}, merged" if plan.lora else f"all but the {plan.frozen} lowest layers"
    yield (
        f"Made from {report.base} by `assay train {report.kind}`, seed {plan.seed}: {report.lessons:,} lessons with"
        f" {plan.negatives} wrong passages each, of {report.questions:,} questions, at most {plan.max_tokens} tokens;"
        f" {how}."
    )
    if report.kind == "reranker":
        decides = "decides alone" if report.weight is None else f"counts {report.weight:g} beside the fused score"
        yield f"Its score {decides}.\n"
    yield f"\n{'Passed' if report.passed else 'Not passed'}: the interval on held-back questions has to be above 0.\n"
    yield "| set | questions | nDCG@10 before | after | difference, 95 % |\n|---|---|---|---|---|"
    for title, found in (("held back: ", report.held_back), ("never seen: ", report.judged_by)):
        for name, one in found.items():
            yield (
                f"| {title}{name} | {one.questions} | {one.before:.3f} | {one.after:.3f} |"
                f" {one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}] |"
            )
    yield "\n| file | sha256 | licence |\n|---|---|---|"
    yield from (f"| {file['file']} | {file['sha256']} | {file['licence']} |" for file in report.files)
