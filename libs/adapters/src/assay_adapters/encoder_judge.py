"""The `Judge` port on the trained encoder of `assay_models`: no language model, its error measured.

Sources are cut into windows, each read once for all claims that are held against it; a claim stands if one window
backs it. How good that is, on which data: docs/measurements.md and the model's card.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
from assay_core.answers import Verdict
from assay_core.claims import claims_of
from assay_core.evaluation import ClaimJudgement, TriadSample, TriadScore

from assay_adapters.entailment import missing_numbers, opposed, wording
from assay_adapters.judge_folder import Calibration, converted, read_judge
from assay_adapters.judge_input import CLAIM_TOKENS, SOURCE, Row, collate, encode
from assay_adapters.judge_windows import Chooser, Piece, Window, pieces_of, windows_of

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

PACKAGED = "packaged:judge"
_CLS, _SEP = 101, 102
_MOST_WINDOWS = 4
_CLAIMS_A_ROW = 8
_ROW_TOKENS = 448
_BATCH_TOKENS = 2048
_ANSWER_TOKENS = 300


@dataclass(frozen=True, slots=True)
class _Pair:
    """What the network says of one claim and one window: log-odds of support, and of contradiction, and the piece."""

    support: float
    contradiction: float
    piece: Piece
    window: Window


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a claim, as `Calibration` weighs it; `backing` and `against` are the pieces that say so."""

    support: float
    contradiction: float
    numbers: float
    negation: float
    backing: Piece
    against: Piece


@dataclass(frozen=True, slots=True)
class _Job:
    """A row of the network: a source's ids, and for each text in it the caller's number."""

    source: Sequence[int]
    texts: Sequence[Sequence[int]]
    numbers: Sequence[int]
    window: Window = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """The network's outputs for one text of one row; `evidence` is of the source's tokens."""

    number: int
    text: Sequence[int]
    verdicts: Matrix
    passage: float
    answer: float
    evidence: Matrix
    window: Window


class EncoderJudge:
    """Loads with construction: converts the weights once into `cache_path`, some seconds; later under a second.

    Args:
        cache_path: where the run-time form is kept, shared by all processes.
        model: as `models.model_folder` takes it.
        threads: processor threads; None for all.
    """

    def __init__(self, *, cache_path: Path | str, model: str = PACKAGED, threads: int | None = None) -> None:
        from tokenizers import Tokenizer

        folder = read_judge(model)
        self._identity = folder.identity
        self._calibration: Calibration = folder.calibration
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        graph = converted(folder, Path(cache_path))
        self._request = _compile(graph, threads or os.cpu_count() or 1).create_infer_request()
        self._lock = threading.Lock()

    @property
    def model_id(self) -> str:
        return f"encoder-judge:{self._identity}"

    def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
        if not claims or not any(source.strip() for source in sources):
            return [ClaimJudgement(Verdict.UNSUPPORTED, 0.0, None) for _ in claims]
        return [_judge(signs, self._calibration) for signs in self.signs(claims, sources)]

    def signs(self, claims: Sequence[str], sources: Sequence[str]) -> list[Signs]:
        """What speaks for and against each claim, before it is weighed. One source at least must hold a text."""
        coded = encode(self._tokenizer, claims, limit=CLAIM_TOKENS)
        by_claim: list[list[_Pair]] = [[] for _ in claims]
        for found in self._run(_jobs(coded, pieces_of(sources, self._tokenizer))):
            by_claim[found.number].append(_pair(found))
        return [_signs(claim, pairs, sources) for claim, pairs in zip(claims, by_claim, strict=True)]

    def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
        return [self._score(sample) for sample in samples]

    def passage_relevance(self, question: str, passages: Sequence[str]) -> list[float]:
        """How probably each passage tells about the question, in input order; of long ones the best window counts."""
        pieces = pieces_of(passages, self._tokenizer)
        asked = encode(self._tokenizer, [question], limit=CLAIM_TOKENS)
        jobs = [_Job(_source(w), asked, [w[0].source], w) for w in windows_of(pieces)]
        best = [0.0] * len(passages)
        for found in self._run(jobs):
            best[found.number] = max(best[found.number], _probability(found.passage, *self._calibration.passage))
        return best

    def answer_relevance(self, question: str, answer: str) -> float:
        """How probably the answer, true or not, is one to the question."""
        asked = encode(self._tokenizer, [question], limit=CLAIM_TOKENS)
        (source,) = encode(self._tokenizer, [answer], limit=_ANSWER_TOKENS)
        (found,) = self._run([_Job(source, asked, [0])])
        return _probability(found.answer, *self._calibration.answer)

    def _score(self, sample: TriadSample) -> TriadScore:
        if not sample.answer.strip():
            return TriadScore(sample.id, None, None, None, failure="The answer is empty.")
        if not any(context.strip() for context in sample.contexts):
            return TriadScore(sample.id, None, None, None, failure="No passage was given to the model.")
        judged = self.judge_claims(claims_of(sample.question, sample.answer), sample.contexts)
        relevance = self.passage_relevance(sample.question, sample.contexts)
        return TriadScore(
            sample.id,
            context_relevance=sum(relevance) / len(relevance),
            groundedness=sum(j.verdict is Verdict.SUPPORTED for j in judged) / len(judged),
            answer_relevance=self.answer_relevance(sample.question, sample.answer),
        )

    def _run(self, jobs: Sequence[_Job]) -> list[_Found]:
        found: list[_Found] = []
        with self._lock:
            for batch in _batches(jobs):
                arrays = collate([Row(job.source, job.texts) for job in batch])
                self._request.infer([arrays.ids, arrays.kinds, arrays.positions, arrays.numbers])
                found += _read(self._request, batch, arrays.kinds)
        return found


