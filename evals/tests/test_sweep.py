"""Sweeps: what can be varied, what is refused by name, what is gone on with, and what is worth having."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from assay_core.errors import Conflict, Invalid
from assay_evals.pareto import Figures, front, picture
from assay_evals.sweep import Memory, Point, run_sweep
from assay_evals.sweep_file import read_sweep
from assay_wire.clients import AssayClient

PLAIN = "dataset: golden\ncollection: docs\nvary:\n  top_k: [3, 5]\n  mode: [hybrid, dense]\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(text)
    return path


class FakeClient:
    """Does every run at once; dense search is faster and worse. Dies at the start of run number `dies_at`."""

    def __init__(self, *, dies_at: int = 0, state: str = "done") -> None:
        self.started: list[dict[str, Any]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.uploaded: list[str] = []
        self.looks: dict[str, int] = {}
        self.dies_at = dies_at
        self.state = state

    def start_run(self, collection: str, dataset: str, **options: Any) -> Any:
        if len(self.started) + 1 == self.dies_at:
            raise KeyboardInterrupt
        self.started.append({"collection": collection, "dataset": dataset, **options})
        return SimpleNamespace(id=f"r{len(self.started)}")

    def run(self, identity: str) -> Any:
        self.looks[identity] = self.looks.get(identity, 0) + 1
        asked = self.started[int(identity[1:]) - 1]["answering"]
        dense = asked.get("mode") == "dense"
        figures = {
            "answer_correct": 0.6 if dense else 0.8,
            "latency_ms": (100 if dense else 200) + 10 * asked.get("top_k", 5),
        }
        state = "running" if self.looks[identity] == 1 else self.state
        return SimpleNamespace(
            id=identity,
            state=state,
            metrics=figures,
            intervals={"answer_correct": (0.5, 0.9)},
            error="no judge",
            failures=0,
        )

    def collection(self, name: str) -> Any:
        return SimpleNamespace(name=name, chunks=1000, index_kind=self.made.get(name, {}).get("index_kind", "hnsw"))

    def collections(self) -> list[Any]:
        return [self.collection(name) for name in self.made]

    def create_collection(self, name: str, **options: Any) -> None:
        self.made[name] = options

    def upload(self, collection: str, path: Path, *, name: str) -> Any:
        assert path.is_file()
        self.uploaded.append(f"{collection}/{name}")
        return SimpleNamespace(document_id=name)

    def document(self, identity: str) -> Any:
        return SimpleNamespace(name=identity, state="ready", error_code=None)


def swept(client: FakeClient, path: Path, questions: list[str] | None = None) -> list[Point]:
    sent = [] if questions is None else questions
    return run_sweep(
        cast(AssayClient, client),  # has what a sweep asks for
        read_sweep(path),
        Memory(path.parent / "memory.jsonl"),
        upload_questions=lambda collection, _: sent.append(collection),
        on_progress=lambda *_: None,
        sleep=lambda _: None,
    )


def test_every_combination_is_run_and_the_front_is_marked(tmp_path: Path) -> None:
    client = FakeClient()
    points = swept(client, written(tmp_path, PLAIN))
    assert [run["answering"] for run in client.started] == [
        {"top_k": k, "mode": mode} for k in (3, 5) for mode in ("hybrid", "dense")
    ]
    assert {p.name for p in points if p.on_front} == {"top_k 3, mode hybrid", "top_k 3, mode dense"}
    assert points[0].quality == 0.8
    assert points[0].memory_mib == pytest.approx(1000 * (4 * 384 + 128) / 2**20)


def test_a_sweep_that_was_killed_goes_on_and_runs_nothing_twice(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN)
    client = FakeClient(dies_at=3)
    with pytest.raises(KeyboardInterrupt):
        swept(client, path)
    client.dies_at = 0
    with (tmp_path / "memory.jsonl").open("a") as file:
        file.write('{"key": "run cut of')  # as a crash leaves it
    assert len(swept(client, path)) == 4
    assert len(client.started) == 4


def test_what_documents_are_made_with_gets_collections_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "documents" / "below").mkdir(parents=True)
    (tmp_path / "documents" / "below" / "a.md").write_text("A")
    (tmp_path / "golden.jsonl").write_text("")
    path = written(
        tmp_path,
        "documents: documents\nquestions: golden.jsonl\nvary:\n  top_k: [3, 5]\n  index_kind: [flat, ivf_pq]\n"
        "  chunking: [{strategy: fixed, budget_tokens: 100}]\n",
    )
    client, sent = FakeClient(), list[str]()
    points = swept(client, path, sent)
    assert len(client.made) == len(sent) == 2
    assert {made["index_kind"] for made in client.made.values()} == {"flat", "ivf_pq"}
    assert all(
        made["settings"] == {"chunking": {"strategy": "fixed", "budget_tokens": 100}} for made in client.made.values()
    )
    assert [name.split("/", 1)[1] for name in client.uploaded] == ["below/a.md"] * 2
    assert len({p.memory_mib for p in points}) == 2
    assert swept(client, path, sent) == points
    assert len(sent) == 2


def test_a_run_that_failed_is_tried_again_next_time(tmp_path: Path) -> None:
    path, client = written(tmp_path, PLAIN), FakeClient(state="failed")
    with pytest.raises(Conflict, match="no judge"):
        swept(client, path)
    client.state = "done"
    assert len(swept(client, path)) == 4
    assert len(client.started) == 5


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("collection: docs\nvary: {rrf_k: [10, 60]}", "ASSAY_RETRIEVAL__RRF_K"),
        ("collection: docs\nvary: {model: [a, b]}", "ASSAY_CHAT__MODEL"),
        ("collection: docs\nvary: {colour: [red]}", "'colour' cannot be varied"),
        ("collection: docs\nvary: {mode: [magic]}", "mode is 'magic'"),
        ("collection: docs\nvary: {top_k: [0]}", "top_k is 0"),
        ("collection: docs\nvary: {top_k: []}", "no values"),
        ("collection: docs\nvary: {index_kind: [flat]}", "name the folder of `documents`"),
        ("documents: d\nvary: {index_kind: [flat]}", "needs `questions`"),
        ("documents: d\nvary: {index_kind: [round]}", "'round' is no index kind"),
        ("documents: d\nvary: {index_kind: [3]}", "'3' is no index kind"),
        ("vary: {top_k: [1]}", "either `collection` or `documents`"),
        ("collection: docs\nvaried: 1\nvary: {top_k: [1]}", "'varied' is not known"),
        ("collection: docs\nlimit: many\nvary: {top_k: [1]}", "limit is 'many'"),
        (f"collection: docs\nvary: {{top_k: {list(range(1, 51))}, mode: [hybrid, dense], rerank: [true, false, true]}}",
         "300 points"),
        ("- a list", "a mapping"),
        ("a: [", "cannot be read as YAML"),
        ("!!python/object/apply:os.system ['true']", "cannot be read as YAML"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_sweep(written(tmp_path, text))
    assert named in caught.value.message


def figures(name: str, quality: float, latency_ms: float | None, memory_mib: float | None = None) -> Figures:
    return Figures(name, quality, quality - 0.1, quality + 0.1, latency_ms, memory_mib)


def test_the_front_by_hand() -> None:
    points = [figures("a", 0.9, 300), figures("b", 0.8, 100), figures("c", 0.7, 200), figures("d", 0.9, 300)]
    assert front(points) == [True, True, False, True]
    assert front([figures("a", 0.9, 300, 9), figures("b", 0.9, 300, 5)]) == [False, True]
    assert front([figures("a", 0.9, None), figures("b", 0.8, 1)]) == [True, False]


def test_the_picture_is_sound_and_names_every_point() -> None:
    drawn = picture([figures("a <b>", 0.9, 300, 9), figures("c", 0.8, 100, 5), figures("d", 0.1, None)], quality="f&1")
    root = ElementTree.fromstring(drawn)
    told = [title.text or "" for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert told == ["a <b>: 0.900, 300 ms, 9.0 MiB", "c: 0.800, 100 ms, 5.0 MiB"]
    assert "prefers-color-scheme:dark" in drawn
    assert ElementTree.fromstring(picture([figures("only", 0.5, 10)], quality="q")) is not None
