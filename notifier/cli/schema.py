"""`notifier schema`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from notifier.cli.options import HERE, Root
from notifier.cli.terminal import say
from notifier.errors import UsageError


class What(StrEnum):
    """Whose schema is meant."""

    RULES = "rules"
    CONFIG = "config"


def schema(
    what: Annotated[
        What | None, typer.Argument(metavar="WHAT", help="rules or config; rules where it is not named.")
    ] = None,
    root: Root = HERE,
    write: Annotated[bool, typer.Option("--write", help="Put both beside the files, where editors look.")] = False,
) -> None:
    """Print the JSON Schema by which editors complete and mark files.

    It is that of rules files or of the configuration, with the project's own names.

    Examples:
      notifier schema --write
      notifier schema config
    """
    from notifier import editor

    if not write:
        print(editor.schemas(root)[what or What.RULES].decode(), end="")
        return
    if what is not None:
        raise UsageError("--write writes both schemas; name none")
    for path in editor.write(root):
        say(f"{path.relative_to(root)} written")
