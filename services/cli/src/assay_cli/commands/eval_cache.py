"""`assay eval cache` and `assay eval twins`: whether the semantic cache may be trusted."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay_cli.judges import models_folder, not_installed
from assay_cli.options import Command
from assay_cli.output import print_json, say
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_evals.cache_pairs import Looked, Pair

_EMBEDDER = "packaged:all-MiniLM-L6-v2"
_TOGETHER = 512


def register(app: typer.Typer) -> None:
    app.command("cache", cls=Command)(cache)
    app.command("twins", cls=Command)(twins)


def cache(
    context: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS.jsonl", exists=True, dir_okay=False, help='Lines of {"a", "b", "label"}; 1: the same answer.'
        ),
    ],
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Least cosine; without: chosen on one part, measured on the other."),
    ] = None,
) -> None:
    """Measure the semantic cache on pairs of questions: hits on those with one answer, wrong hits on the others."""
    session = session_of(context)
    try:
        from assay_evals.cache_pairs import read_pairs, report
    except ModuleNotFoundError as error:
        raise not_installed() from error
    pairs = read_pairs(path)
    found = report(pairs, lambda asked: _looked(session, asked), threshold=threshold)
    found["data_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    if session.json:
        print_json(found)
        return
    for name, value in found.items():
        say(f"{name}: {value}")


def twins(
    context: typer.Context,
    questions: Annotated[
        Path, typer.Argument(metavar="QUESTIONS.jsonl", exists=True, dir_okay=False, help='Lines with a "question".')
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the pairs go, for `assay eval cache`.")],
    number: Annotated[int, typer.Option(min=1, max=100_000, help="How many pairs.")] = 5_000,
    seed: Annotated[int, typer.Option(help="Of the drawing.")] = 0,
) -> None:
    """Make pairs of questions that differ by one word on which the answer turns: all have label 0."""
    session = session_of(context)
    try:
        from assay_evals.cache_twins import read_questions, twins_of
    except ModuleNotFoundError as error:
        raise not_installed() from error
    made = twins_of(read_questions(questions), number=number, seed=seed)
    lines = [json.dumps({"a": t.a, "b": t.b, "label": 0, "kind": t.kind}, ensure_ascii=False) for t in made]
    out.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    kinds = sorted({t.kind for t in made})
    if session.json:
        print_json({"pairs": len(made), "kinds": {kind: sum(t.kind == kind for t in made) for kind in kinds}})
        return
    say(f"{len(made)} pairs of {len(kinds)} kinds are in {out}.")


def _looked(session: Session, pairs: "Sequence[Pair]") -> "list[Looked]":
    """What the platform's own embedder and looks say of each pair."""
    try:
        import numpy as np
        from assay_adapters.cache_guard import same_meaning
        from assay_adapters.openvino_embedder import OpenVinoEmbedder
        from assay_evals.cache_pairs import Looked
    except ModuleNotFoundError as error:
        raise not_installed() from error
    embedder = OpenVinoEmbedder(model=_EMBEDDER, cache_path=models_folder(session))
    asked = sorted({question for pair in pairs for question in (pair.a, pair.b)}, key=len)
    vectors = {
        question: np.asarray(vector, dtype=np.float32)
        for start in range(0, len(asked), _TOGETHER)
        for question, vector in zip(
            asked[start : start + _TOGETHER], embedder.embed_queries(asked[start : start + _TOGETHER]), strict=True
        )
    }
    return [Looked(p.same, float(vectors[p.a] @ vectors[p.b]), same_meaning(p.a, p.b)) for p in pairs]
