"""The files of a trained judge, and its run-time form."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from assay_core.errors import Invalid

from assay_adapters import openvino_runs
from assay_adapters.models import model_folder

_FORMAT = "2"  # what judge_export writes


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns the judge's numbers into probabilities; found on development data, see the model's card.

    A claim's probability is the logistic of `shift` and the weighted sum of: the log-odds of support in the window that
    backs it best (`scale`), those of the strongest contradiction in the same source where above 0
    (`contradiction`), whether a number of it is missing in that window (`numbers`), and whether only one of claim and
    deciding sentence negates (`negation`). `passage` and `answer` are (scale, shift) of the relevance heads.
    """

    scale: float = 1.0
    shift: float = 0.0
    contradiction: float = 0.0
    numbers: float = 0.0
    negation: float = 0.0
    passage: tuple[float, float] = (1.0, 0.0)
    answer: tuple[float, float] = (1.0, 0.0)


@dataclass(frozen=True, slots=True)
class JudgeFolder:
    """A trained judge on disk. `digest` is of its weights, `identity` of weights and calibration."""

    path: Path
    digest: str
    identity: str
    calibration: Calibration

    @property
    def tokenizer(self) -> Path:
        return self.path / "tokenizer.json"


def read_judge(model: str) -> JudgeFolder:
    """The judge of this name, as `models.model_folder` takes it.

    Raises:
        Invalid: the folder holds no judge.
    """
    path = Path(model_folder(model))
    weights = path / "model.safetensors"
    if not weights.is_file():
        raise Invalid(
            f"{str(path)!r} holds no judge: model.safetensors is missing; `assay train judge` makes it.",
            code="bad_model",
        )
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    calibration = (path / "calibration.json").read_bytes()
    identity = f"{digest}-{hashlib.sha256(calibration).hexdigest()[:6]}"
    return JudgeFolder(path, digest, identity, Calibration(**json.loads(calibration)))


def converted(judge: JudgeFolder, cache_path: Path) -> Path:
    """The OpenVINO graph of the judge, made once."""
    name = f"judge-{_FORMAT}-{judge.digest}"
    return openvino_runs.converted(judge.path, name, module="assay_adapters.judge_export", cache_path=cache_path)
