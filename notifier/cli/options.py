"""Options that many commands have, declared once."""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any

import typer

from notifier.errors import UsageError

__all__ = ["HERE", "AsJson", "Root", "add_command", "encodable"]

#: The working directory, which stands for "none was named".
HERE = Path()

_CONFIG = "config/notifier.yaml"


def _root(context: typer.Context, given: Path) -> Path:
    """The project that is meant: named after the command, before it, or found from the working directory upwards."""
    if context.resilient_parsing:
        return given
    source = context.get_parameter_source("root")
    named = None if source is None or source.name == "DEFAULT" else given
    chosen = named or context.find_root().params.get("project")
    if chosen is None:
        from notifier.config import find_project

        return encodable(find_project(Path.cwd()))
    # Not by methods of Path: they raise where a directory may not be looked into.
    if not os.path.isfile(chosen / _CONFIG) and not os.path.isdir(chosen / "rules"):  # noqa: PTH112, PTH113
        what = f"has neither {_CONFIG} nor rules/" if os.path.exists(chosen) else "is not there"  # noqa: PTH110
        raise UsageError(f"{chosen} {what}; make a project with 'notifier init {chosen}'")
    return encodable(Path(chosen).absolute())


def encodable(root: Path) -> Path:
    """The path, if a database can be found by it; raises UsageError."""
    try:
        os.fspath(root).encode()
    except UnicodeEncodeError:
        raise UsageError("the path of the project is not UTF-8; rename the directory") from None
    return root


Root = Annotated[
    Path,
    typer.Option(
        "--project",
        metavar="DIR",
        callback=_root,
        show_default=False,
        help="The project; the working directory or one above it where it is not named.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def add_command(app: typer.Typer, command: Callable[..., Any], name: str | None = None) -> None:
    """Make a function a command; its docstring is the help, in which examples keep their lines."""
    text = cleandoc(command.__doc__ or "").replace("\n\nExample", "\n\n\b\nExample")
    app.command(name, help=text)(command)
