"""The `Judge` port on ragas, with any OpenAI-compatible server as the judge's model.

ragas lives in an environment of its own and speaks JSON lines with this process.
"""

import json
import os
import re
import select
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from assay_core.answers import Verdict
from assay_core.errors import Invalid, Unavailable
from assay_core.evaluation import ClaimJudgement, TriadSample, TriadScore
from assay_core.ports import Embedder

from assay_adapters.ragas_environment import ragas_python

_START_S = 120.0
_TRIAD = ("context_relevance", "groundedness", "answer_relevance")
_FURTHER = ("faithfulness", "context_precision", "context_recall", "answer_accuracy")
_METRICS = (*_TRIAD, *_FURTHER)
_WORD = re.compile(r"\w{3,}")


class RagasJudge:
    """Makes the environment and starts ragas with the first call; `close` ends it, and so does the end of this process.

    Args:
        env_path: folder of the environment; made when missing.
        base_url: the server, up to and with `/v1`.
        api_key_file: file with the server's key; None if it needs none.
        timeout_s: for one metric of one sample.
        embedder: compares questions for answer relevance; without it, that score is missing.
        parallel: samples scored at a time.
        repeats: how often each is asked; scores are means, and of claims the share of votes. One failure fails all.
    """

    def __init__(
        self,
        *,
        env_path: Path | str,
        base_url: str,
        model: str,
        api_key_file: Path | str | None = None,
        timeout_s: float = 120.0,
        embedder: Embedder | None = None,
        parallel: int = 4,
        repeats: int = 1,
    ) -> None:
        self._env_path = Path(env_path)
        self._settings = {
            "base_url": base_url,
            "model": model,
            "timeout_s": timeout_s,
            "parallel": parallel,
            "repeats": repeats,
        }
        self._model = model
        self._api_key_file = Path(api_key_file) if api_key_file else None
        self._timeout_s = timeout_s
        self._embedder = embedder
        self._parallel = parallel
        self._repeats = repeats
        self._lock = threading.Lock()
        self._runner: _Runner | None = None

    @property
    def model_id(self) -> str:
        return f"ragas-0.4.3:{self._model}"

    def prepare(self) -> None:
        """Make the environment now; takes a minute or two the first time."""
        ragas_python(self._env_path)

    def close(self) -> None:
        with self._lock:
            self._stop()

    def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
        if not claims:
            return []
        if not sources:
            return [ClaimJudgement(Verdict.UNSUPPORTED, 0.0, None) for _ in claims]
        request = {"claims": 0, "claims_to_judge": list(claims), "context": "\n\n".join(sources)}
        reply = self._ask([request], "claims").get(0, {"failure": "no reply"})
        if "failure" in reply:
            return [ClaimJudgement(Verdict.UNVERIFIED, 0.5, None, failure=reply["failure"]) for _ in claims]
        return [
            _judgement(claim, sources, votes=verdict) for claim, verdict in zip(claims, reply["verdicts"], strict=True)
        ]

    def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
        requests = [
            {
                "score": number,
                "question": sample.question,
                "contexts": list(sample.contexts),
                "answer": sample.answer,
                "reference": sample.reference,
                "embeds": self._embedder is not None,
            }
            for number, sample in enumerate(samples)
            if sample.answer.strip() and sample.contexts
        ]
        replies = self._ask(requests, "score") if requests else {}
        return [_score(sample, replies.get(number)) for number, sample in enumerate(samples)]

    def _ask(self, requests: Sequence[dict[str, Any]], kind: str) -> dict[int, dict[str, Any]]:
        """Replies by number; a number is missing if the runner died or did not answer in time."""
        waves = -(-len(requests) // self._parallel)
        deadline = time.monotonic() + _START_S + waves * self._repeats * (len(_METRICS) * self._timeout_s + 5)
        replies: dict[int, dict[str, Any]] = {}
        with self._lock:
            runner = self._running()
            for request in requests:
                runner.send(request)
            for message in runner.messages(deadline):
                if "embed" in message:
                    runner.send({"vectors": message["embed"], "rows": self._vectors(message["texts"])})
                elif kind in message:
                    replies[message[kind]] = message
                if len(replies) == len(requests):
                    return replies
            self._stop()
        return replies

    def _vectors(self, texts: list[str]) -> list[list[float]]:
        if self._embedder is None:
            return [[1.0] for _ in texts]
        return [[float(x) for x in vector] for vector in self._embedder.embed_passages(texts)]

    def _running(self) -> "_Runner":
        if self._runner is None or not self._runner.is_alive():
            key = _read_key(self._api_key_file) if self._api_key_file else ""
            runner = _Runner(ragas_python(self._env_path))
            runner.send({**self._settings, "api_key": key})
            if not any("ready" in message for message in runner.messages(time.monotonic() + _START_S)):
                runner.kill()
                raise Unavailable("ragas did not start; see the log of this process", code="ragas_unavailable")
            self._runner = runner
        return self._runner

    def _stop(self) -> None:
        if self._runner is not None:
            self._runner.kill()
            self._runner = None


class _Runner:
    """A process of `ragas_runner/score.py`."""

    def __init__(self, python: Path) -> None:
        script = resources.files("assay_adapters").joinpath("ragas_runner", "score.py")
        self._process = subprocess.Popen(
            [str(python), "-I", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "RAGAS_DO_NOT_TRACK": "true"},
        )
        self._buffer = b""

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as e:
            raise Unavailable("ragas ended unexpectedly", code="ragas_unavailable") from e

    def messages(self, deadline: float) -> Iterator[dict[str, Any]]:
        """What it says, until it ends or the deadline is over."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if found:
                self._buffer = rest
                yield json.loads(line)
                continue
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not poller.poll(1000 * left_s):
                return
            piece = os.read(fd, 1 << 16)
            if not piece:
                return
            self._buffer += piece


def _read_key(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as e:
        raise Invalid(
            f"the key file {str(path)!r} of the judge's server cannot be read: {e}", code="bad_setting"
        ) from e


def _judgement(claim: str, sources: Sequence[str], *, votes: float) -> ClaimJudgement:
    """ragas judges against all sources together; the one that shares most words is named. `votes` is a share."""
    if votes <= 0.5:
        return ClaimJudgement(Verdict.UNSUPPORTED, votes, None)
    words = set(_WORD.findall(claim.lower()))
    shared = [len(words & set(_WORD.findall(source.lower()))) for source in sources]
    best = max(range(len(sources)), key=shared.__getitem__)
    return ClaimJudgement(Verdict.SUPPORTED, votes, best, 0, len(sources[best]))


def _score(sample: TriadSample, reply: dict[str, Any] | None) -> TriadScore:
    if reply is None:
        reason = "the answer is empty" if not sample.answer.strip() else "ragas gave no scores"
        reason = reason if sample.contexts else "there are no passages"
        return TriadScore(sample.id, None, None, None, failure=reason)
    values, failures = reply["values"], reply["failures"]
    reasons = [f"{name}: {failures[name]}" for name in _METRICS if name in failures]
    return TriadScore(
        sample.id,
        context_relevance=values.get("context_relevance"),
        groundedness=values.get("groundedness"),
        answer_relevance=values.get("answer_relevance"),
        failure="; ".join(reasons) or None,
        further={name: values.get(name) for name in _FURTHER if name in values or name in failures},
    )
