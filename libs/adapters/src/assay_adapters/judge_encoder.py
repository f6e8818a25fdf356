"""The judge's network in torch: where it is trained, and what is converted for OpenVINO.

A BERT-like encoder over rows of `judge_input`, told at each claim token how its word stands in the source (the word
itself, with its neighbours, or a near one), since a few ten thousand pairs do not teach that.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from assay_adapters.judge_input import FIRST_CLAIM, SOURCE

_FAR = -30000.0  # below every score, and still a finite bf16
_CLS = 101
MATCHES = 5


@dataclass(frozen=True, slots=True)
class JudgeConfig:
    """Sizes; `joined` is the number of lowest layers that texts pass before they are compared."""

    vocabulary: int = 30522
    positions: int = 512
    width: int = 384
    layers: int = 6
    attention_heads: int = 12
    inner: int = 1536
    epsilon: float = 1e-12
    joined: int = 2
    pointer: int = 96
    hidden: int = 256


class Outputs(NamedTuple):
    """Logits. `verdicts` (rows, claims, 3): supported, contradicted, not enough. `passage` and `answer` (rows,
    claims): relevance. `errors` (rows, tokens): a claim's token that the source does not back. `evidence` (rows,
    claims, tokens): the source's tokens that decide."""

    verdicts: Tensor
    passage: Tensor
    answer: Tensor
    errors: Tensor
    evidence: Tensor


