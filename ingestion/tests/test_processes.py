"""Processes start fast and stay small: what they import is part of their contract."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

HEAVY = ("torch", "openvino", "pymilvus", "tantivy", "transformers", "fastapi", "pandas")


@pytest.mark.parametrize(
    ("module", "refused"),
    [
        ("assay_ingestion.relay", (*HEAVY, "numpy")),
        ("assay_ingestion.indexer", (*HEAVY, "celery")),
        ("assay_ingestion.rebuild", (*HEAVY, "celery")),
        ("assay_ingestion.worker", HEAVY),
    ],
)
def test_a_process_imports_only_what_it_needs(module: str, refused: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {refused!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"
