"""ragas in its own environment, against a server that answers as a perfect judge would."""

import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from assay_adapters.ragas_judge import RagasJudge
from assay_core.answers import Verdict
from assay_core.evaluation import TriadSample
from assay_core.ports import Judge
from assay_testing.conformance.judge import SOURCES, JudgeContract
from assay_testing.fake_embedder import FakeEmbedder

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class PerfectJudge(BaseHTTPRequestHandler):
    """Tells from the prompt which reply ragas wants, and whether the answer stands in the context."""

    broken = False

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        prompt = "\n".join(m["content"] for m in json.loads(self.rfile.read(length))["messages"])
        text = "I would rather not." if self.broken else json.dumps(reply_to(prompt))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def reply_to(prompt: str) -> dict[str, Any]:
    asked = prompt.rpartition("Now perform the same with the following input")[2]
    invented = "canteen" in asked
    if '"noncommittal"' in prompt:
        question = "When does breakfast start?" if invented else "How long is parental leave?"
        return {"question": question, "noncommittal": 0}
    if '"verdict"' in prompt:
        claims = json.loads(asked[asked.index("{") : asked.rindex("}") + 1])["statements"]
        verdicts = [0 if "canteen" in claim else 1 for claim in claims]
        return {
            "statements": [
                {"statement": c, "reason": "read it", "verdict": v} for c, v in zip(claims, verdicts, strict=True)
            ]
        }
    return {"rating": 0 if invented else 2}


@pytest.fixture(scope="module")
def server() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), PerfectJudge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.fixture(scope="module")
def ragas(server: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[RagasJudge]:
    env_path = tmp_path_factory.mktemp("envs") / "ragas"
    judge = RagasJudge(env_path=env_path, base_url=server, model="m", timeout_s=60, embedder=FakeEmbedder())
    yield judge
    judge.close()


class TestRagasJudge(JudgeContract):
    @pytest.fixture
    def judge(self, ragas: RagasJudge) -> Judge:
        return ragas


def test_a_model_that_does_not_obey_gives_reasons_not_numbers(
    ragas: RagasJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PerfectJudge, "broken", True)
    (score,) = ragas.score_triad([TriadSample("a", "How long?", tuple(SOURCES), "Twenty days.")])
    assert (score.context_relevance, score.groundedness, score.answer_relevance) == (None, None, None)
    assert score.failure is not None
    assert "groundedness" in score.failure
    (judgement,) = ragas.judge_claims(["Twenty days."], SOURCES)
    assert judgement.verdict is Verdict.UNVERIFIED


def test_a_server_that_is_not_there_gives_reasons(ragas: RagasJudge) -> None:
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    judge = RagasJudge(env_path=env_path, base_url="http://127.0.0.1:1/v1", model="m", timeout_s=5)
    (score,) = judge.score_triad([TriadSample("a", "How long?", tuple(SOURCES), "Twenty days.")])
    assert score.groundedness is None
    assert score.failure
    judge.close()
