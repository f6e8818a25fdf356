"""Fine-tune an embedder by contrast, with sentence-transformers' own trainer."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assay_adapters.models import model_folder

from assay_training.fitting import Lesson, OnStep, Plan, arguments, callback, freeze, prepare, quietly, with_lora

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BASE = "packaged:all-MiniLM-L6-v2"


def train(base: str, taught: Sequence[Lesson], plan: Plan, *, on_step: OnStep) -> "SentenceTransformer":
    """An embedder that brings a question nearer to its passage than to the wrong ones, and to those of other questions.

    The loss is InfoNCE over the batch's passages and the hard negatives (van den Oord et al., "Representation learning
    with contrastive predictive coding", 2018), at a temperature of 1/20.
    """
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.base.sampler import BatchSamplers
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    prepare(plan)
    model = SentenceTransformer(model_folder(base), local_files_only=True)
    limit = model.max_seq_length
    model.max_seq_length = min(plan.max_tokens, limit or plan.max_tokens)
    whole: Any = model[0]
    if plan.lora:
        whole.model = with_lora(whole.model, plan)
    else:
        freeze(whole.model, plan.frozen)
    negatives = min((len(one.negatives) for one in taught), default=0)
    rows = Dataset.from_dict(
        {
            "anchor": [one.query for one in taught],
            "positive": [one.positive for one in taught],
            **{f"negative_{n}": [one.negatives[n] for one in taught] for n in range(negatives)},
        }
    )
    with TemporaryDirectory() as folder:
        trainer = SentenceTransformerTrainer(
            model=model,
            # The same passage twice in a batch would be its own wrong answer.
            args=SentenceTransformerTrainingArguments(
                **arguments(plan, Path(folder)), batch_sampler=BatchSamplers.NO_DUPLICATES
            ),
            train_dataset=rows,
            loss=MultipleNegativesRankingLoss(model),
            callbacks=[callback(on_step)],
        )
        quietly(trainer)
    if plan.lora:
        whole.model = whole.model.merge_and_unload()
    model.max_seq_length = limit
    return model.eval()
