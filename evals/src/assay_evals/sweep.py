"""Try many configurations: which are worth their time and memory? See `sweep_file` for what can be varied.

A point that is done is never run again, and a run that was begun is waited for.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from assay_core.errors import Conflict, Exhausted, Invalid
from assay_core.index_profiles import IndexProfile
from assay_wire import public
from assay_wire.clients import AssayClient

from assay_evals.pareto import Figures, front
from assay_evals.sweep_file import ASKED, MADE, Sweep

_FINAL = ("ready", "failed", "cancelled")
_POLL_S = 2.0
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration with what was measured of it; `on_front` if no other point is better in everything."""

    values: Mapping[str, Any]
    run: str
    collection: str
    metrics: Mapping[str, float]
    quality: float
    quality_low: float
    quality_high: float
    latency_ms: float | None
    memory_mib: float | None
    failures: int
    on_front: bool = False

    @property
    def name(self) -> str:
        return ", ".join(f"{key} {_short(value)}" for key, value in self.values.items()) or "as it is"

    @property
    def figures(self) -> Figures:
        return Figures(self.name, self.quality, self.quality_low, self.quality_high, self.latency_ms, self.memory_mib)

    def as_json(self) -> Mapping[str, object]:
        return asdict(self) | {"name": self.name}


class Memory:
    """What a sweep has begun and finished, a JSON line each, written before anything goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        # A line that was cut off by a crash is of something that has to be done again.
        self._facts = {fact["key"]: fact for fact in map(_line, lines) if fact is not None}

    def get(self, what: str, point: object) -> Mapping[str, Any] | None:
        """What is known of a point, or of the collection for one."""
        return self._facts.get(_key(what, point))

    def put(self, what: str, point: object, **facts: object) -> Mapping[str, Any]:
        """Remember it, on the disk first."""
        fact = {"key": _key(what, point), "what": what, "point": point, **facts}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(fact) + "\n")
            file.flush()
        self._facts[fact["key"]] = fact
        return fact


def run_sweep(
    client: AssayClient,
    sweep: Sweep,
    memory: Memory,
    *,
    upload_questions: Callable[[str, Path], None],
    on_progress: OnProgress,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Point]:
    """Run what is not done yet. Returns every point, the best quality first.

    Raises:
        Conflict: a run failed; the points before it are remembered.
        Invalid: a run has no score of the metric of quality.
    """
    found: list[Point] = []
    for number, values in enumerate(sweep.points, 1):
        on_progress("point", number, len(sweep.points))
        collection = sweep.collection or _prepared(client, sweep, values, memory, upload_questions, sleep)
        found.append(_point(client, sweep, values, collection, memory, sleep))
    best = front([point.figures for point in found])
    marked = [replace(point, on_front=on_front) for point, on_front in zip(found, best, strict=True)]
    return sorted(marked, key=lambda point: -point.quality)


def _point(
    client: AssayClient,
    sweep: Sweep,
    values: Mapping[str, Any],
    collection: str,
    memory: Memory,
    sleep: Callable[[float], None],
) -> Point:
    place = [dict(values), collection, sweep.dataset, sweep.judge, sweep.limit]
    begun = memory.get("run", place)
    if begun is None or begun["run"] is None:
        asked = {key: value for key, value in values.items() if key in ASKED}
        started = client.start_run(collection, sweep.dataset, judge=sweep.judge, limit=sweep.limit, answering=asked)
        begun = memory.put("run", place, run=started.id)
    run: public.Run = client.run(str(begun["run"]))
    while run.state in ("waiting", "running"):
        sleep(_POLL_S)
        run = client.run(run.id)
    if run.state != "done":
        memory.put("run", place, run=None, error=run.error)
        raise Conflict(f"Run {run.id} of {dict(values)} is {run.state}: {run.error}", code="run_failed")
    if sweep.quality not in run.metrics:
        raise Invalid(
            f"Run {run.id} has no {sweep.quality!r}; it has {', '.join(sorted(run.metrics))}.", code="bad_sweep"
        )
    quality = run.metrics[sweep.quality]
    low, high = run.intervals.get(sweep.quality, (quality, quality))
    memory_mib = _index_mib(client.collection(collection), sweep.dimension)
    return Point(
        dict(values), run.id, collection, run.metrics, quality, low, high, run.metrics.get("latency_ms"), memory_mib,
        run.failures,
    )  # fmt: skip


def _prepared(
    client: AssayClient,
    sweep: Sweep,
    values: Mapping[str, Any],
    memory: Memory,
    upload_questions: Callable[[str, Path], None],
    sleep: Callable[[float], None],
) -> str:
    """The collection of these values, with all documents searchable; made if it is not there."""
    made = {key: value for key, value in values.items() if key in MADE}
    known = memory.get("collection", made)
    if known is not None:
        return str(known["name"])
    assert sweep.documents is not None
    assert sweep.questions is not None
    name = f"sweep-{hashlib.sha256(_key(sweep.name, made).encode()).hexdigest()[:12]}"
    if name not in {one.name for one in client.collections()}:
        settings = {"chunking": made["chunking"]} if "chunking" in made else {}
        client.create_collection(name, index_kind=made.get("index_kind", "hnsw"), settings=settings)
    files = [path for path in sorted(sweep.documents.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    if not files:
        raise Invalid(f"{str(sweep.documents)!r} holds no files.", code="bad_sweep")
    documents = [
        client.upload(name, path, name=path.relative_to(sweep.documents).as_posix()).document_id for path in files
    ]
    for document in documents:
        _await_ready(client, document, sleep)
    upload_questions(name, sweep.questions)
    memory.put("collection", made, name=name)
    return name


def _await_ready(
    client: AssayClient, document: str, sleep: Callable[[float], None], *, longest_s: float = 1800
) -> None:
    waited_s = 0.0
    while (found := client.document(document)).state not in _FINAL:
        if waited_s > longest_s:
            raise Exhausted(f"{found.name!r} is {found.state} for {longest_s:.0f} s.", code="stalled")
        sleep(_POLL_S)
        waited_s += _POLL_S
    if found.state != "ready":
        raise Conflict(f"{found.name!r} is {found.state}: {found.error_code}", code="document_failed")


def _index_mib(collection: public.Collection, dimension: int) -> float:
    """What the vectors of a collection take in memory by the layout of its index, which is not asked itself."""
    return collection.chunks * IndexProfile.parse(collection.index_kind).bytes_each(dimension) / 2**20


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in cast(Mapping[str, object], value).values())
    return str(value)


def _key(what: str, point: object) -> str:
    return f"{what} {json.dumps(point, sort_keys=True, default=str)}"


def _line(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "key" in found else None
