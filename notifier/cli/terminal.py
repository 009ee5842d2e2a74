"""What a person sees: results on standard output, trouble and progress on standard error."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, tzinfo
from typing import Any, Protocol, TextIO

import typer

__all__ = [
    "Meter",
    "columns",
    "complain",
    "emit",
    "escaped",
    "flowed",
    "meter",
    "plural",
    "say",
    "shown",
    "styled",
    "width",
]

#: Seconds before a bar appears: what is over sooner needs none.
_PATIENCE = 1.0
#: No column of a table is made narrower.
_SHORTEST = 10


#: What would move the cursor, ring, or hide what stands before it: names and values come from outside.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
#: What `styled` writes.
_STYLE = re.compile("(\x1b\\[[0-9;]*m)")


def say(text: str = "") -> None:
    """One line of the result."""
    print(_harmless(text, sys.stdout))


def complain(text: str) -> None:
    """One line of trouble. Where nobody can be told, nobody is."""
    with suppress(OSError):
        print(_harmless(text, sys.stderr), file=sys.stderr)


def emit(record: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own."""
    import orjson

    text = orjson.dumps(record, option=orjson.OPT_UTC_Z).decode()
    print(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def escaped(text: str) -> str:
    """Control characters written out as Python writes them; line ends and tabs stay."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def _harmless(text: str, stream: TextIO) -> str:
    if not _colourful(stream):
        return escaped(text)
    return "".join(part if place % 2 else escaped(part) for place, part in enumerate(_STYLE.split(text)))


def styled(text: str, stream: TextIO | None = None, **style: Any) -> str:
    """The text in colour or bold, on a terminal that wants it."""
    return typer.style(escaped(text), **style) if _colourful(stream or sys.stdout) else text


def _colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns to write in: the terminal's, between 60 and 120; 100 where there is none."""
    return min(max(shutil.get_terminal_size().columns, 60), 120) if sys.stdout.isatty() else 100


def flowed(text: str) -> str:
    """A text in lines that fit the terminal, broken between words; as it is where there is none."""
    if not sys.stdout.isatty():
        return text
    return "\n".join(
        textwrap.fill(line, width(), break_long_words=False, break_on_hyphens=False) for line in text.split("\n")
    )


def plural(count: int, one: str, many: str = "") -> str:
    """`1 rule`, `1,204 rules`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shown(moment: datetime, zone: tzinfo) -> str:
    """`Fri 2026-03-13 09:00`, on the clock of `zone`; seconds only where there are any."""
    local = moment.astimezone(zone)
    return f"{local:%a %Y-%m-%d %H:%M:%S}" if local.second else f"{local:%a %Y-%m-%d %H:%M}"


def columns(rows: Sequence[Sequence[str]], *, numbers: Iterable[int] = (), cut: Sequence[int] = ()) -> Iterator[str]:
    """Rows as lines with their columns under each other, two spaces apart; `numbers` are columns set to the right.

    On a terminal that is too narrow the columns in `cut` are shortened, in this order; elsewhere nothing is lost.
    """
    from rich.cells import cell_len, set_cell_size

    right = frozenset(numbers)
    widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)] if rows else []
    for place in cut if sys.stdout.isatty() else ():
        over = sum(widths) + 2 * (len(widths) - 1) - width()
        widths[place] = max(widths[place] - max(over, 0), min(widths[place], _SHORTEST))
    for row in rows:
        cells = [
            cell if cell_len(cell) <= room else set_cell_size(cell, room - 1) + "…"
            for cell, room in zip(row, widths, strict=True)
        ]
        filled = [
            " " * (room - cell_len(cell)) + cell if place in right else cell + " " * (room - cell_len(cell))
            for place, (cell, room) in enumerate(zip(cells, widths, strict=True))
        ]
        yield "  ".join(filled).rstrip()


class Meter(Protocol):
    def __call__(self, done: int) -> None:
        """So much is done."""


@contextmanager
def meter(label: str, total: int | None) -> Iterator[Meter]:
    """A progress bar on standard error, where that is a terminal and the work lasts; `total` None where it is unknown."""
    if not sys.stderr.isatty():
        yield lambda done: None  # noqa: ARG005 - the argument is named as in Meter
        return
    from rich.console import Console
    from rich.progress import Progress

    begun = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(label, total=total)
    visible = False

    def advance(done: int) -> None:
        nonlocal visible
        if not visible and time.monotonic() - begun > _PATIENCE:
            visible = True
            bar.start()
        if visible:
            bar.update(task, completed=done)

    try:
        yield advance
    finally:
        bar.stop()
