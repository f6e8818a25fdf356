"""The campaigns: random kills, every crash point, and servers that fail, each with a report of what was found."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from assay_testing.crash.driver import Driver, Mix
from assay_testing.crash.ledger import Written
from assay_testing.crash.oracle import summary
from assay_testing.crash.points import Case
from assay_testing.crash.processes import wait_for
from assay_testing.crash.readers import Incident
from assay_testing.crash.roles import ROLES
from assay_testing.crash.world import World

_CHECK_EVERY = 5
# A minute is enough on a machine that has nothing else to do; on a busy one a process takes that long to start.
_RECOVERY_S = 240.0
_REACHED_S = 240.0


@dataclass(slots=True)
class Report:
    """What a campaign did and found. `trials` are kills, or crash points, or faults of servers."""

    what: str
    seed: int
    trials: int = 0
    documents: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])
    refusals: Counter[str] = field(default_factory=Counter[str])
    given_up: int = 0
    incidents: list[Incident] = field(default_factory=list[Incident])
    not_reached: list[str] = field(default_factory=list[str])
    slowest_s: float = 0.0
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.incidents or self.not_reached)

    def as_json(self) -> dict[str, object]:
        found = summary(self.incidents)
        return {
            "what": self.what,
            "seed": self.seed,
            "trials": self.trials,
            "documents": self.documents,
            "answers": sum(self.answers.values()),
            **{name.replace(" ", "_"): count for name, count in found.items()},
            "upper_bound_95": upper_bound(self.trials, len(self.incidents)),
            "given_up": self.given_up,
            "not_reached": self.not_reached,
            "refusals": dict(self.refusals),
            "incidents": [f"{i.invariant} {i.subject}: {i.detail}" for i in self.incidents],
            "seconds": round(self.seconds, 1),
        }

    def lines(self) -> Iterable[str]:
        """For people."""
        found = ", ".join(f"{count} {name}" for name, count in summary(self.incidents).items())
        bound = upper_bound(self.trials, len(self.incidents))
        yield (
            f"{self.what}: seed {self.seed}, {self.trials} trials, {self.documents} documents,"
            f" {sum(self.answers.values())} answers read in {self.seconds:.0f} s"
        )
        yield f"  {found}" + (f"; true rate of failures at most {bound:.1%} (95 %)" if bound is not None else "")
        yield f"  {self.given_up} given up after three deaths, tried again; refused on the way: {dict(self.refusals)}"
        yield from (f"  not reached: {case}" for case in self.not_reached)
        yield from (f"  {i.invariant} {i.subject}: {i.detail}" for i in self.incidents[:50])


def upper_bound(trials: int, failures: int) -> float | None:
    """The rule of three: no failure in n trials bounds the rate by about 3/n. None where it does not apply."""
    return min(1.0, 3 / trials) if trials and not failures else None


def random_kills(world: World, *, kills: int, documents: int, seed: int) -> Report:
    """kill -9 processes at random moments while documents go in, are edited and are deleted."""
    report, rng = Report("random kills", seed), random.Random(seed)
    with _reported(world, report), _writing(world, Mix(documents), seed=seed) as writing:
        for n in range(kills):
            time.sleep(rng.uniform(0.1, 1.2))
            world.processes.kill(rng.choice(ROLES))
            report.trials += 1
            if n % _CHECK_EVERY == _CHECK_EVERY - 1:
                with writing.paused():
                    world.check_now()
        writing.finish()
        report.refusals += writing.driver.refusals
        _settle(world, report)
    return report


def crash_points(world: World, cases: Iterable[Case], *, seed: int = 1) -> Report:
    """Make a process die at each point in turn; everything must be right again within a minute."""
    report = Report("crash points", seed)
    with _reported(world, report):
        driver = world.driver(seed=seed)
        for case in cases:
            report.trials += 1
            if not _dies(world, driver, case):
                report.not_reached.append(str(case))
            world.check_now()
            before = len(world.incidents)
            world.rest(timeout_s=_RECOVERY_S)
            _told(world, before, str(case))
        report.refusals += driver.refusals
        driver.close()
        _settle(world, report)
    return report


def server_faults(world: World, faults: Mapping[str, Callable[[World], None]], *, documents: int, seed: int) -> Report:
    """Let servers fail one after the other while documents go in, are edited and are deleted."""
    report, rng = Report("server faults", seed), random.Random(seed)
    with _reported(world, report), _writing(world, Mix(documents), seed=seed) as writing:
        for name, fault in faults.items():
            time.sleep(rng.uniform(0.3, 1.5))
            fault(world)
            report.trials += 1
            with writing.paused():
                before = len(world.incidents)
                world.check_now()
                _told(world, before, name)
        writing.finish()
        report.refusals += writing.driver.refusals
        report.slowest_s = writing.driver.slowest_s
        _settle(world, report)
    return report


def _told(world: World, before: int, where: str) -> None:
    """Say where the incidents since `before` were found."""
    world.incidents[before:] = [
        Incident(i.invariant, i.subject, f"{i.detail} ({where})") for i in world.incidents[before:]
    ]


def _dies(world: World, driver: Driver, case: Case) -> bool:
    """Bring a process to its point. Returns whether it died there."""
    written = _prepared(world, driver, case)
    if case.role == "gateway":
        world.processes.start_armed(case.role, case.point, **case.env)
        _write(world, driver, case, written)
    else:
        world.processes.hold(case.role)
        _write(world, driver, case, written)
        world.processes.start_armed(case.role, case.point, **case.env)
    try:
        wait_for(lambda: world.processes.died_at_its_point(case.role), timeout_s=_REACHED_S, what=str(case))
    except AssertionError:
        world.processes.disarm(case.role)
        return False
    return True


def _prepared(world: World, driver: Driver, case: Case) -> Written | None:
    """The document that is written to, at rest; none if the write is its first."""
    if case.kind == "ingest":
        return None
    written = driver.upload()
    world.rest()
    if case.kind == "expire":
        driver.edit(written)
        world.rest()
    return written


def _write(world: World, driver: Driver, case: Case, written: Written | None) -> None:
    if written is None:
        driver.upload()
        return
    match case.kind:
        case "access":
            driver.change_access(written)
        case "expire":
            world.expire(written)
        case "delete":
            driver.delete(written)
        case _:
            driver.edit(written)


class Writing:
    """A driver in a thread of its own, which can be paused between two writes."""

    def __init__(self, driver: Driver, mix: Mix) -> None:
        self.driver = driver
        self._mix = mix
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="driver", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @contextmanager
    def paused(self) -> Generator[None]:
        """No write is under way in the block. Raises what a write raised."""
        with self._turn:
            self._raise()
            yield

    def finish(self) -> None:
        """Make the uploads that are left, then end. Raises what a write raised."""
        wait_for(lambda: self._error is not None or not self.driver.uploads_left(self._mix), timeout_s=1800, what="It")
        self.stop()
        self._raise()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._turn:
                    self.driver.step(self._mix)
            except BaseException as error:  # noqa: BLE001 (the edge of a thread: raised again in the one that waits)
                self._error = error
                return
            time.sleep(0.002)  # lets someone else have the turn


@contextmanager
def _writing(world: World, mix: Mix, *, seed: int) -> Generator[Writing]:
    writing = Writing(world.driver(seed=seed), mix)
    writing.start()
    try:
        yield writing
    finally:
        writing.stop()
        writing.driver.close()


@contextmanager
def _reported(world: World, report: Report) -> Generator[None]:
    started_s, before = time.monotonic(), set(world.all_incidents())
    answers, documents = Counter(world.readers.answers), len(world.ledger.documents())
    yield
    report.seconds = time.monotonic() - started_s
    report.documents = len(world.ledger.documents()) - documents
    report.answers = world.readers.answers - answers
    report.incidents = [incident for incident in world.all_incidents() if incident not in before]


def _settle(world: World, report: Report) -> None:
    """Let all work end; documents whose worker died three times are tried again, and must be ready then."""
    world.rest()
    given_up = [
        str(document)
        for (document,) in world.sql(
            "SELECT d.id FROM documents d JOIN versions v ON v.tenant = d.tenant AND v.document = d.id"
            " AND v.version = d.latest_version WHERE v.error_code = 'gave_up' AND d.deleted_at IS NULL"
        )
    ]
    report.given_up += len(given_up)
    driver = world.driver(seed=report.seed)
    for document in given_up:
        driver.retry_failed(document)
    driver.close()
    if given_up:
        world.rest()
    failed = world.sql(
        "SELECT d.id, v.error_code FROM documents d JOIN versions v ON v.tenant = d.tenant AND v.document = d.id"
        " AND v.version = d.latest_version WHERE v.state <> 'ready' AND d.deleted_at IS NULL"
    )
    world.incidents += [Incident("I1", str(document), f"not ready in the end: {code}") for document, code in failed]
