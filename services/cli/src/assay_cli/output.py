"""What goes where: answers on stdout (with --json nothing but JSON), progress and messages on stderr."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console
    from rich.text import Text

# Texts of documents and models must not steer the terminal: all control characters but line end and tab go.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


_UNBOUNDED = 100_000


def clean(text: str) -> str:
    """Text without characters that steer a terminal or turn its writing direction."""
    return _CONTROL.sub("", text)


def print_json(value: "BaseModel | Mapping[str, object]") -> None:
    """One JSON document on stdout."""
    fields = value if isinstance(value, Mapping) else value.model_dump(mode="json")
    click.echo(json.dumps(fields, ensure_ascii=False, indent=2))


def models(values: "Iterable[BaseModel]") -> list[dict[str, object]]:
    """Models as JSON values."""
    return [value.model_dump(mode="json") for value in values]


def say(message: str) -> None:
    """A message for the person, on stderr."""
    click.echo(clean(message), err=True)


def console(*, stderr: bool = False) -> "Console":
    """A Rich console that takes no markup from texts."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)


def styled(*parts: str | tuple[str, str]) -> "Text":
    """A line of cleaned texts, some with a style."""
    from rich.text import Text

    return Text.assemble(*(clean(p) if isinstance(p, str) else (clean(p[0]), p[1]) for p in parts))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """A table on stdout; numbers stand on the right. Where stdout is no terminal, lines are not cut."""
    from rich import box
    from rich.table import Table

    rows = [list(row) for row in rows]
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False)
    for i, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[i], int | float) or row[i] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=column == "id")
    for row in rows:
        table.add_row(*(styled(_cell(value)) for value in row))
    out = console()
    if not sys.stdout.isatty():
        out.width = _UNBOUNDED
        out.width = out.measure(table).maximum
    out.print(table)


def size(size_bytes: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GiB"


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case float():
            return f"{value:.3f}"
        case _:
            return str(value)


def settings_in_words(settings: Mapping[str, str | bool | int]) -> str:
    """How a collection answers, in a line."""
    shown = {key: value if value != "" else "the deployment's" for key, value in settings.items()}
    return ", ".join(f"{key} {value}" for key, value in shown.items())
