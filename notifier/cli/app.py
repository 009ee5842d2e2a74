"""All commands, in the order in which help shows them. What they need is imported when they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli import database, outbox
from notifier.cli.backtest import backtest
from notifier.cli.brake import approve, discard
from notifier.cli.check import check
from notifier.cli.explain import explain
from notifier.cli.ingest import ingest
from notifier.cli.init import init
from notifier.cli.options import add_command
from notifier.cli.preview import preview
from notifier.cli.retry import retry
from notifier.cli.run import run
from notifier.cli.sample import sample
from notifier.cli.schema import schema
from notifier.cli.silence import mute, pause, resume, unmute
from notifier.cli.status import status
from notifier.cli.test import test
from notifier.cli.tick import tick

__all__ = ["app"]

app = typer.Typer(
    name="notifier",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the answer is no, 2 wrong usage or a broken project, 3 out of reach.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"notifier {version('notifier')}")
        raise typer.Exit


@app.callback()
def notifier(
    project: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The project; the working directory or one above it where it is not named."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is, and leave.")
    ] = False,
) -> None:
    """Tell a shop's customers what they would want to know, before they ask."""


_COMMANDS: tuple[Callable[..., None], ...] = (
    init, check, test, schema, ingest, tick, run, backtest, explain, preview, status, pause, resume, mute, unmute,
    sample,
)  # fmt: skip
for _command in _COMMANDS:
    add_command(app, _command)
for _command in (retry, approve, discard):
    add_command(outbox.app, _command)
app.add_typer(outbox.app, name="outbox", help="Look at messages: what was sent, what waits, what failed.")
app.add_typer(database.app, name="db", help="Make or check the tables of the database.")
