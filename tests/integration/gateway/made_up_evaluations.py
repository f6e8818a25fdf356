"""Evaluations as the API tells of them, made up, and a server of the pages that shows them: no database is needed."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from assay_gateway.headers import SecurityHeaders
from assay_gateway.web.serving import STATIC, Pages
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

Json = dict[str, Any]
TODAY = date(2026, 11, 20)
NIGHTS = 14
EDITED, REINDEXED = 5, 9
METRICS = ("context_relevance", "groundedness", "answer_relevance", "recall@5", "ndcg@10", "answer_correct")


def run(n: int, *, detail: bool = False) -> Json:
    """The run of `n` nights ago."""
    chance = random.Random(n)
    drop = 0.12 if n < EDITED else 0.0
    means = {
        m: round(0.86 - 0.05 * i - (drop if m == "groundedness" else 0) + chance.uniform(-0.02, 0.02), 4)
        for i, m in enumerate(METRICS)
    }
    started = datetime.combine(TODAY - timedelta(days=n), datetime.min.time(), UTC).replace(hour=2)
    found: Json = {
        "id": f"{n:032x}",
        "collection": "handbook",
        "dataset": "golden",
        "judge": "local",
        "state": "done",
        "configuration": {"prompt": "answer.v2" if n < EDITED else "answer.v1", "mode": "hybrid", "top_k": 5},
        "metrics": {**means, "latency_ms": 812.5 + chance.uniform(0, 90)},
        "intervals": {m: [round(v - 0.05, 4), round(min(1, v + 0.05), 4)] for m, v in means.items()},
        "questions": 120,
        "failures": 2 if n == 0 else 0,
        "started_at": started.isoformat(),
        "finished_at": (started + timedelta(minutes=4)).isoformat(),
        "error": None,
    }
    return {**found, **_scores(n)} if detail else found


def _scores(n: int) -> Json:
    chance = random.Random(n)
    questions = [f"leave-{i:03d}" for i in range(40)]
    scores: list[Json] = []
    for i, question in enumerate(questions):
        for metric in METRICS:
            value = round(min(1.0, max(0.0, chance.gauss(0.8, 0.2))), 3)
            failed = n == 0 and i in (3, 7) and metric == "groundedness"
            failure = "no judgement: judge_timeout: The judge took longer than 30 s." if failed else None
            scores.append(
                {"question": question, "metric": metric, "value": None if failed else value, "failure": failure}
            )
    slices = {
        q: {"type": ("factoid", "multi-hop", "comparison")[i % 3], "language": "en" if i % 5 else "de"}
        for i, q in enumerate(questions)
    }
    answers = {q: f"{i:032x}" for i, q in enumerate(questions) if i != 11}
    return {"scores": scores, "slices": slices, "answers": answers}


def night(n: int) -> Json:
    """The night of `n` days ago; on known days a prompt was changed, and the index."""
    chance = random.Random(100 + n)
    remarks: list[Json] = []
    figures: dict[str, float] = {
        "index.recall@10": 0.991 - (0.08 if n < REINDEXED and n >= EDITED else 0) + chance.uniform(-0.004, 0.004),
        "index.chunks": 1842.0,
        "index.missing": 3.0 if REINDEXED > n >= EDITED else 0.0,
        "drift.questions": 0.004 + chance.uniform(0, 0.003) + (0.02 if n == 2 else 0),
        "drift.questions.p": 0.002 if n == 2 else 0.1 + chance.uniform(0, 0.8),
        "drift.scores.rerank": 0.03 + chance.uniform(0, 0.05),
        "drift.scores.rerank.p": 0.2 + chance.uniform(0, 0.6),
        "drift.outcomes": 0.0,
        "drift.outcomes.p": 0.2 + chance.uniform(0, 0.7),
        "cache.audited": 30.0,
        "cache.wrong": 1.0 if n == 4 else 0.0,
        "cache_wrong_hit_rate": 1 / 30 if n == 4 else 0.0,
    }
    if n == EDITED - 1:
        remarks.append(
            _remark(
                "alarm",
                "groundedness",
                "groundedness of golden fell from 0.809 to 0.692 (95 % interval of the difference -0.164 to -0.071,"
                " p = 0.001, 120 questions).",
                ["prompt", "corpus"],
                {"before": 0.809, "now": 0.692, "low": -0.164, "high": -0.071},
            )
        )
    if n == 2:
        remarks.append(
            _remark(
                "warning",
                "questions",
                "Other things were asked than in the two weeks before (MMD² 0.0251, p = 0.002, 140 questions against"
                " 300).",
                [],
                {"p": 0.002, "drift": 0.0251},
            )
        )
        remarks.append(_remark("note", "documents", "The passages that went live are of other things.", ["corpus"], {}))
    if REINDEXED > n >= EDITED:
        sentence = "The vector index finds 0.911 of the ten nearest passages (95 % interval 0.890 to 0.931)."
        remarks.append(_remark("alarm", "index", sentence, ["index"], {"recall@10": 0.911}))
    failures = {"documents": "too_few: 3 passages of the day and 1842 of before are too few to compare; 20 are needed."}
    return {
        "collection": "handbook",
        "night": (TODAY - timedelta(days=n)).isoformat(),
        "caught_up": n == 12,
        "closed_at": f"{TODAY - timedelta(days=n)}T03:12:00Z",
        "runs": [f"{n:032x}"],
        "remarks": remarks,
        "figures": {} if n == 12 else figures,
        "failures": failures if n % 3 == 0 else {},
    }


def _remark(severity: str, about: str, sentence: str, causes: list[str], figures: dict[str, float]) -> Json:
    return {"severity": severity, "about": about, "sentence": sentence, "causes": causes, "figures": figures}


def comparison(metric: str, difference: float | None, half: float, finding: str, **changes: Any) -> Json:
    known = difference is not None
    value = difference or 0.0
    found: Json = {
        "metric": metric,
        "finding": finding,
        "questions": 118 if known else 1,
        "failed_in_baseline": 0,
        "failed_in_run": 2,
        "decides": True,
        "baseline": 0.81 if known else None,
        "run": 0.81 + value if known else None,
        "difference": difference,
        "low": value - half if known else None,
        "high": value + half if known else None,
        "p_value": (0.0004 if finding == "worse" else 0.31) if known else None,
        "p_adjusted": (0.002 if finding == "worse" else 0.62) if known else None,
        "effect": value / 0.2 if known else None,
        "effect_low": (value - half) / 0.2 if known else None,
        "effect_high": (value + half) / 0.2 if known else None,
        "worse_questions": None,
        "better_questions": None,
        "mcnemar_p": None,
        "smallest_drop": 0.048 if known else None,
    }
    return found | changes


def experiment() -> Json:
    """Groundedness fell, most of all for multi-hop questions."""
    latency = {"decides": False, "baseline": 812.0, "run": 874.0, "smallest_drop": None}
    return {
        "baseline": f"{5:032x}",
        "run": f"{0:032x}",
        "collection": "handbook",
        "dataset": "golden",
        "questions": 118,
        "only_in_baseline": ["leave-099"],
        "only_in_run": [],
        "metrics": [
            comparison("groundedness", -0.117, 0.047, "worse"),
            comparison("answer_relevance", -0.012, 0.031, "no difference seen"),
            comparison("recall@5", 0.041, 0.033, "better"),
            comparison("answer_correct", None, 0, "not comparable"),
            comparison("latency_ms", 62.0, 80.0, "no difference seen", **latency),
        ],
        "slices": [
            _slice("type", "multi-hop", 34, [comparison("groundedness", -0.242, 0.09, "worse")]),
            _slice("type", "factoid", 60, [comparison("groundedness", -0.051, 0.06, "no difference seen")]),
            {**_slice("language", "de", 6, []), "too_small": True},
        ],
        "changes": [{"factor": "prompt", "what": "prompt", "before": "answer.v1", "after": "answer.v2"}],
        "words": [
            "groundedness is worse: 0.810 to 0.693, a difference of -0.117 (95 % interval -0.164 to -0.070).",
            "The drop is largest where type is multi-hop.",
            "A drop of 0.048 in groundedness would have been found in 80 % of cases.",
        ],
    }


def _slice(by: str, value: str, questions: int, metrics: list[Json]) -> Json:
    return {"by": by, "value": value, "questions": questions, "too_small": False, "metrics": metrics}


def answer(identity: str) -> Json:
    """An answer of three sentences, one of which its passages contradict."""
    texts = (
        "Employees have 30 days of leave a year.",
        "Unused days can be carried over without limit.",
        "Requests go to the team lead.",
    )
    verdicts = (("supported", 0.97, [1]), ("contradicted", 0.91, [2]), ("unsupported", 0.64, []))
    claims: list[Json] = []
    start = 0
    for text, (verdict, sure, cited) in zip(texts, verdicts, strict=True):
        end = start + len(text)
        claims.append(
            {"start": start, "end": end, "text": text, "verdict": verdict, "probability": sure, "citations": cited}
        )
        start = end + 1
    quotes = (
        "Every employee is entitled to 30 working days of paid leave in a calendar year.",
        "Up to five unused days move to the next year; they lapse at the end of March.",
        "Parking spaces are given out by lot in January.",
    )
    places = [
        {
            "document_id": f"{i:032x}",
            "document_name": name,
            "version": 1,
            "page": i + 1,
            "heading": heading,
            "start": 0,
            "end": len(text),
            "chunk_id": f"c{i}",
        }
        for i, (name, heading, text) in enumerate(
            zip(("leave.md", "leave.md", "parking.md"), ("Entitlement", "Carrying over", "Lots"), quotes, strict=True)
        )
    ]
    return {
        "id": identity,
        "question": "How many days of leave are there, and can they be carried over?",
        "answer": " ".join(texts),
        "outcome": "partly_supported",
        "verdict": "partly_supported",
        "citations": [{**places[i], "n": i + 1, "quote": quotes[i], "origin": "model"} for i in (0, 1)],
        "claims": claims,
        "sources": [
            {**p, "rank": i + 1, "text": quotes[i], "score": 0.9 - i / 10, "scored_by": "rerank"}
            for i, p in enumerate(places)
        ],
        "model": "smollm2-135m-instruct",
        "prompt_version": "answer.v2",
        "usage": None,
        "timings_ms": {"total": 800.0},
        "degraded": [],
        "cache": "off",
        "finish_reason": "stop",
    }


def labelled() -> list[Json]:
    """Forty sentences that people have labelled; the judge is right of most, and could not check one."""
    verdicts = ("supported", "contradicted", "unsupported")
    labels = ("supported", "contradicted", "not_enough")
    chance = random.Random(7)
    found: list[Json] = []
    for n in range(40):
        kind = n % 3
        verdict = verdicts[kind] if chance.random() < 0.8 else verdicts[(kind + 1) % 3]
        sure = 0.5 + chance.random() / 2
        found.append(
            {
                "answer": f"{n:032x}",
                "claim": 0,
                "text": "A sentence.",
                "sources": ["A passage."],
                "label": labels[kind],
                "labelled_by": "ada",
                "probability": None if n == 39 else sure if verdict == "supported" else 1 - sure,
                "verdict": "unverified" if n == 39 else verdict,
            }
        )
    return found


def ab_test(n: int, state: str) -> Json:
    """A test that answers with another prompt."""
    means = {"groundedness": 0.71, "answered": 0.93, "answer_relevance": 0.64, "latency_ms": 812.0}
    ended = state != "running"
    return {
        "id": f"{n:032x}",
        "collection": "handbook",
        "state": state,
        "reason": "groundedness rose by 0.083 with the trial (0.021 to 0.146, 412 pairs)" if ended else "",
        "run": f"{0:032x}",
        "share": 0.1,
        "metric": "groundedness",
        "judge": "local",
        "most_answers": 5000,
        "days": 14,
        "override_reason": None,
        "control": {"prompt": "", "mode": "hybrid", "rerank": True, "top_k": 5},
        "trial": {"prompt": "cite.v1", "mode": "hybrid", "rerank": True, "top_k": 8},
        "control_figures": {"given": 3812, "scored": 3810, "failed": 3, "means": means},
        "trial_figures": {"given": 431, "scored": 431, "failed": 0, "means": means | {"groundedness": 0.793}},
        "differences": [
            {"metric": "groundedness", "pairs": 412, "difference": 0.083, "low": 0.021, "high": 0.146},
            {"metric": "answer_relevance", "pairs": 412, "difference": 0.004, "low": -0.05, "high": 0.06},
            {"metric": "answered", "pairs": 429, "difference": -0.012, "low": -0.041, "high": 0.019},
        ],
        "words": [
            "groundedness rose by 0.083 with the trial (0.021 to 0.146, 412 pairs).",
            "answered is not decided: the trial is between -0.041 and +0.019 of the control (429 pairs).",
            "3 of 4241 answers could not be scored in full; they are not in the figures.",
        ],
        "started_by": "ada",
        "started_at": "2026-11-15T08:00:00Z",
        "ended_by": None,
        "ended_at": "2026-11-19T16:20:00Z" if ended else None,
    }


class MadeUp:
    """What was asked of the server is kept in `asked`: method, path, body."""

    def __init__(self, *, roles: tuple[str, ...] = ("evaluator",)) -> None:
        self.roles = roles
        self.asked: list[tuple[str, str, Any]] = []
        self.labels: list[Json] = []
        self.nights = [night(n) for n in range(NIGHTS)]

    def app(self) -> ASGIApp:
        """The pages under `/ui`, and this API."""
        return SecurityHeaders(
            Starlette(
                routes=[
                    Route("/v1/{path:path}", self._answer, methods=["GET", "POST", "PUT"]),
                    Mount("/ui", Pages(directory=STATIC)),
                ]
            )
        )

    async def _answer(self, request: Request) -> Response:
        body = None if request.method == "GET" else (await request.body() and await request.json())
        path = request.url.path.removeprefix("/v1/")
        if request.method != "GET":
            self.asked.append((request.method, path, body))
        found = self._found(request.method, path.split("/"), body)
        if found is None:
            problem = {"title": "Not found", "status": 404, "detail": f"There is no {path}.", "code": "not_found"}
            return JSONResponse(problem, status_code=404)
        return JSONResponse(found)

    def _found(self, method: str, path: list[str], body: Any) -> Json | None:
        match (method, path):
            case ("GET", ["me"]):
                return {"name": "Ada", "tenant": "default", "roles": list(self.roles)}
            case ("GET", ["system"]):
                return {"version": "0", "parts": {}}
            case ("GET", ["collections"]):
                return {"collections": [{"name": "handbook", "documents": 12}]}
            case (_, ["answers", *_]) | (_, ["evaluations", "labels" | "datasets" | "answers", *_]):
                return self._reviewed(method, path, body)
            case ("GET", ["evaluations", *_]):
                return self._evaluation(path[1:])
            case ("GET", ["ab-tests"]):
                return {"tests": [ab_test(2, "running"), ab_test(1, "better")]}
            case ("POST", ["ab-tests", *_]):
                return ab_test(2, "stopped")
            case ("PUT", ["evaluations", "baselines", name]):
                return self._baseline(name, body["run"])
            case ("POST", ["evaluations", "nights", "handbook"]):
                return {"runs": [run(0) | {"state": "waiting"}]}
            case _:
                return None

    def _baseline(self, name: str, run: str) -> Json:
        return {
            "collection": "handbook",
            "name": name,
            "run": run,
            "dataset": "golden",
            "set_by": "ada",
            "set_at": "2026-11-15T08:00:00Z",
        }

    def _evaluation(self, path: list[str]) -> Json | None:
        match path:
            case ["runs"]:
                return {"runs": [run(n) for n in range(NIGHTS)]}
            case ["runs", identity]:
                return run(int(identity, 16), detail=True)
            case ["nights"]:
                return {"nights": self.nights}
            case ["nights", "handbook", day]:
                return next((found for found in self.nights if found["night"] == day), None)
            case ["compare"]:
                return experiment()
            case ["baselines"]:
                return {"baselines": [self._baseline("main", f"{5:032x}")]}
            case _:
                return None

    def _reviewed(self, method: str, path: list[str], body: Any) -> Json | None:
        match (method, path):
            case ("GET", ["evaluations", "answers", identity]):
                return answer(identity)
            case (_, ["answers", _, "labels"]):
                self.labels = body["labels"] if method == "PUT" else self.labels
                return {"labels": self.labels}
            case ("GET", ["evaluations", "labels"]):
                return {"claims": labelled()}
            case ("POST", ["evaluations", "datasets", "handbook", dataset, "questions"]):
                return {
                    "collection": "handbook",
                    "dataset": dataset,
                    "version": 4,
                    "sha256": "0" * 64,
                    "questions": 61,
                    "erased": 0,
                    "licence": "",
                    "source": "",
                    "created_by": "ada",
                    "created_at": "2026-11-20T09:00:00Z",
                }
            case _:
                return None
