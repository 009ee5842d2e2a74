"""What a benchmark prints: a line a figure, with its goal, and on what it was taken."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import orjson

__all__ = ["Row", "show"]

_WORDS = {None: "", True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `goal` and `met` are empty where there is none to meet."""

    what: str
    value: str
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


def show(rows: list[Row], notes: list[str]) -> None:
    """Print the rows, then what they mean and the machine."""
    cells = [("what", "value", "ratio", "goal", "met")]
    cells += [(row.what, row.value, row.ratio, row.goal, _WORDS[row.met]) for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(5)]
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    print()
    for note in notes:
        print(note)
    print(_machine())


def _machine() -> str:
    busy = "/".join(f"{load:.1f}" for load in os.getloadavg())
    return (
        f"{_processor()}, {os.cpu_count()} CPUs, load {busy}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, orjson {orjson.__version__}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
