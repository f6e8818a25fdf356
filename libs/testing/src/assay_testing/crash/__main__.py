"""`python -m assay_testing.crash`: the long crash campaigns, in shards that can be stopped and resumed."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay_embedded.testing import running
from assay_store.migrate import upgrade

from assay_testing.crash import faults
from assay_testing.crash.campaign import Report, crash_points, random_kills, server_faults, upper_bound
from assay_testing.crash.points import CASES
from assay_testing.crash.servers import Servers
from assay_testing.crash.world import World, world

_KILLS_A_ROUND = 20
_COUNTED = ("lost", "doubled", "orphans", "phantoms", "mixed_answers", "deleted_in_answers", "other")

Round = Callable[[World], Report]


def main() -> None:
    options = _options()
    rounds = dict(_mine(_rounds(options), options.shard))
    done = _read(options.resume)
    with _platform(options.seed) as platform:
        for name, one in rounds.items():
            if name not in done:
                report = one(platform)
                print(*report.lines(), sep="\n", flush=True)
                done[name] = report.as_json()
                _append(options.resume, name, done[name])
    total = _total([done[name] for name in rounds])
    print(json.dumps(total) if options.json else _sentence(total))
    sys.exit(1 if any(total[key] for key in (*_COUNTED, "not_reached")) else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assay_testing.crash", description=__doc__)
    parser.add_argument("what", choices=["kills", "points", "servers"])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--documents", type=int, default=1000, help="uploaded, edited and deleted meanwhile")
    parser.add_argument("--seed", type=int, default=1, help="of the plan; a run prints it")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="do the Ith of N parts")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="keep finished rounds here, and pass them over")
    parser.add_argument("--json", action="store_true", help="print the total as JSON")
    return parser.parse_args()


def _rounds(options: argparse.Namespace) -> Iterator[tuple[str, Round]]:
    match options.what:
        case "kills":
            n = -(-options.kills // _KILLS_A_ROUND)
            for r in range(n):
                kills = min(_KILLS_A_ROUND, options.kills - r * _KILLS_A_ROUND)
                yield f"kills {options.seed}.{r}", _kills(kills, options.documents // n, options.seed * 1000 + r)
        case "points":
            for case in CASES:
                yield str(case), lambda world, case=case: crash_points(world, [case], seed=options.seed)
        case _:
            for name, fault in faults.long().items():
                yield name, _faults(name, fault, seed=options.seed)


def _kills(kills: int, documents: int, seed: int) -> Round:
    return lambda world: random_kills(world, kills=kills, documents=documents, seed=seed)


def _faults(name: str, fault: faults.Fault, *, seed: int) -> Round:
    return lambda world: server_faults(world, {name: fault}, documents=10, seed=seed)


def _mine(rounds: Iterator[tuple[str, Round]], shard: str) -> Iterator[tuple[str, Round]]:
    number, _, of = shard.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise SystemExit(f"--shard is {shard!r}; write the part and how many there are, such as 2/5.")
    yield from (one for n, one in enumerate(rounds) if n % int(of) == int(number) - 1)


def _read(file: Path | None) -> dict[str, dict[str, object]]:
    if file is None or not file.exists():
        return {}
    return {line["round"]: line["report"] for line in map(json.loads, file.read_text().splitlines())}


def _append(file: Path | None, name: str, report: dict[str, object]) -> None:
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write(json.dumps({"round": name, "report": report}) + "\n")


@contextmanager
def _platform(seed: int) -> Generator[World]:
    with tempfile.TemporaryDirectory(prefix="assay-crash-") as folder:
        home, own = Path(folder) / "home", Path(folder) / "world"
        own.mkdir()
        with running(home, parts={"postgres", "broker", "cache", "milvus"}) as servers:
            url = servers.env["ASSAY_DATABASE__URL"]
            upgrade(url)
            with world(Servers([servers]), url, own, seed=seed) as platform:
                yield platform


def _total(reports: list[dict[str, object]]) -> dict[str, object]:
    def summed(key: str) -> int:
        return sum(value for report in reports if isinstance(value := report[key], int))

    counted: dict[str, object] = {key: summed(key) for key in ("trials", "documents", "answers", *_COUNTED)}
    failures = sum(summed(key) for key in _COUNTED)
    missed = [case for report in reports if isinstance(cases := report["not_reached"], list) for case in cases]
    return counted | {"not_reached": missed, "upper_bound_95": upper_bound(summed("trials"), failures)}


def _sentence(total: dict[str, object]) -> str:
    counted = ", ".join(f"{total[key]} {key.replace('_', ' ')}" for key in _COUNTED)
    bound = total["upper_bound_95"]
    rate = f"; true rate of failures at most {bound:.2%} (95 %)" if isinstance(bound, float) else ""
    read = f"{total['documents']} documents, {total['answers']} answers read"
    return f"In all {total['trials']} trials, {read}: {counted}{rate}"


if __name__ == "__main__":
    main()
