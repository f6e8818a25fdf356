"""The whole way of the judge: data, training, calibration, and what is written beside the weights."""

import json
import shutil
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from random import Random

from assay_adapters.judge_encoder import load
from assay_adapters.models import model_folder
from assay_core.errors import Invalid

from assay_training.corpora import LICENCES, Corpora
from assay_training.judge_calibration import (
    SHORTENED,
    UNSHORTENED,
    a_part,
    calibrate,
    relevance_fit,
    whole_cases,
    write_cases,
)
from assay_training.judge_data import DEVELOPMENT_SHARE, SETS, build, is_development
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
    leave_out: Collection[str] = (),
    held_back: float = DEVELOPMENT_SHARE,
    most_cases: int | None = None,
    resume: bool = False,
    calibrate_only: bool = False,
    on_progress: Progress = lambda _what, _done, _total: None,
) -> dict[str, object]:
    """Train, calibrate and write a judge into `out`. Returns its figures on development data.

    Below `out`, `development` holds the cases of the calibration, and `held_back` those of all documents that were held
    back, or of the sets that were left out: the same ones whatever is left out, so that two trainings can be compared.

    Args:
        leave_out: sets that neither training nor calibration sees, to measure on.
        held_back: share of the documents that training does not see; the calibration needs but a tenth of all.
        most_cases: of each set in the calibration; None for all.
        calibrate_only: take the weights that `out` holds.

    Raises:
        Invalid: `leave_out` names no set, or all of them.
    """
    if unknown := [name for name in leave_out if name not in SETS]:
        raise Invalid(f"{unknown[0]!r} is no set; --leave-out takes {', '.join(SETS)}.", code="bad_set")
    if set(leave_out) == set(SETS):
        raise Invalid("Every set is left out; nothing remains to train on.", code="bad_set")
    corpora = Corpora(data)
    out.mkdir(parents=True, exist_ok=True)
    fingerprints = corpora.fingerprints(name for name in LICENCES if not name.startswith("beir_"))
    on_progress("make claims", 0, rounds)
    packs = build(corpora, seed=plan.seed, rounds=rounds, leave_out=leave_out)
    tokenizer = base_tokenizer()
    kept = encode_packs(tokenizer, [p for p in packs if not is_development(p.document, held_back)])
    held = encode_packs(tokenizer, [p for p in packs if is_development(p.document)])
    if calibrate_only:
        model = load(out).eval()
    else:
        model = train(
            kept, plan, out=out, resume=resume, on_step=lambda step, steps, _: on_progress("train", step, steps)
        )
    shutil.copyfile(Path(model_folder(BASE)) / "tokenizer.json", out / "tokenizer.json")
    on_progress("calibrate", 0, 1)
    most = _RELEVANCE_PACKS if most_cases is None else 4 * most_cases
    held = Random(plan.seed).sample(held, min(most, len(held)))
    passage, passage_fit = relevance_fit(model, held, "passage")
    answer, answer_fit = relevance_fit(model, held, "answer")
    unseen = whole_cases(corpora, seed=plan.seed, held_back=held_back)
    write_cases([case for case in unseen if not leave_out or case.corpus in leave_out], out / "held_back")
    cases = [
        case
        for case in unseen
        if case.corpus not in leave_out and case.set not in (SHORTENED, UNSHORTENED) and is_development(case.document)
    ]
    if most_cases is not None:
        cases = a_part(cases, most_cases, Random(plan.seed))
    write_cases(cases, out / "development")
    calibration, fits = calibrate(
        out, out / "cache", cases, {"passage": passage, "answer": answer}, threads=plan.threads
    )
    shutil.rmtree(out / "cache", ignore_errors=True)
    progress = out / "progress.json"
    report: dict[str, object] = {
        "base": BASE,
        "seed": plan.seed,
        "rows": len(kept),
        "claims_and_questions": sum(len(e.slots) for e in kept),
        "left_out": sorted(leave_out),
        "held_back": held_back,
        "progress": json.loads(progress.read_text()) if progress.is_file() else None,
        "calibration": asdict(calibration),
        "development": {name: asdict(fit) for name, fit in fits.items()},
        "passage_relevance": asdict(passage_fit),
        "answer_relevance": asdict(answer_fit),
    }
    (out / "data.json").write_text(json.dumps({"files": fingerprints, "training": report}, indent=2) + "\n")
    return report
