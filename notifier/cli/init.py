"""`notifier init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.options import AsJson, encodable
from notifier.cli.terminal import emit, plural, say


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Made where it is missing; must be empty, but for hidden files.")
    ],
    as_json: AsJson = False,
) -> None:
    """Start a project with rules, texts and a configuration.

    Example:
      notifier init shop
    """
    from notifier import editor, starter

    written = starter.copy(encodable(directory))
    written += editor.write(directory)
    if as_json:
        emit({"project": str(directory), "files": [str(path.relative_to(directory)) for path in written]})
        return
    say(f"{directory}: {plural(len(written), 'file')} written. Next:")
    say(f"  cd {directory}")
    say("  notifier check                    is everything in order?")
    say("  notifier test                     do the rules what their tests say?")
    say("  notifier preview delivery_late    what customers get to read")
    say("  notifier backtest --events FILE   what the rules would have sent on your own history")
    say("  notifier ingest FILE              take in events; then: notifier tick")
