"""Train a cross-encoder, with sentence-transformers' own trainer."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assay_adapters.models import model_folder

from assay_training.fitting import Lesson, OnStep, Plan, arguments, callback, freeze, prepare, quietly, with_lora

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BASE = "packaged:all-MiniLM-L6-v2"
_SURE = 10.0  # ListNet takes the softmax of labels: this makes the right passage all but certain
_MINI_BATCH = 16


def train(base: str, taught: Sequence[Lesson], plan: Plan, *, on_step: OnStep) -> "CrossEncoder":
    """A cross-encoder that tells the right passage of each lesson from the wrong ones.

    The loss is ListNet's (Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007) with
    one right passage in each list: the cross entropy of the softmax over the list.
    """
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import ListNetLoss

    prepare(plan)
    model = CrossEncoder(model_folder(base), num_labels=1, max_length=plan.max_tokens, local_files_only=True)
    whole: Any = model[0]
    if plan.lora:
        whole.model = with_lora(whole.model, plan, keep=["classifier"])
    else:
        freeze(whole.model, plan.frozen)
    rows = Dataset.from_dict(
        {
            "query": [one.query for one in taught],
            "passages": [[one.positive, *one.negatives] for one in taught],
            "labels": [[_SURE, *[0.0] * len(one.negatives)] for one in taught],
        }
    )
    with TemporaryDirectory() as folder:
        trainer = CrossEncoderTrainer(
            model=model,
            args=CrossEncoderTrainingArguments(**arguments(plan, Path(folder))),
            train_dataset=rows,
            loss=ListNetLoss(model, mini_batch_size=_MINI_BATCH),
            callbacks=[callback(on_step)],
        )
        quietly(trainer)
    if plan.lora:
        whole.model = whole.model.merge_and_unload()
    return model.eval()
