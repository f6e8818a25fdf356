"""Turn a BERT cross-encoder into an OpenVINO graph: `python -m assay_adapters.cross_encoder_export FOLDER TARGET`.

A process of its own: torch and transformers take 500 MB that the converted model never needs again.
"""

import sys
from pathlib import Path

from assay_adapters.judge_export import quantize
from assay_adapters.openvino_export import MASKED


def export(folder: Path, target: Path) -> None:
    """Write `target`/model.xml and model.bin: (ids, mask, kinds) int64 (n, tokens) → logits float32 (n,)."""
    import openvino
    import torch
    from torch import Tensor
    from transformers import AutoModelForSequenceClassification

    class Scorer(torch.nn.Module):
        """The mask is added here: transformers' own mask code cannot be traced."""

        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModelForSequenceClassification.from_pretrained(
                str(folder), attn_implementation="eager", local_files_only=True
            ).float()

        def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> Tensor:
            bias = (1.0 - mask[:, None, None, :].float()) * MASKED
            body = self.model.bert
            states = body.encoder(body.embeddings(input_ids=ids, token_type_ids=kinds), attention_mask=bias)[0]
            return self.model.classifier(body.pooler(states)).squeeze(-1)

    ids = torch.randint(5, 100, (2, 7))
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    with torch.no_grad():
        graph = openvino.convert_model(Scorer().eval(), example_input=example)
    quantize(graph)
    openvino.save_model(graph, target / "model.xml", compress_to_fp16=True)


def main() -> None:
    folder, target = sys.argv[1:]
    export(Path(folder), Path(target))


if __name__ == "__main__":
    main()
