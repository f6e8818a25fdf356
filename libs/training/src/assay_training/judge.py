"""The whole way of the judge: data, training, calibration, and what is written beside the weights."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random

from assay_adapters.judge_encoder import load
from assay_adapters.models import model_folder

from assay_training.corpora import Corpora
from assay_training.judge_calibration import calibrate, relevance_fit, whole_cases, write_cases
from assay_training.judge_data import build, is_development
from assay_training.judge_features import encode_packs
from assay_training.judge_training import BASE, Plan, base_tokenizer, train

_RELEVANCE_PACKS = 800
Progress = Callable[[str, int, int], None]


def train_judge(
    data: Path,
    out: Path,
    plan: Plan,
    *,
    rounds: int = 3,
    leave_out: str | None = None,
    resume: bool = False,
    calibrate_only: bool = False,
    on_progress: Progress = lambda _what, _done, _total: None,
) -> dict[str, object]:
    """Train, calibrate and write a judge into `out`. Returns its figures on development data.

    Args:
        leave_out: a set that neither training nor calibration sees, to measure on.
        calibrate_only: take the weights that `out` holds.
    """
    corpora = Corpora(data)
    out.mkdir(parents=True, exist_ok=True)
    fingerprints = corpora.fingerprints()
    on_progress("make claims", 0, rounds)
    packs = [p for p in build(corpora, seed=plan.seed, rounds=rounds) if p.set != leave_out]
    tokenizer = base_tokenizer()
    kept = encode_packs(tokenizer, [p for p in packs if not is_development(p.document)])
    held = encode_packs(tokenizer, [p for p in packs if is_development(p.document)])
    if calibrate_only:
        model = load(out).eval()
    else:
        model = train(
            kept, plan, out=out, resume=resume, on_step=lambda step, steps, _: on_progress("train", step, steps)
        )
    shutil.copyfile(Path(model_folder(BASE)) / "tokenizer.json", out / "tokenizer.json")
    on_progress("calibrate", 0, 1)
    held = Random(plan.seed).sample(held, min(_RELEVANCE_PACKS, len(held)))
    passage, passage_fit = relevance_fit(model, held, "passage")
    answer, answer_fit = relevance_fit(model, held, "answer")
    cases = whole_cases(corpora, seed=plan.seed, leave_out=leave_out)
    write_cases(cases, out / "development")
    calibration, fits = calibrate(out, out / "cache", cases, {"passage": passage, "answer": answer})
    shutil.rmtree(out / "cache", ignore_errors=True)
    report: dict[str, object] = {
        "base": BASE,
        "seed": plan.seed,
        "rows": len(kept),
        "claims_and_questions": sum(len(e.slots) for e in kept),
        "left_out": leave_out,
        "progress": json.loads((out / "progress.json").read_text()),
        "calibration": asdict(calibration),
        "development": {name: asdict(fit) for name, fit in fits.items()},
        "passage_relevance": asdict(passage_fit),
        "answer_relevance": asdict(answer_fit),
    }
    (out / "data.json").write_text(json.dumps({"files": fingerprints, "training": report}, indent=2) + "\n")
    return report
