"""`notifier run`."""

from __future__ import annotations

from typing import Annotated

import typer

from notifier.cli.options import HERE, Root


def run(
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen here instead of where web.host says.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=65535, help="Listen here instead of where web.port says; 0: any free one."
        ),
    ] = None,
    role: Annotated[
        str, typer.Option(metavar="ROLES", help="What this process does: one or more of web, engine and dispatch.")
    ] = "web,engine,dispatch",
    root: Root = HERE,
) -> None:
    """Run the daemon: take events, show surveys, send what is due.

    It takes up changed rules and texts by itself, and ends on Ctrl-C or SIGTERM.

    Examples:
      notifier run
      notifier --project /srv/shop run --host 0.0.0.0 --port 8025
    """
    from notifier import daemon

    roles = role.replace(" ", "").split(",")
    raise typer.Exit(daemon.run(root, host=host, port=port, roles=roles))
