"""The models of text recognition: read before a process is confined, opened only where a picture needs them."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from assay_core.errors import Invalid

if TYPE_CHECKING:
    import numpy as np

_FILES = {
    "find": "ch_PP-OCRv4_det_infer.onnx",
    "flip": "ch_ppocr_mobile_v2.0_cls_infer.onnx",
    "read": "ch_PP-OCRv4_rec_infer.onnx",
}


class Session:
    """A model with one input and one output, run by one thread: a confined process may start no other."""

    def __init__(self, data: bytes) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Without the arena, memory goes back as soon as a layer is done.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session = ort.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        known = self._session.get_modelmeta().custom_metadata_map.get("character", "")
        self.characters: tuple[str, ...] = (*known.splitlines(), " ")

    def __call__(self, values: "np.ndarray") -> "np.ndarray":
        (found,) = self._session.run(None, {self._input: values})
        return cast("np.ndarray", found)  # onnxruntime types all that a graph may give; ours give arrays


@cache
def model_files() -> dict[str, bytes]:
    """The bytes of the models (16 MB), kept for the processes that are forked; empty where they are not installed."""
    # Looked up, not imported: the package's own code loads OpenCV, which needs libraries of a desktop.
    spec = find_spec("rapidocr_onnxruntime") if find_spec("onnxruntime") else None
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "models"
    return {role: (folder / file).read_bytes() for role, file in _FILES.items()}


def can_recognise() -> bool:
    """Whether text recognition is installed."""
    return bool(model_files())


def open_models() -> dict[str, Session]:
    """Raises `Invalid` (no_text) where text recognition is not installed."""
    files = model_files()
    if not files:
        raise Invalid("text recognition is not installed: add rapidocr-onnxruntime", code="no_text")
    return {role: Session(data) for role, data in files.items()}
