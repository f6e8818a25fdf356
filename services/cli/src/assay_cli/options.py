"""Options that commands share, and the command class that gives every command its connection options."""

from pathlib import Path
from typing import Annotated, Any, Literal

import click
import typer
from typer.core import TyperArgument, TyperCommand, TyperOption
from typer.models import ArgumentInfo

from assay_cli.session import session_of

CollectionOption = Annotated[
    str, typer.Option("--collection", "-c", metavar="NAME", envvar="ASSAY_COLLECTION", help="The collection.")
]
OptionalCollection = Annotated[str | None, typer.Option("--collection", "-c", metavar="NAME", help="The collection.")]
Mode = Literal["hybrid", "dense", "lexical"]
ModeOption = Annotated[
    Mode, typer.Option("--mode", help="hybrid: meaning and words; dense: meaning only; lexical: words only.")
]
CacheChoice = Literal["use", "bypass", "only", "refresh"]
CacheOption = Annotated[
    CacheChoice,
    typer.Option(
        "--cache",
        help="use what the cache keeps; bypass it; answer only what it keeps; refresh it with what is found now.",
    ),
]


class Described(TyperCommand):
    """A command whose help also describes its arguments."""

    def __init__(self, *args: Any, **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        for param in self.params:
            if isinstance(param, TyperArgument) and param.help is None:
                param.help = _argument_help(self.callback, param.name or "")

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: Typer lists the arguments with the options, and Click 8.5 would list them again."""


class Command(Described):
    """A command with --json, --url, --api-key and --home; their values go into the session, not to the function."""

    def __init__(self, *args: Any, params: list[click.Parameter] | None = None, **attrs: Any) -> None:
        super().__init__(*args, params=[*(params or []), *_shared()], **attrs)


def _argument_help(function: Any, name: str) -> str | None:
    """The help that was declared for an argument: with Click 8.5, Typer 0.25 loses it."""
    declared = getattr(getattr(function, "__annotations__", {}).get(name), "__metadata__", ())
    return next((info.help for info in declared if isinstance(info, ArgumentInfo)), None)


def _shared() -> list[click.Parameter]:
    return [
        _option("--json", "json", is_flag=True, default=False, help="Print JSON and nothing else on stdout."),
        _option("--url", "url", metavar="URL", help="The gateway.  [env var: ASSAY_URL]"),
        _option(
            "--api-key",
            "api_key",
            metavar="KEY",
            help="The key. Others on this machine can see it in the process list; "
            "ASSAY_API_KEY keeps it to yourself.  [env var: ASSAY_API_KEY]",
        ),
        _option(
            "--home",
            "home",
            metavar="FOLDER",
            type=click.Path(path_type=Path, file_okay=False),
            help="Data folder of a platform on this machine: says where it listens and holds its key.  "
            "[env var: ASSAY_HOME; default: ~/.assay]",
        ),
    ]


def _option(flag: str, name: str, **attrs: Any) -> TyperOption:
    return TyperOption(
        param_decls=[flag, name],
        expose_value=False,
        is_eager=True,
        callback=_remember,
        **attrs,
    )


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> object:
    if value and parameter.name:
        setattr(session_of(context), parameter.name, value)
    return value
