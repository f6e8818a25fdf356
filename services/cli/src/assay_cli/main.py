"""`assay`: the command line. It talks HTTP to a gateway and installs alone on a laptop."""

from typing import Annotated, Any

import click
import typer
from assay_core.errors import AssayError
from typer.core import TyperGroup

from assay_cli import failures, plugins
from assay_cli.commands import (
    ab,
    ask,
    bench,
    cache,
    candidates,
    chunks,
    collections,
    document_changes,
    documents,
    erasure,
    eval_cache,
    eval_judges,
    evaluate,
    experiments,
    feedback,
    fusion,
    generate,
    golden_sets,
    index,
    ingest,
    jobs,
    nights,
    promote,
    redteam,
    search,
    selftest,
    sources,
    sweep,
    synonyms,
)
from assay_cli.session import Session, session_of


class Assay(TyperGroup):
    """Adds the commands of other packages, and turns our errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *(name for name in plugins.names() if name not in own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or plugins.described(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and (command := plugins.load(args[0])):
            return args[0], command, args[1:]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        session = session_of(ctx)
        try:
            return super().invoke(ctx)
        except AssayError as error:
            raise typer.Exit(failures.report(error, session)) from error
        except BrokenPipeError:
            raise typer.Exit(1) from None
        finally:
            session.close()


# Rich's help would double the time of every start. Local variables of a traceback may hold keys and texts.
app = typer.Typer(
    cls=Assay,
    no_args_is_help=True,
    rich_markup_mode=None,
    suggest_commands=False,  # Click does it already.
    pretty_exceptions_show_locals=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"assay {version('assay-cli')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Ask your own documents, and see which source says so."""
    del version
    if context.obj is None:
        context.obj = Session()


ingest.register(app)
search.register(app)
ask.register(app)
promote.register(app)
document_changes.register(documents.app)
golden_sets.register(evaluate.app)
experiments.register(evaluate.app)
selftest.register(evaluate.app)
fusion.register(evaluate.app)
candidates.register(evaluate.app)
sweep.register(evaluate.app)
generate.register(evaluate.app)
nights.register(evaluate.app)
ab.register(evaluate.app)
redteam.register(evaluate.app)
app.add_typer(documents.app, name="documents")
app.add_typer(chunks.app, name="chunks")
app.add_typer(collections.app, name="collections")
app.add_typer(synonyms.app, name="synonyms")
app.add_typer(jobs.app, name="jobs")
app.add_typer(erasure.app, name="erasure")
eval_cache.register(evaluate.app)
eval_judges.register(evaluate.app)
app.add_typer(evaluate.app, name="eval")
app.add_typer(feedback.app, name="feedback")
app.add_typer(sources.app, name="sources")
app.add_typer(bench.app, name="bench")
app.add_typer(cache.app, name="cache")
app.add_typer(index.app, name="index")

if __name__ == "__main__":
    app()
