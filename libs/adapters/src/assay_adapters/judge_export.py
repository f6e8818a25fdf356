"""Turn the judge into an OpenVINO graph: `python -m assay_adapters.judge_export FOLDER TARGET`.

A process of its own: torch takes memory that the converted judge never needs again.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from assay_adapters.judge_input import Row, collate

_LARGE = 20_000


def export(folder: Path, target: Path) -> None:
    """Write `target`/model.xml and model.bin: arrays of `judge_input.Batch` in, `judge_encoder.Outputs` out, of which
    evidence is a probability for each source token."""
    import openvino
    import torch
    from torch import Tensor

    from assay_adapters.judge_encoder import load

    class Judge(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = load(folder)

        def forward(self, ids: Tensor, kinds: Tensor, positions: Tensor, numbers: Tensor) -> tuple[Tensor, ...]:
            found = self.encoder(ids, kinds, positions, numbers)
            return found.verdicts, found.passage, found.answer, found.errors, torch.softmax(found.evidence, -1)

    batch = collate(
        [Row([101, 2000, 2001, 102], [[101, 2000, 102], [101, 2003, 2004, 102]]), Row([101, 5, 102], [[101, 102]])]
    )
    example = tuple(torch.from_numpy(array) for array in (batch.ids, batch.kinds, batch.positions, batch.numbers))
    with torch.no_grad():
        graph = openvino.convert_model(Judge().eval(), example_input=example)
    quantize(graph)
    openvino.save_model(graph, target / "model.xml", compress_to_fp16=True)


def quantize(graph: Any) -> None:  # Any: openvino.Model is untyped
    """Large weights become int8, symmetric, with a scale for each row of a table and each output of a product.

    The scale of a product is applied behind it: before it, as OpenVINO expects, bf16 computes with rounded weights,
    which moves probabilities by .14 in the mean instead of .004 (178 development claims).
    """
    for node in graph.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "MatMul":
            _quantize_product(node)
        elif kind == "Gather" and (rows := _weights(node.input(0))) is not None:
            from openvino import opset13 as ops

            whole, scale = _rounded(rows, axis=1)
            node.input(0).replace_source_output(ops.multiply(_integers(whole), ops.constant(scale)).output(0))


def _quantize_product(node: Any) -> None:
    from openvino import opset13 as ops

    weights = _weights(node.input(1))
    if weights is None:
        return
    whole, scale = _rounded(weights, axis=1 if node.get_attributes()["transpose_b"] else 0)
    readers = list(node.output(0).get_target_inputs())
    node.input(1).replace_source_output(_integers(whole).output(0))
    scaled = ops.multiply(node.output(0), ops.constant(scale.reshape(-1)))
    for reader in readers:
        reader.replace_source_output(scaled.output(0))


def _weights(place: Any) -> np.ndarray[Any, Any] | None:
    """The matrix of constants that is read there; None if it is none, or small."""
    node = place.get_source_output().get_node()
    while node.get_type_name() == "Convert":
        node = node.input(0).get_source_output().get_node()
    if node.get_type_name() != "Constant" or len(node.get_output_shape(0)) != 2:
        return None
    values = np.asarray(node.data, dtype=np.float32)
    return values if values.size >= _LARGE else None


def _rounded(values: np.ndarray[Any, Any], *, axis: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    scale = np.abs(values).max(axis=axis, keepdims=True) / 127
    scale[scale == 0] = 1
    return np.round(values / scale).astype(np.int8), scale.astype(np.float32)


def _integers(whole: np.ndarray[Any, Any]) -> Any:
    from openvino import opset13 as ops

    return ops.convert(ops.constant(whole), "f32")


def main() -> None:
    folder, target = sys.argv[1:]
    export(Path(folder), Path(target))


if __name__ == "__main__":
    main()
