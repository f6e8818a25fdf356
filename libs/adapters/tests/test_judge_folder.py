from pathlib import Path

import pytest
from assay_adapters.judge_folder import read_judge
from assay_core.errors import Invalid


def test_a_folder_without_weights_is_no_judge(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="assay train judge"):
        read_judge(str(tmp_path))


def test_calibration_and_weights_make_the_identity(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "calibration.json").write_text('{"shift": 0.5, "passage": [2.0, 1.0], "answer": [1.0, 0.0]}')
    first = read_judge(str(tmp_path))
    assert first.calibration.shift == 0.5
    assert first.calibration.scale == 1.0
    (tmp_path / "calibration.json").write_text('{"shift": 0.6, "passage": [2.0, 1.0], "answer": [1.0, 0.0]}')
    assert read_judge(str(tmp_path)).identity != first.identity
    assert read_judge(str(tmp_path)).digest == first.digest