class Layer(nn.Module):
    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.attention_heads
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width) for _ in range(4))
        self.norm = nn.LayerNorm(width, eps=config.epsilon)
        self.widen, self.narrow = nn.Linear(width, config.inner), nn.Linear(config.inner, width)
        self.last_norm = nn.LayerNorm(width, eps=config.epsilon)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        rows, tokens, width = states.shape

        def split(x: Tensor) -> Tensor:
            return x.view(rows, tokens, self.heads, width // self.heads).transpose(1, 2)

        seen = functional.scaled_dot_product_attention(
            split(self.query(states)), split(self.key(states)), split(self.value(states)), attn_mask=bias
        )
        states = self.norm(states + self.mix(seen.transpose(1, 2).reshape(rows, tokens, width)))
        return self.last_norm(states + self.narrow(functional.gelu(self.widen(states))))


class JudgeEncoder(nn.Module):
    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.words = nn.Embedding(config.vocabulary, width)
        self.places = nn.Embedding(config.positions, width)
        self.kind = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width, eps=config.epsilon)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.told = nn.Linear(MATCHES, width)
        self.point_from, self.point_to = nn.Linear(width, config.pointer), nn.Linear(width, config.pointer)
        self.error = nn.Sequential(nn.Linear(width + MATCHES, config.hidden), nn.GELU(), nn.Linear(config.hidden, 1))
        seen = 4 * width + 2 + MATCHES
        self.verdict = nn.Sequential(nn.Linear(seen, config.hidden), nn.GELU(), nn.Linear(config.hidden, 3))
        self.passage = nn.Sequential(nn.Linear(seen, config.hidden), nn.GELU(), nn.Linear(config.hidden, 1))
        self.answer = nn.Sequential(nn.Linear(seen, config.hidden), nn.GELU(), nn.Linear(config.hidden, 1))
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)

    def forward(self, ids: Tensor, kinds: Tensor, positions: Tensor, numbers: Tensor) -> Outputs:
        states, matches, bias = self.read(ids, kinds, positions)
        return self.compare(states, matches, bias, ids, kinds, numbers)

    def read(self, ids: Tensor, kinds: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The lowest layers, which training leaves as they are, and how each claim token stands in the source."""
        words = self.words(ids)
        states = self.norm(words + self.places(positions) + self.kind)
        of_source = (kinds == SOURCE)[:, None, :]
        of_claim = (kinds >= FIRST_CLAIM)[:, :, None]
        bias = torch.where(of_source | (kinds[:, None, :] == kinds[:, :, None]), 0.0, _FAR)[:, None]
        for layer in self.layers[: self.config.joined]:
            states = layer(states, bias.to(states.dtype))
        return states, _matches(ids, words, of_source, of_claim), bias

    def compare(
        self, states: Tensor, matches: Tensor, bias: Tensor, ids: Tensor, kinds: Tensor, numbers: Tensor
    ) -> Outputs:
        claim_token = (kinds >= FIRST_CLAIM).to(states.dtype)[:, :, None]
        states = states + self.told(matches.to(states.dtype)) * claim_token
        for layer in self.layers[self.config.joined :]:
            states = layer(states, bias.to(states.dtype))
        errors = self.error(torch.cat([states, matches.to(states.dtype)], -1)).squeeze(-1).float()
        states, matches = states.float(), matches.float()

        mine = (kinds[:, None, :] == numbers[None, :, None]).float()
        first = mine * (ids == _CLS).float()[:, None, :]
        inner = mine - first
        inner = inner / inner.sum(-1, keepdim=True).clamp(min=1.0)
        head = first @ states
        mean = inner @ states
        outside = (1.0 - mine) * _FAR
        doubt = torch.softmax(errors[:, None, :] + outside, -1)
        doubtful = doubt @ states
        worst = (errors[:, None, :] + outside).amax(-1, keepdim=True).clamp(min=-30.0)
        average = (inner @ errors[:, :, None]).clamp(min=-30.0)

        question = self.point_from((head + mean).to(self.point_from.weight.dtype)).float()
        place = self.point_to(states.to(self.point_to.weight.dtype)).float()
        evidence = question @ place.transpose(1, 2) / math.sqrt(self.config.pointer)
        evidence = evidence + torch.where(kinds == SOURCE, 0.0, _FAR)[:, None, :]
        backed = torch.softmax(evidence, -1) @ states

        seen = torch.cat([head, mean, doubtful, backed, worst, average, inner @ matches], -1)
        return Outputs(
            self.verdict(seen).float(),
            self.passage(seen).squeeze(-1).float(),
            self.answer(seen).squeeze(-1).float(),
            errors,
            evidence,
        )


def _matches(ids: Tensor, words: Tensor, of_source: Tensor, of_claim: Tensor) -> Tensor:
    """(rows, tokens, MATCHES) of claim tokens, else 0: the token stands in the source; with the one before; with the
    one behind; with two before; and the best cosine of its word to one of the source's."""
    same = (ids[:, :, None] == ids[:, None, :]) & of_source & of_claim
    single = same.to(words.dtype)
    before = single * functional.pad(single[:, :-1, :-1], (1, 0, 1, 0))
    behind = single * functional.pad(single[:, 1:, 1:], (0, 1, 0, 1))
    third = before * functional.pad(before[:, :-1, :-1], (1, 0, 1, 0))
    unit = functional.normalize(words, dim=-1)
    near = (unit @ unit.transpose(1, 2)).masked_fill(~(of_source & of_claim), 0.0)
    return torch.stack([m.amax(-1) for m in (single, before, behind, third, near)], -1)


def from_base(weights: Path, config: JudgeConfig) -> JudgeEncoder:
    """A judge with the encoder of a BERT-like base model and fresh heads."""
    base = {name.removeprefix("bert."): tensor for name, tensor in load_file(str(weights)).items()}
    model = JudgeEncoder(config)
    state = model.state_dict() | _renamed(base, config)
    model.load_state_dict(state)
    return model


def load(folder: Path) -> JudgeEncoder:
    """A judge from its folder, in float32."""
    model = JudgeEncoder(JudgeConfig(**json.loads((folder / "config.json").read_text())["encoder"]))
    model.load_state_dict(
        {name: tensor.float() for name, tensor in load_file(str(folder / "model.safetensors")).items()}
    )
    return model


def save(model: JudgeEncoder, folder: Path) -> None:
    """Write weights as float16, and the sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in model.state_dict().items()},
        str(folder / "model.safetensors"),
    )
    sizes = {"encoder": asdict(model.config), "parameters": sum(p.numel() for p in model.parameters())}
    (folder / "config.json").write_text(json.dumps(sizes, indent=2) + "\n")


def _renamed(base: Mapping[str, Tensor], config: JudgeConfig) -> dict[str, Tensor]:
    state = {
        "words.weight": base["embeddings.word_embeddings.weight"],
        "places.weight": base["embeddings.position_embeddings.weight"],
        "kind": base["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": base["embeddings.LayerNorm.weight"],
        "norm.bias": base["embeddings.LayerNorm.bias"],
    }
    parts = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "mix": "attention.output.dense",
        "norm": "attention.output.LayerNorm",
        "widen": "intermediate.dense",
        "narrow": "output.dense",
        "last_norm": "output.LayerNorm",
    }
    for number in range(config.layers):
        for ours, theirs in parts.items():
            for kind in ("weight", "bias"):
                state[f"layers.{number}.{ours}.{kind}"] = base[f"encoder.layer.{number}.{theirs}.{kind}"]
    return state
