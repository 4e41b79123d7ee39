"""The ``bench`` program: its commands, and what their errors look like."""

from __future__ import annotations

import traceback
from typing import Annotated, Any

import typer

from benchmark import __version__
from benchmark.cli import (
    adapt,
    agree,
    audit,
    challenge,
    cohort,
    compare,
    crop,
    demo,
    evaluate,
    explain,
    import_weights,
    power,
    readers,
    score,
    text,
    train,
    tune,
)
from benchmark.cli.commands import Commands, StrictGroup
from benchmark.cli.failures import failure, forget_output, is_want_of_memory
from benchmark.cli.interrupted import Interrupted, going_on
from benchmark.errors import BenchError, DryRun, InputError
from benchmark.files import keeping_private
from benchmark.redaction import redacting


class _Program(StrictGroup):
    """Turns the project's errors into a message and an exit status."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        if not ctx.params.get("redact"):
            return self._invoke(ctx)
        with redacting():
            if ctx.params.get("debug"):
                typer.echo("error: --debug shows what --redact hides: give one of them", err=True)
                raise typer.Exit(InputError.exit_status)
            try:
                return self._invoke(ctx)
            except Exception as error:  # a fault of ours, which typer would print beside what hides ids
                if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
                    raise
                typer.echo(traceback.format_exc(), err=True)
                raise typer.Exit(1) from None

    def _invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        try:
            with keeping_private():
                return super().invoke(ctx)
        except Interrupted as error:
            typer.echo(f"interrupted: {error}", err=True)
            raise typer.Exit(error.exit_status) from None
        except DryRun as dry:
            typer.echo(dry.text)
            raise typer.Exit(0) from None
        except BenchError as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.exit_status) from error
        except KeyboardInterrupt:
            typer.echo(f"interrupted: {going_on(ctx.invoked_subcommand)}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            forget_output()
            raise typer.Exit(0) from None
        except (OSError, MemoryError, UnicodeEncodeError, ImportError) as error:
            ours = isinstance(error, ImportError) and not is_want_of_memory(error)
            if ours or ctx.params.get("debug"):
                raise
            line, status = failure(error)
            typer.echo(f"error: {line}", err=True)
            raise typer.Exit(status) from error


app = Commands(
    cls=_Program,
    name="bench",
    help="Train, score and compare models that estimate lung cancer risk from nodules on CT.",
    no_args_is_help=True,
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Hide ids in all that is printed, to show it to others.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"nodule-bench {__version__}")
        raise typer.Exit


app.command("evaluate", epilog=evaluate.EXAMPLE)(evaluate.evaluate)
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
app.add_typer(cohort.app, name="cohort")
app.command("crop", epilog=crop.EXAMPLE)(crop.crop)
app.command("text")(text.text)
app.command("train", epilog=train.EXAMPLE)(train.train)
app.command("tune", epilog=tune.EXAMPLE)(tune.tune)
app.command("score", epilog=score.EXAMPLE)(score.score)
app.command("import-weights", epilog=import_weights.EXAMPLE)(import_weights.import_weights)
app.command("explain", epilog=explain.EXAMPLE)(explain.explain)
app.command("adapt", epilog=adapt.EXAMPLE)(adapt.adapt)
app.command("compare", epilog=compare.EXAMPLE)(compare.compare)
app.command("agree", epilog=agree.EXAMPLE)(agree.agree)
app.command("readers", epilog=readers.EXAMPLE)(readers.readers)
app.add_typer(power.app, name="power")
app.command("challenge", epilog=challenge.EXAMPLE)(challenge.challenge)
app.command("audit", epilog=audit.EXAMPLE)(audit.audit)
