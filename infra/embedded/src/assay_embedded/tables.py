"""Reports for people and machines."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from assay_embedded import roster
from assay_embedded.control import StatusReport

if TYPE_CHECKING:
    from assay_embedded.commands import Level
    from assay_embedded.doctor import Finding

_COLOURS = {"ready": "green", "failed": "red", "backoff": "yellow", "stopped": "dim"}
_SIGNS = {"good": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]wrong[/]"}
_NUMBERS = ("pid", "port", "MiB", "restarts")
_MIB = 1024 * 1024


def level_reached(report: StatusReport, level: "Level") -> bool:
    wanted = roster.SEARCHABLE if level == "searchable" else roster.GENERATING
    present = {part.name: part.state for part in report.parts}
    return all(state == "ready" for name, state in present.items() if name in wanted)


def as_json(report: StatusReport) -> dict[str, object]:
    parts = [
        {**asdict(part), "memory_mib": round(report.memory_bytes[part.name] / _MIB), "cpu_s": report.cpu_s[part.name]}
        for part in report.parts
    ]
    return {
        "home": report.home,
        "pid": report.pid,
        "url": report.url,
        "searchable": level_reached(report, "searchable"),
        "generating": level_reached(report, "generating"),
        "supervisor": {
            "memory_mib": round(report.memory_bytes["supervisor"] / _MIB),
            "cpu_s": report.cpu_s["supervisor"],
        },
        "parts": parts,
    }


def _console() -> Console:
    """As wide as the terminal; into a pipe, wide enough for whole lines."""
    console = Console()
    return console if console.is_terminal else Console(width=220)


def show_status(report: StatusReport, ingestion: Mapping[str, Any] | None = None) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("part", "state", "pid", "port", "MiB", "version", "restarts"):
        table.add_column(title, justify="right" if title in _NUMBERS else "left", no_wrap=True)
    table.add_column("detail", no_wrap=True, overflow="ellipsis")
    for part in report.parts:
        colour = _COLOURS.get(part.state, "cyan")
        table.add_row(
            part.name,
            f"[{colour}]{part.state}[/]",
            str(part.pid or ""),
            str(part.port or ""),
            str(round(report.memory_bytes[part.name] / _MIB)) if part.pid else "",
            part.version,
            str(part.restarts or ""),
            part.detail,
        )
    own_mib = round(report.memory_bytes["supervisor"] / _MIB)
    table.add_row("supervisor", "[green]ready[/]", str(report.pid), "", str(own_mib), "", "", report.home)
    console = _console()
    console.print(table)
    if ingestion:
        console.print(f"\n{_backlog(ingestion)}", highlight=False, markup=False)
    if report.url:
        console.print(f"\n{report.url}/ui", highlight=False)


def _backlog(ingestion: Mapping[str, Any]) -> str:
    counts = f"{ingestion['waiting']} waiting, {ingestion['working']} worked on, {ingestion['dead']} given up"
    repairs = ", ".join(f"{n} {what}" for what, n in ingestion["repairs"].items())
    return f"Ingestion: {counts} (`assay jobs list`); repaired in the indexes: {repairs or 'nothing'}"


def show_findings(findings: "list[Finding]") -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("check", "", "detail"):
        table.add_column(title)
    for finding in findings:
        text = finding.detail + (f"\n[bold]→ {finding.way_out}[/]" if finding.way_out else "")
        table.add_row(finding.check, _SIGNS[finding.verdict], text)
    _console().print(table)
