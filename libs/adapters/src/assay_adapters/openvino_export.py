"""Turn a BERT-like model folder into an OpenVINO graph: `python -m assay_adapters.openvino_export FOLDER TARGET`.

A process of its own: torch and transformers take 500 MB that the converted model never needs again.
"""

import sys
from pathlib import Path

from assay_adapters.model_recipe import ModelRecipe, read_recipe

SUPPORTED = ("bert",)
MASKED = -30000.0  # far below every attention score, and still a finite bf16


def export(recipe: ModelRecipe, target: Path) -> None:
    """Write `target`/model.xml and model.bin.

    (ids, mask) int64 (n, tokens) → unit vectors of the texts, float32 (n, dimension), and of their tokens, float32
    (n, tokens, dimension).
    """
    import openvino
    import torch
    from transformers import AutoModel

    class Encoder(torch.nn.Module):
        """The model with its pooling. The mask is added here: transformers' own mask code cannot be traced."""

        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(str(recipe.folder), attn_implementation="eager").float()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            bias = (1.0 - attention_mask[:, None, None, :].float()) * MASKED
            states = self.model.encoder(self.model.embeddings(input_ids=input_ids), attention_mask=bias)[0]
            if recipe.pooling == "cls":
                pooled = states[:, 0]
            else:
                kept = attention_mask.unsqueeze(-1).float()
                pooled = (states * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
            normalize = torch.nn.functional.normalize
            return normalize(pooled, dim=1), normalize(states, dim=2)

    example = {"input_ids": torch.randint(5, 100, (2, 7)), "attention_mask": torch.ones(2, 7, dtype=torch.long)}
    with torch.no_grad():
        graph = openvino.convert_model(Encoder().eval(), example_input=example)
    openvino.save_model(graph, target / "model.xml", compress_to_fp16=False)


def main() -> None:
    folder, target = sys.argv[1:]
    export(read_recipe(Path(folder)), Path(target))


if __name__ == "__main__":
    main()
