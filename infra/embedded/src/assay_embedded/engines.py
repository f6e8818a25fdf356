"""`assay bench engines`: each stage of a search beside the bare engine behind it, on a platform of this machine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from assay_core.errors import Unavailable

from assay_embedded.commands import HomeOption, JsonOption

_MODULE = "assay_retrieval.bare_engines"
_STAGES = ("embed", "dense", "lexical")


def engines(
    collection: Annotated[str, typer.Argument(help="Its name.")],
    questions: Annotated[Path, typer.Argument(metavar="FILE", help="Questions, one a line.", exists=True)],
    rounds: Annotated[int, typer.Option(min=1, help="How often platform and engines take turns.")] = 3,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure searches of one client stage by stage, and embedder and indexes asked alone, in turns.

    A ratio is the stage's median in the service to that of the engine: what the platform adds, its own work beside it
    included.
    """
    from assay_embedded.environment import environment_of, running

    wiring = running(home)
    environment = environment_of(wiring, "retrieval")
    count = sum(1 for line in questions.read_text(encoding="utf-8").splitlines() if line.strip())
    assay = str(Path(sys.executable).with_name("assay"))
    searches = [assay, "bench", "search", "--collection", collection, "--queries-file", str(questions)]
    searches += ["--queries", str(count), "--home", str(wiring.home.path), "--json"]
    found: list[tuple[dict[str, float], dict[str, Any]]] = []
    for _ in range(rounds):
        bare = _run([sys.executable, "-m", _MODULE, collection, str(questions)], environment)
        found.append((bare, _run(searches, None)))
    alone = {stage: _mean([bare[stage] for bare, _ in found]) for stage in _STAGES}
    within = {stage: _mean([searched["stages_median_ms"][stage] for _, searched in found]) for stage in _STAGES}
    ratio = {stage: round(within[stage] / alone[stage], 2) for stage in _STAGES}
    p50_ms, p99_ms = (_mean([searched[name] for _, searched in found]) for name in ("p50_ms", "p99_ms"))
    if as_json:
        figures = {"chunks": found[0][1]["chunks"], "questions": count, "rounds": rounds}
        figures |= {"alone_ms": alone, "within_ms": within, "ratio": ratio, "p50_ms": p50_ms, "p99_ms": p99_ms}
        typer.echo(json.dumps({"collection": collection, **figures}))
        return
    for stage in _STAGES:
        typer.echo(f"{stage:<8} {within[stage]:>7.2f} ms   alone {alone[stage]:>7.2f} ms   × {ratio[stage]:.2f}")
    typer.echo(f"search   {p50_ms:>7.2f} ms   (p99 {p99_ms:.2f} ms)")


def _run(argv: list[str], environment: dict[str, str] | None) -> dict[str, Any]:
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"The measurement ended early: {reason}", code="bench_failed")
    return json.loads(done.stdout)


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 2)
