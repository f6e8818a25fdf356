"""Commands that other packages bring (entry points of the group `assay.commands`), loaded when they are called."""

from importlib.metadata import EntryPoint, entry_points

import click
import typer
from assay_core.errors import NotFound
from typer.core import TyperGroup

from assay_cli.options import Described

GROUP = "assay.commands"
# Known ahead, so that `assay --help` need not load servers' packages to describe them.
_KNOWN = {
    "up": ("assay-embedded", "Start the whole platform on this machine."),
    "down": ("assay-embedded", "Stop the platform on this machine."),
    "status": ("assay-embedded", "Show the parts of the platform on this machine."),
    "doctor": ("assay-embedded", "Find out what is wrong on this machine, and the way out."),
    "rebuild": ("assay-embedded", "Make the search indexes anew from the database and the blobs."),
    "train": ("assay-training", "Train Assay's own models."),
    "mcp": ("assay-mcp", "Serve search and answers to AI tools by MCP."),
}


def names() -> list[str]:
    """Commands that installed packages bring, the known ones first and in their order."""
    installed = {point.name for point in entry_points(group=GROUP)}
    return [*(name for name in _KNOWN if name in installed), *sorted(installed - _KNOWN.keys())]


def described(name: str) -> click.Command | None:
    """A stand-in with name and help for the list of commands; loads nothing."""
    if name not in names():
        return None
    _, text = _KNOWN.get(name, ("", "Brought by another package."))
    return click.Command(name, help=text)


def load(name: str, group: str = GROUP) -> click.Command | None:
    """The command itself, or None if there is none of this name in the group of entry points.

    Raises:
        NotFound: a part of Assay that is not installed here has this command.
    """
    point = next(iter(entry_points(group=group, name=name)), None)
    if point is not None:
        return _as_command(name, point)
    if group == GROUP and name in _KNOWN:
        distribution, _ = _KNOWN[name]
        raise NotFound(
            f"`assay {name}` comes with {distribution}, which is not installed here. "
            f"Install it with `pip install {distribution}`.",
            code="not_installed",
        )
    return None


def _as_command(name: str, point: EntryPoint) -> click.Command:
    loaded = point.load()
    if isinstance(loaded, click.Command):
        return loaded
    if isinstance(loaded, typer.Typer):
        return typer.main.get_command(loaded)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=Described)(loaded)
    return typer.main.get_command(alone)


class Plugged(TyperGroup):
    """A group of commands to which other packages add some, loaded when they are called."""

    entry_points_group: str

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *(point.name for point in entry_points(group=self.entry_points_group))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or load(cmd_name, self.entry_points_group)
