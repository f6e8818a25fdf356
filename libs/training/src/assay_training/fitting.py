"""What training a reranker and an embedder have in common."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import torch
from assay_core.errors import Invalid
from assay_evals.candidates import Asked, Found, is_held_back

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_HARDEST = 10
_LORA_LAYERS = r".*\.(query|key|value|dense|q_proj|k_proj|v_proj|o_proj|q_lin|k_lin|v_lin|out_lin|lin1|lin2)"
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is trained.

    Args:
        steps: exactly so many, however often that goes over the questions; None: `epochs` times over all of them.
        negatives: passages beside each right one, half of them from the first ten of the search.
        rate: None for what suits: 5e-5, with LoRA ten times that.
        lora: rank of the added matrices, which are merged into the weights at the end; 0 trains the weights themselves.
        frozen: so many of the lowest layers stay as they are, and with them the vectors of words: they know more words
            than a few ten thousand questions do, and it saves a quarter of the time.
    """

    seed: int = 1
    epochs: float = 1.0
    steps: int | None = None
    batch: int = 8
    negatives: int = 3
    rate: float | None = None
    lora: int = 0
    frozen: int = 2
    max_tokens: int = 192
    threads: int | None = None

    @property
    def peak_rate(self) -> float:
        return self.rate or (5e-4 if self.lora else 5e-5)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question, a passage that answers it, and passages that do not, though a search found them for it."""

    query: str
    positive: str
    negatives: tuple[str, ...]


def divided(asked: Sequence[Asked], held_back: float) -> tuple[list[Asked], list[Asked]]:
    """Those to train on and those to measure on.

    Raises:
        Invalid: one of both parts is too small.
    """
    kept = [one for one in asked if is_held_back(one, held_back) and one.found]
    trained = [one for one in asked if not is_held_back(one, held_back)]
    if min(len(kept), len(trained)) < _LEAST_QUESTIONS:
        raise Invalid(
            f"{len(asked)} questions are {len(trained)} to train on and {len(kept)} to measure on; each needs"
            f" {_LEAST_QUESTIONS}. Give more questions, or another --held-back.",
            code="too_few_questions",
        )
    return trained, kept


_LEAST_QUESTIONS = 20


def lessons(asked: Sequence[Asked], plan: Plan) -> list[Lesson]:
    """Every passage of a question that was found and is right, with as many wrong ones as the plan says.

    A right passage that the search did not find among its first is left out: either the question does not ask for it,
    or no reranker will ever see it (round-trip filtering).
    """
    rng = Random(plan.seed)
    found = [lesson for one in asked for lesson in _lessons(one, plan.negatives, rng)]
    rng.shuffle(found)
    return found


def _lessons(asked: Asked, negatives: int, rng: Random) -> Iterator[Lesson]:
    best = max((found.grade for found in asked.found), default=0)
    wrong = [found for found in asked.found if found.grade <= 0]
    if best <= 0 or len(wrong) < negatives:
        return
    for right in (found for found in asked.found if found.grade == best):
        yield Lesson(asked.query, right.text, tuple(one.text for one in _drawn(wrong, negatives, rng)))


def _drawn(wrong: Sequence[Found], number: int, rng: Random) -> list[Found]:
    hardest = rng.sample(wrong[:_HARDEST], min((number + 1) // 2, len(wrong[:_HARDEST])))
    taken = {id(one) for one in hardest}
    others = [one for one in wrong if id(one) not in taken]
    return hardest + rng.sample(others, number - len(hardest))


def prepare(plan: Plan) -> None:
    """Make the run repeatable on the same machine, and let it have the threads it should."""
    from transformers.utils import logging

    # Which weights of a base model are new for a reranker is no news.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads or os.cpu_count() or 1)


def arguments(plan: Plan, folder: Path) -> dict[str, Any]:
    """What both trainers of sentence-transformers are told."""
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": plan.batch,
        "num_train_epochs": plan.epochs,
        "max_steps": plan.steps or -1,
        "learning_rate": plan.peak_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0.06,
        "weight_decay": 0.01,
        "bf16": True,
        "use_cpu": not torch.cuda.is_available(),
        "seed": plan.seed,
        "data_seed": plan.seed,
        "save_strategy": "no",
        "report_to": "none",
        "logging_strategy": "no",
        "disable_tqdm": True,
    }


def callback(on_step: OnStep) -> Any:
    """Tells of each step of a trainer."""
    from transformers import TrainerCallback

    class Told(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:  # noqa: ARG002
            on_step(state.global_step, state.max_steps)

    return Told()


def quietly(trainer: Any) -> None:
    """Train; nothing but what is asked for may stand on stdout."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.train()


def freeze(model: "PreTrainedModel", layers: int) -> None:
    """Leave the vectors of words and so many of the lowest layers of a BERT-like model as they are."""
    body: Any = getattr(model, model.base_model_prefix, model)
    lowest = [body.embeddings, *body.encoder.layer[:layers]] if layers and hasattr(body, "embeddings") else []
    for part in lowest:
        for parameter in part.parameters():
            parameter.requires_grad_(False)


def with_lora(model: "PreTrainedModel", plan: Plan, *, keep: Sequence[str] = ()) -> Any:
    """The model with added low-rank matrices, which alone are trained, and the layers named in `keep`.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    """
    from peft import LoraConfig, get_peft_model

    return get_peft_model(
        model,
        LoraConfig(
            r=plan.lora,
            lora_alpha=2 * plan.lora,
            lora_dropout=0.05,
            target_modules=_LORA_LAYERS,
            modules_to_save=list(keep) or None,
        ),
    )
