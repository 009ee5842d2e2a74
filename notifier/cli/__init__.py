"""The command line. `main` is the whole of it: arguments in, text and an exit code out."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from notifier.errors import Busy, NotifierError, Unreachable, UsageError

__all__ = ["main"]

#: Exit codes. 0 is done; 1 is the answer no: faults found by `check`, events refused, an unknown subject.
NO, WRONG, OUT_OF_REACH, OUR_FAULT, INTERRUPTED = 1, 2, 3, 70, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave the process with its exit code; whatever goes wrong ends in one clear line."""
    from notifier.cli.streams import Unheard, Unsaid, prepare

    prepare()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except Unheard:
        code = 0
    except Unsaid as why:
        _complain(str(why))
        code = OUT_OF_REACH
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    import typer

    from notifier.cli.app import app

    try:
        _refuse_empty(sys.argv[1:] if arguments is None else arguments)
        result = app(arguments, prog_name="notifier", standalone_mode=False)
    except typer.TyperException as error:
        return _misused(error)
    except NotifierError as error:
        _complain(str(error))
        return OUT_OF_REACH if isinstance(error, Unreachable | Busy) else WRONG
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: a person must not be met by a traceback
        return _confess(error)
    return result if isinstance(result, int) else 0


def _refuse_empty(arguments: Sequence[str]) -> None:
    """An empty value comes from a variable that was not set: it must not mean "all", nor the working directory."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name, sign, value = argument.partition("=")
        is_option = name.startswith("--")
        if not argument.strip() or (is_option and sign and not value.strip()):
            what = name if is_option else before if before.startswith("-") else "an argument"
            raise UsageError(f"{what} is empty: leave it out, or say what is meant")


def _misused(error: Exception) -> int:
    """What the reading of arguments found wrong, and where it is explained."""
    text = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    from notifier.cli.terminal import complain

    if text.startswith("Usage: "):  # a group without a command: what is said is its help
        complain(text)
        return WRONG
    command = context.command_path if context is not None else "notifier"
    _complain(f"{text[:1].lower()}{text[1:].rstrip('.')}; see '{command} --help'")
    return WRONG


def _confess(error: Exception) -> int:
    if os.environ.get("NOTIFIER_DEBUG"):
        traceback.print_exc()
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    _complain(f"{said} - this is a fault of notifier; set NOTIFIER_DEBUG=1 to see where it happened")
    return OUR_FAULT


def _complain(text: str) -> None:
    from notifier.cli.terminal import complain

    complain(f"notifier: {text}" if "\n" not in text else text)
