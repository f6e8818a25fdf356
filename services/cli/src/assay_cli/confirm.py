"""Ask before something is gone."""

import sys

import typer
from assay_core.errors import Invalid


def confirmed(question: str, *, yes: bool) -> None:
    """Return if the person agrees.

    Raises:
        Invalid: there is nobody to ask and --yes is missing.
        typer.Abort: the person does not agree.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Invalid(f"{question} There is no terminal to answer this; add --yes.", code="not_confirmed")
    typer.confirm(question, abort=True, err=True)
