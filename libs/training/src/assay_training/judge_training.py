"""Train the judge: one pass or a few over the packs, within a time."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from assay_adapters.judge_encoder import JudgeConfig, JudgeEncoder, Outputs, from_base, load, save
from assay_adapters.models import model_folder
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from assay_training.judge_features import Example, Labelled, batches

BASE = "packaged:all-MiniLM-L6-v2"
_WARM_UP = 0.06
_CLASS_WEIGHTS = (1.4, 1.0, 1.0)  # made claims are false a little more often than true


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast.

    `steps` settles the schedule, and the run can be repeated; without it the clock does, so that `minutes` are filled
    whatever else the machine does.
    """

    seed: int
    minutes: float
    steps: int | None = None
    threads: int | None = None
    tokens: int = 2560
    rate: float = 2e-4
    head_rate: float = 8e-4
    checkpoint_s: float = 180.0


def base_tokenizer() -> Tokenizer:
    """The base model's tokenizer, neither padding nor cutting."""
    tokenizer = Tokenizer.from_file(str(Path(model_folder(BASE)) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def train(
    examples: Sequence[Example],
    plan: Plan,
    *,
    out: Path,
    resume: bool = False,
    on_step: Callable[[int, int, float], None] = lambda _step, _steps, _loss: None,
) -> JudgeEncoder:
    """The trained judge; its weights are written to `out` every few minutes."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads or os.cpu_count() or 1)
    state = out / "progress.json"
    if resume and state.is_file():
        model, done = load(out), int(json.loads(state.read_text())["step"])
    else:
        model, done = from_base(Path(model_folder(BASE)) / "model.safetensors", JudgeConfig()), 0
    optimizer = _optimizer(model, plan)
    started = saved = time.monotonic()
    step, shown = done, 0.0
    for labelled in _endless(examples, plan, done):
        share = step / plan.steps if plan.steps else (time.monotonic() - started) / (plan.minutes * 60)
        if share >= 1:
            break
        for group, peak in zip(optimizer.param_groups, (plan.rate, plan.head_rate), strict=True):
            group["lr"] = peak * min(share / _WARM_UP, (1 - share) / (1 - _WARM_UP))
        loss = _step(model, optimizer, labelled)
        shown = loss if step == done else 0.98 * shown + 0.02 * loss
        step += 1
        on_step(step, int(step / max(share, 1e-3)), shown)
        if time.monotonic() - saved > plan.checkpoint_s:
            save(model, out)
            state.write_text(json.dumps({"step": step, "loss": round(shown, 4)}))
            saved = time.monotonic()
    save(model, out)
    seconds = round(time.monotonic() - started)
    state.write_text(json.dumps({"step": step, "loss": round(shown, 4), "seconds": seconds}))
    return model.eval()


def _endless(examples: Sequence[Example], plan: Plan, skip: int) -> Iterator[Labelled]:
    number = 0
    epoch = 0
    while True:
        for labelled in batches(examples, tokens=plan.tokens, rng=Random(f"{plan.seed}-{epoch}")):
            number += 1
            if number > skip:
                yield labelled
        epoch += 1


def _optimizer(model: JudgeEncoder, plan: Plan) -> torch.optim.Optimizer:
    """The lowest layers and the embeddings stay as they are: they know more words than the packs do."""
    upper = [p for layer in model.layers[model.config.joined :] for p in layer.parameters()]
    heads = [model.told, model.point_from, model.point_to, model.error, model.verdict, model.passage, model.answer]
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    fresh = [p for head in heads for p in head.parameters()]
    for parameter in (*upper, *fresh):
        parameter.requires_grad_(True)
    return torch.optim.AdamW(
        [{"params": upper}, {"params": fresh}], lr=plan.rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )


def _step(model: JudgeEncoder, optimizer: torch.optim.Optimizer, labelled: Labelled) -> float:
    model.train()
    optimizer.zero_grad(set_to_none=True)
    outputs = run(model, labelled)
    total = loss_of(outputs, labelled)
    total.backward()
    torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
    optimizer.step()
    return float(total.detach())


def run(model: JudgeEncoder, labelled: Labelled) -> Outputs:
    """The model's word on a batch, in bf16."""
    batch = labelled.batch
    ids, kinds, positions, numbers = (
        torch.from_numpy(array) for array in (batch.ids, batch.kinds, batch.positions, batch.numbers)
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            states, matches, bias = model.read(ids, kinds, positions)
        return model.compare(states, matches, bias, ids, kinds, numbers)


def loss_of(outputs: Outputs, labelled: Labelled) -> Tensor:
    """Verdicts, and beside them what helps to find them: wrong words, deciding words, relevance."""
    target = torch.from_numpy(labelled.verdict)
    weights = {task: torch.from_numpy(w) for task, w in labelled.weights.items()}
    by_class = (target * torch.tensor(_CLASS_WEIGHTS)).sum(-1)
    verdict = -(target * torch.log_softmax(outputs.verdicts, -1)).sum(-1) * by_class
    total = _mean(verdict, weights["ground"])
    # Which kind of false a claim is, made claims do not tell well; that it is false, they do.
    true = torch.log_softmax(outputs.verdicts, -1)[..., 0]
    false = torch.logsumexp(torch.log_softmax(outputs.verdicts, -1)[..., 1:], -1)
    binary = -(target[..., 0] * true + (1 - target[..., 0]) * false) * by_class
    total = total + _mean(binary, weights["ground"])
    relevant = target[..., 0]
    for task, logits, balance in (("passage", outputs.passage, 1.3), ("answer", outputs.answer, 2.0)):
        each = functional.binary_cross_entropy_with_logits(
            logits, relevant, pos_weight=torch.tensor(balance), reduction="none"
        )
        total = total + 0.5 * _mean(each, weights[task])
    errors = torch.from_numpy(labelled.errors)
    known = (errors >= 0).float()
    wrong = functional.binary_cross_entropy_with_logits(
        outputs.errors, errors.clamp(min=0), pos_weight=torch.tensor(3.0), reduction="none"
    )
    total = total + _mean(wrong, known)
    pointed = -(torch.from_numpy(labelled.evidence) * torch.log_softmax(outputs.evidence, -1)).sum(-1)
    return total + 0.15 * _mean(pointed, torch.from_numpy(labelled.has_evidence))


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1.0)
