"""ragas in its own environment, against a server that answers as a perfect judge would."""

import json
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

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

    bad_reply: str | None = None
    knows_schemas = True
    knows_bounds = True
    most_characters = 1_000_000
    slow_s = 0.0
    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        request = json.loads(self.rfile.read(length))
        self.asked.append(request)
        time.sleep(self.slow_s)
        if not self.knows_schemas and request.get("response_format", {}).get("type") == "json_schema":
            self._send(400, json.dumps({"error": {"message": "response_format is not known"}}).encode())
            return
        if not self.knows_bounds and "maxItems" in json.dumps(request["response_format"]):
            self._send(400, json.dumps({"error": {"message": "'maxItems' is not permitted"}}).encode())
            return
        prompt = "\n".join(m["content"] for m in request["messages"])
        if len(prompt) > self.most_characters:
            refusal = {"error": {"message": "This model's maximum context length is 4096 tokens."}}
            self._send(400, json.dumps(refusal).encode())
            return
        text = json.dumps(reply_to(prompt))
        if self.bad_reply is not None:
            text = self.bad_reply
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
        self._send(200, body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
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
    if '"attributed"' in prompt:
        answer = json.loads(asked[asked.index("{") : asked.rindex("}") + 1])["answer"]
        return {
            "classifications": [{"statement": answer, "reason": "read it", "attributed": int("canteen" not in answer)}]
        }
    if "Reference Answer" in prompt:
        return {"rating": 2 if invented else 4}
    if '"statements"' in prompt and '"verdict"' not in prompt:
        return {"statements": [json.loads(asked[asked.index("{") : asked.rindex("}") + 1])["answer"]]}
    if '"verdict"' in prompt and '"statements"' not in asked:
        context = json.loads(asked[asked.index("{") : asked.rindex("}") + 1])["context"]
        return {"reason": "read it", "verdict": int("arental leave" in context)}
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


def test_metrics_that_only_ragas_has(ragas: RagasJudge) -> None:
    question, right = "How long is parental leave?", "Parental leave is twenty days for each parent."
    (score, unknown) = ragas.score_triad(
        [
            TriadSample("a", question, ("The canteen is open.", *SOURCES), right, reference=right),
            TriadSample("b", question, tuple(SOURCES), "The canteen serves breakfast from seven."),
        ]
    )
    assert score.failure is None
    assert score.further["faithfulness"] == score.further["context_recall"] == score.further["answer_accuracy"] == 1.0
    precision = score.further["context_precision"]
    assert precision is not None
    assert 0 < precision < 1  # the first passage does not help
    assert unknown.further == {"faithfulness": 0.0}  # nothing else can be said without a right answer


BAD_REPLIES = {
    "prose": "I would rather not.",
    "nothing": "",
    "not a number": '{"rating": NaN, "question": "", "noncommittal": 0, "statements": []}',
    "a wrong rating": '{"rating": 7, "question": " ", "noncommittal": 0, "statements": []}',
    "another shape": '{"score": 2}',
    "half of it": '{"rating": ',
}


@pytest.mark.parametrize("reply", BAD_REPLIES.values(), ids=list(BAD_REPLIES))
def test_a_model_that_does_not_obey_gives_reasons_not_numbers(
    ragas: RagasJudge, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    monkeypatch.setattr(PerfectJudge, "bad_reply", reply)
    (score,) = ragas.score_triad([TriadSample("a", "How long?", tuple(SOURCES), "Twenty days.", reference="20 days")])
    assert (score.context_relevance, score.groundedness, score.answer_relevance) == (None, None, None)
    assert set(score.further.values()) == {None}
    assert score.failure is not None
    for metric in ("context_relevance", "groundedness", "answer_relevance", *score.further):
        assert metric in score.failure
    (judgement,) = ragas.judge_claims(["Twenty days."], SOURCES)
    assert judgement.verdict is Verdict.UNVERIFIED


def test_the_server_is_asked_for_the_schema_and_if_it_knows_none_for_json(
    ragas: RagasJudge, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PerfectJudge, "asked", [])
    (judgement,) = ragas.judge_claims(["Parental leave is twenty days."], SOURCES)
    assert judgement.verdict is Verdict.SUPPORTED
    assert PerfectJudge.asked[-1]["response_format"]["type"] == "json_schema"
    monkeypatch.setattr(PerfectJudge, "knows_schemas", False)
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    plain = RagasJudge(env_path=env_path, base_url=server, model="m", timeout_s=30)
    (judgement,) = plain.judge_claims(["Parental leave is twenty days."], SOURCES)
    assert judgement.verdict is Verdict.SUPPORTED
    assert PerfectJudge.asked[-1]["response_format"]["type"] == "json_object"
    plain.close()


def test_verdicts_have_an_end_where_the_server_can_hold_a_model_to_one(
    ragas: RagasJudge, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PerfectJudge, "asked", [])
    claims = ["Parental leave is twenty days.", "The canteen is open."]
    assert [j.verdict for j in ragas.judge_claims(claims, SOURCES)] == [Verdict.SUPPORTED, Verdict.UNSUPPORTED]
    statements = PerfectJudge.asked[-1]["response_format"]["json_schema"]["schema"]["properties"]["statements"]
    assert (statements["minItems"], statements["maxItems"]) == (2, 2)
    monkeypatch.setattr(PerfectJudge, "knows_bounds", False)
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    older = RagasJudge(env_path=env_path, base_url=server, model="m", timeout_s=30)
    assert [j.verdict for j in older.judge_claims(claims, SOURCES)] == [Verdict.SUPPORTED, Verdict.UNSUPPORTED]
    assert PerfectJudge.asked[-1]["response_format"]["type"] == "json_schema"
    older.close()


def test_a_text_too_long_for_the_model_fails_alone_and_loosens_nothing(
    ragas: RagasJudge, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    judge = RagasJudge(env_path=env_path, base_url=server, model="m", timeout_s=30)
    monkeypatch.setattr(PerfectJudge, "most_characters", 50_000)
    (judgement,) = judge.judge_claims(["Twenty days."], ["word " * 20_000])
    assert judgement.verdict is Verdict.UNVERIFIED
    assert judgement.failure is not None
    assert "context length" in judgement.failure
    (judgement,) = judge.judge_claims(["Parental leave is twenty days."], SOURCES)
    assert judgement.verdict is Verdict.SUPPORTED
    statements = PerfectJudge.asked[-1]["response_format"]["json_schema"]["schema"]["properties"]["statements"]
    assert statements["maxItems"] == 1
    judge.close()


def test_repeats_ask_again_and_vote(ragas: RagasJudge, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PerfectJudge, "asked", [])
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    thrice = RagasJudge(env_path=env_path, base_url=server, model="m", timeout_s=30, repeats=3)
    (judgement,) = thrice.judge_claims(["Parental leave is twenty days."], SOURCES)
    assert (judgement.verdict, judgement.probability) == (Verdict.SUPPORTED, 1.0)
    assert len(PerfectJudge.asked) == 3
    assert PerfectJudge.asked[0]["temperature"] > 0
    thrice.close()


def test_a_slow_server_is_a_failure_with_its_reason(
    ragas: RagasJudge, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PerfectJudge, "slow_s", 3.0)
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    hasty = RagasJudge(env_path=env_path, base_url=server, model="m", timeout_s=1)
    (score,) = hasty.score_triad([TriadSample("a", "How long?", tuple(SOURCES), "Twenty days.")])
    assert score.groundedness is None
    assert score.failure is not None
    hasty.close()


def test_a_server_that_is_not_there_gives_reasons(ragas: RagasJudge) -> None:
    env_path = ragas._env_path  # pyright: ignore[reportPrivateUsage]  # made once for the module: it takes minutes
    judge = RagasJudge(env_path=env_path, base_url="http://127.0.0.1:1/v1", model="m", timeout_s=5)
    (score,) = judge.score_triad([TriadSample("a", "How long?", tuple(SOURCES), "Twenty days.")])
    assert score.groundedness is None
    assert score.failure
    judge.close()
