"""Sends mutated files through a parser.

    python -m assay_testing.fuzz.run --count 10000 --seed 1 [--first N] [--keep FOLDER] [--json]

Needs `assay-adapters`. File number N of a seed is always the same, so that a run can be divided, resumed and repeated.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

from assay_core.errors import Invalid
from assay_core.ports import Parser
from assay_core.reasons import PARSING

from assay_testing.fuzz.mutations import mutated
from assay_testing.fuzz.seeds import seeds

_MAX_TOLD = 20
READY = "ready"


@dataclass(slots=True)
class Report:
    """What became of the files. `outcomes` counts `ready` and reason codes; the lists name files by number."""

    seed: int
    first: int
    count: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    errors_of_ours: list[str] = field(default_factory=list[str])
    parsers_that_died: list[str] = field(default_factory=list[str])
    worst_s: float = 0.0
    worst_file: str = ""
    worst_memory_bytes: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether every file ended as a document, or with a reason code."""
        return not self.errors_of_ours


def mutated_file(seed: int, number: int) -> tuple[str, bytes]:
    """Name and bytes of one file."""
    rng = random.Random(f"{seed}:{number}")
    files = seeds()
    name = rng.choice(sorted(files))
    shown = name if rng.random() < 0.8 else rng.choice(("strange", "a.txt", "a.html", "a.xml", "a.pdf"))
    return shown, mutated(rng, files[name], list(files.values()))


def run(
    parser: Parser,
    *,
    seed: int,
    count: int,
    first: int = 0,
    memory: Callable[[], int] = lambda: 0,
    keep: Path | None = None,
    on_file: Callable[[int], None] = lambda _: None,
) -> Report:
    """Parse `count` files from number `first` on; archives are unpacked. `memory` tells the most that one took so far.

    Args:
        keep: where files go whose parser died, or that met an error of ours.
    """
    report = Report(seed, first)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        for number in range(first, first + count):
            name, data = mutated_file(seed, number)
            path.write_bytes(data)
            before = time.monotonic()
            outcome = _outcome(parser, path, name, data)
            took_s = time.monotonic() - before
            _note(report, f"{number} {name}", outcome, took_s)
            if keep is not None and outcome not in {READY, *PARSING} - {"crashed"}:
                (keep / f"{seed}-{number}-{name}").write_bytes(data)
            on_file(number)
    report.worst_memory_bytes = memory()
    return report


def _outcome(parser: Parser, path: Path, name: str, data: bytes) -> str:
    try:
        try:
            parser.parse(str(path), name=name)
        except Invalid as error:
            if error.code != "archive":
                raise
            for _ in parser.unpack(str(path), name=name):
                pass
    except Invalid as error:
        return error.code if error.code in PARSING or not data else f"unknown reason {error.code!r}"
    except Exception as error:  # noqa: BLE001 (what is looked for)
        return f"{type(error).__name__}: {error}"
    return READY


def _note(report: Report, file: str, outcome: str, took_s: float) -> None:
    report.count += 1
    known = outcome == READY or outcome in PARSING
    report.outcomes[outcome if known else "error of ours"] += 1
    if not known:
        report.errors_of_ours.append(f"{file}: {outcome}"[:300])
    if outcome == "crashed" and len(report.parsers_that_died) < _MAX_TOLD:
        report.parsers_that_died.append(file)
    if took_s > report.worst_s:
        report.worst_s, report.worst_file = took_s, file


def main() -> None:
    from assay_adapters.parsers.sandbox import SandboxedParser

    arguments = _arguments()
    deaths: list[dict[str, int | bool]] = []
    parser = SandboxedParser(timeout_s=30.0, on_end=deaths.append)
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    try:
        report = run(
            parser,
            seed=arguments.seed,
            count=arguments.count,
            first=arguments.first,
            memory=lambda: max((int(end.get("max_rss_bytes", 0)) for end in deaths), default=0),
            keep=arguments.keep,
            on_file=lambda number: None if number % 500 else print(f"file {number}", file=sys.stderr),
        )
    finally:
        parser.close()
    sys.stdout.write((_as_json(report) if arguments.json else _told(report)) + "\n")
    sys.exit(0 if report.is_clean else 1)


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description="Send mutated files through the sandboxed parser.")
    arguments.add_argument("--count", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--first", type=int, default=0, help="number of the first file, to go on where a run ended")
    arguments.add_argument("--keep", type=Path, help="folder for files that made a parser die")
    arguments.add_argument("--json", action="store_true")
    return arguments.parse_args()


def _as_json(report: Report) -> str:
    return json.dumps({one.name: getattr(report, one.name) for one in fields(report)})


def _told(report: Report) -> str:
    lines = [
        f"{report.count:,} files, seed {report.seed}, from number {report.first}",
        ", ".join(f"{code} {count:,}" for code, count in report.outcomes.most_common()),
        f"errors of ours: {len(report.errors_of_ours)}; parsers that died: {report.outcomes['crashed']}",
        f"worst: {report.worst_s:.2f} s ({report.worst_file}), {report.worst_memory_bytes >> 20} MiB",
        *report.errors_of_ours[:_MAX_TOLD],
        *(f"died: {file}" for file in report.parsers_that_died),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
