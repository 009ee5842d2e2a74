"""`notifier db`."""

from __future__ import annotations

from pathlib import Path

import typer

from notifier.cli.options import HERE, AsJson, Root, add_command
from notifier.cli.terminal import emit, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def upgrade(root: Root = HERE, as_json: AsJson = False) -> None:
    """Make the tables, or bring them to what this version needs.

    Example:
      notifier db upgrade
    """
    from notifier.store import schema

    url = _url(root)
    before, _ = schema.status(url)
    schema.upgrade(url)
    after, _ = schema.status(url)
    if as_json:
        emit({"before": before or None, "revision": after})
    elif before == after:
        say(f"The database is up to date ({after}).")
    else:
        say(f"The database was brought from {before or 'nothing'} to {after}.")


def status(root: Root = HERE, as_json: AsJson = False) -> None:
    """Say whether the database is of the shape that this version needs.

    Exits with 1 where they differ.

    Example:
      notifier db status
    """
    from notifier.store import schema

    url = _url(root)
    found, wanted = schema.status(url)
    current = found == wanted
    if as_json:
        emit({"revision": found or None, "wanted": wanted, "current": current})
    elif current:
        say(f"The database is up to date ({found}).")
    else:
        say(schema.advice(url))
    if not current:
        raise typer.Exit(1)


def _url(root: Path) -> str:
    from notifier.config import load
    from notifier.store.dialect import located

    return located(load(root, sends=False).database, root)


for command in (upgrade, status):
    add_command(app, command)
