"""`--metadata NAME=VALUE`: what is said of documents; the gateway knows the types of declared fields."""

from collections.abc import Sequence
from typing import Any

import typer
from assay_core.errors import Invalid


def metadata_option(what: str) -> Any:  # Any: typer's own type of options is not public
    """The option, with a help text of its own."""
    return typer.Option("--metadata", "-m", metavar="NAME=VALUE", help=what)


def metadata_pairs(given: Sequence[str] | None) -> dict[str, str]:
    """Values by name.

    Raises:
        Invalid: one is not a name and a value.
    """
    pairs: dict[str, str] = {}
    for one in given or []:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise Invalid(f"{one!r} is not NAME=VALUE.", code="bad_metadata")
        pairs[name] = value
    return pairs