def _jobs(claims: Sequence[Sequence[int]], pieces: Sequence[Piece]) -> list[_Job]:
    """Every claim against the windows chosen for it, those of one window in as few rows as fit."""
    windows = windows_of(pieces)
    chooser = Chooser(pieces, windows)
    by_window: dict[int, list[int]] = {}
    jobs: list[_Job] = []
    for number, claim in enumerate(claims):
        inner = claim[1:-1]
        for chosen in chooser.windows(inner, most=_MOST_WINDOWS):
            by_window.setdefault(chosen, []).append(number)
        gathered = chooser.gathered(inner) if len(windows) > 1 else ()
        if gathered and gathered not in windows:
            jobs.append(_Job(_source(gathered), [claim], [number], gathered))
    for chosen, numbers in by_window.items():
        source = _source(windows[chosen])
        group: list[int] = []
        width = len(source)
        for number in numbers:
            if group and (len(group) == _CLAIMS_A_ROW or width + len(claims[number]) > _ROW_TOKENS):
                jobs.append(_Job(source, [claims[n] for n in group], group, windows[chosen]))
                group, width = [], len(source)
            group.append(number)
            width += len(claims[number])
        jobs.append(_Job(source, [claims[n] for n in group], group, windows[chosen]))
    return jobs


def _source(window: Window) -> list[int]:
    return [_CLS, *(token for piece in window for token in piece.ids), _SEP]


def _batches(jobs: Sequence[_Job]) -> list[list[_Job]]:
    """Jobs of about equal width together, the widest first."""

    def width(job: _Job) -> int:
        return len(job.source) + sum(map(len, job.texts))

    batches: list[list[_Job]] = []
    for job in sorted(jobs, key=width, reverse=True):
        if batches and (len(batches[-1]) + 1) * width(batches[-1][0]) <= _BATCH_TOKENS:
            batches[-1].append(job)
        else:
            batches.append([job])
    return batches


def _read(request: Any, jobs: Sequence[_Job], kinds: np.ndarray[Any, Any]) -> list[_Found]:
    verdicts, passage, answer, _, evidence = (np.array(request.get_output_tensor(i).data) for i in range(5))
    return [
        _Found(
            number,
            job.texts[k],
            verdicts[i, k],
            float(passage[i, k]),
            float(answer[i, k]),
            evidence[i, k][kinds[i] == SOURCE],
            job.window,
        )
        for i, job in enumerate(jobs)
        for k, number in enumerate(job.numbers)
    ]


def _pair(found: _Found) -> _Pair:
    supported, contradicted, not_enough = (float(x) for x in found.verdicts)
    support = supported - float(np.logaddexp(contradicted, not_enough))
    contradiction = contradicted - float(np.logaddexp(supported, not_enough))
    return _Pair(support, contradiction, _deciding(found), found.window)


def _deciding(found: _Found) -> Piece:
    """The sentence of the window on which most of the evidence lies; what it shares with the claim counts as much."""
    weights: list[float] = []
    said = set(found.text[1:-1])
    at = 1
    for piece in found.window:
        shared = len(said.intersection(piece.ids)) / max(1, len(said))
        weights.append(shared + float(found.evidence[at : at + len(piece.ids)].sum()))
        at += len(piece.ids)
    return found.window[int(np.argmax(weights))]


def _signs(claim: str, pairs: Sequence[_Pair], sources: Sequence[str]) -> Signs:
    best = max(pairs, key=lambda pair: pair.support)
    # Another document that says otherwise, of another site or year, does not make what this one says untrue.
    same = [pair for pair in pairs if pair.piece.source == best.piece.source]
    against = max(same, key=lambda pair: pair.contradiction)
    said = wording(claim)
    window = wording(" ".join(sources[piece.source][piece.start : piece.end] for piece in best.window))
    sentence = wording(sources[best.piece.source][best.piece.start : best.piece.end])
    return Signs(
        best.support,
        max(0.0, against.contradiction),
        float(missing_numbers(said, window)),
        float(opposed(said, sentence)),
        best.piece,
        against.piece,
    )


def _judge(signs: Signs, calibration: Calibration) -> ClaimJudgement:
    weighed = (
        calibration.scale * signs.support
        + calibration.contradiction * signs.contradiction
        + calibration.numbers * signs.numbers
        + calibration.negation * signs.negation
    )
    probability = _probability(weighed, 1.0, calibration.shift)
    if probability >= 0.5:
        verdict, piece = Verdict.SUPPORTED, signs.backing
    elif signs.contradiction > 0:
        verdict, piece = Verdict.CONTRADICTED, signs.against
    else:
        verdict, piece = Verdict.UNSUPPORTED, signs.backing
    return ClaimJudgement(verdict, probability, piece.source, piece.start, piece.end)


def _probability(margin: float, scale: float, shift: float) -> float:
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, scale * margin + shift))))


def _compile(graph: Path, threads: int) -> Any:  # Any: openvino.CompiledModel is untyped
    import openvino

    core = openvino.Core()
    # One stream: of two threads, both work at the one claim that somebody waits for.
    options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    return core.compile_model(graph, "CPU", options)
