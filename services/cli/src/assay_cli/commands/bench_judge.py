"""`assay bench judge`: how long the local judge takes for a claim and a window of 200 tokens."""

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.evaluation import TriadSample

from assay_cli.figures import show
from assay_cli.judges import models_folder, not_installed
from assay_cli.latency import percentile
from assay_cli.options import Command
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_core.ports import Judge

_SENTENCE = "The technician of station {n} inspects valve {n} every {m} days and writes the pressure into the log book."
_CLAIM = "The technician of station {n} inspects valve {n} every {m} days."


def register(app: typer.Typer) -> None:
    app.command("judge", cls=Command)(judge)


def judge(
    context: typer.Context,
    repeats: Annotated[int, typer.Option(min=5, help="How often each is measured.")] = 60,
    answers: Annotated[int, typer.Option(min=1, help="Answers of the run that is scored.")] = 300,
) -> None:
    """Measure the local judge: a claim alone, eight claims on one window, a claim on five passages, a run of answers.

    The first figure is the time in which the run-time form is made and loaded.
    """
    session = session_of(context)
    try:
        from assay_adapters.encoder_judge import EncoderJudge
    except ModuleNotFoundError as error:
        raise not_installed() from error
    started = time.perf_counter()
    local = EncoderJudge(cache_path=models_folder(session))
    loading_s = time.perf_counter() - started
    window = " ".join(_SENTENCE.format(n=n, m=n + 3) for n in range(9))
    claims = [_CLAIM.format(n=n, m=n + 3) for n in range(8)]
    cases = {
        "claim_and_window_ms": (claims[:1], [window], 1),
        "claim_and_window_of_eight_ms": (claims, [window], 8),
        "claim_and_five_passages_ms": (claims[:1], [window.replace("valve", f"pump {n}") for n in range(5)], 1),
    }
    result: dict[str, object] = {"model": local.model_id, "loading_s": round(loading_s, 2)}
    for name, (asked, sources, parts) in cases.items():
        local.judge_claims(asked, sources)
        taken: list[float] = []
        for _ in range(repeats):
            begun = time.perf_counter()
            local.judge_claims(asked, sources)
            taken.append(1000 * (time.perf_counter() - begun) / parts)
        result[f"{name}_p50"] = round(percentile(taken, 0.5), 2)
        result[f"{name}_p95"] = round(percentile(taken, 0.95), 2)
    begun = time.perf_counter()
    for number in range(answers):
        _score_answer(local, number)
    result[f"run_of_{answers}_answers_s"] = round(time.perf_counter() - begun, 1)
    result["cores"] = os.cpu_count() or 1
    result["load_average"] = [round(load, 1) for load in os.getloadavg()]
    show(session, result)


def _score_answer(local: "Judge", number: int) -> None:
    """What a run asks of the judge for an answer of two sentences, one citation each, from five passages."""
    passages = tuple(
        " ".join(_SENTENCE.format(n=number + 9 * place + n, m=n + 3) for n in range(9)) for place in range(5)
    )
    claims = [_CLAIM.format(n=number + n, m=n + 3) for n in range(2)]
    question = f"Who inspects valve {number}, and how often?"
    local.score_triad([TriadSample(str(number), question, passages, " ".join(claims))])
    for n, claim in enumerate(claims):
        local.judge_claims([claim], [_SENTENCE.format(n=number + n, m=n + 3)])
