"""`notifier sample`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def sample(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the sample shop is, or is to be made.")
    ] = Path("var/sample"),
    once: Annotated[bool, typer.Option("--once", help="Leave after the replay instead of running on.")] = False,
) -> None:
    """Play two weeks of a made-up shop, then run it.

    It is a project like any other, to look around in and to change. It sends nothing out of this computer.

    Examples:
      notifier sample
      notifier sample shop --once
    """
    from notifier import sample as shop

    raise typer.Exit(shop.run(directory, once=once, out=sys.stdout))
