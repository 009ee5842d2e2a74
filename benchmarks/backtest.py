"""How fast a history is replayed, and in how much memory.

    python benchmarks/backtest.py [--events FILE]

A made-up marketplace of 15,000 orders (60,000 events) is replayed with one rule three times, each time in a process of
its own, and then one four times as long. Each process measures the floor as well (each event parsed, and one dict updated
with it), and the yardstick, a loop of plain Python. Times are CPU seconds; of each stretch of 500 events the fastest of
the three rounds counts, so that what the neighbours do does not.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

import orjson
from workbench import marketplace, project, yardstick
from workbench.table import Row, show

from notifier import backtest
from notifier.project import load

_ORDERS = 15_000
_ROUNDS = 3
_STRETCH = 500  # events
_GOAL = 20_000  # events in a CPU second, on a quiet machine
_MOST_MEMORY = 200  # MB
_MOST_GROWTH = 1.15


@dataclass(frozen=True, slots=True)
class Measured:
    """One replay, in its own process."""

    events: int
    sends: int
    #: CPU seconds, stretch by stretch: of the replay, and of the floor.
    replay: list[float]
    floor: list[float]
    #: CPU seconds of the yardstick's loop.
    loop: float
    #: The most that the process ever held, MB.
    memory: float


@dataclass(slots=True)
class Laps:
    """CPU seconds between one call and the next."""

    times: list[float] = field(default_factory=list)
    _last: float = field(default_factory=process_time)

    def __call__(self, _done: int = 0) -> None:
        now = process_time()
        self.times.append(now - self._last)
        self._last = now


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=Path, help="a history of your own, as NDJSON, in place of the made-up one")
    asked.add_argument("--measure", type=Path, nargs=2, metavar=("PROJECT", "FILE"), help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.measure:
        print(orjson.dumps(_measure(*options.measure)).decode())
        return
    with tempfile.TemporaryDirectory(prefix="notifier-benchmark-") as directory:
        _compare(Path(directory), options.events)


def _compare(directory: Path, events: Path | None) -> None:
    root = project.lay_out(directory / "project")
    longer = None
    if events is None:
        events, longer = directory / "history.ndjson", directory / "longer.ndjson"
        marketplace.write(events, _ORDERS)
        marketplace.write(longer, 4 * _ORDERS)
    rounds = [_in_a_process(root, events) for _ in range(_ROUNDS)]
    _tell(rounds, _in_a_process(root, longer) if longer else None)


def _in_a_process(root: Path, events: Path) -> Measured:
    command = [sys.executable, __file__, "--measure", str(root), str(events)]
    done = subprocess.run(command, check=True, capture_output=True)
    return Measured(**orjson.loads(done.stdout))


def _measure(root: Path, events: Path) -> dict[str, Any]:
    loaded = load(root)
    loop, floor = yardstick.loop(), _floor(events)
    laps = Laps()
    summary = backtest.run(loaded, events, progress=laps).summary
    laps()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "events": summary.events,
        "sends": summary.sends,
        "replay": laps.times,
        "floor": floor,
        "loop": min(loop, yardstick.loop()),
        "memory": memory,
    }


def _floor(events: Path) -> list[float]:
    """The least that anybody could do: parse each event, and update what is known of its subject."""
    known: dict[str, dict[str, Any]] = {}
    with yardstick.uncollected(), events.open("rb") as file:
        laps = Laps()
        for number, line in enumerate(file, 1):
            data = orjson.loads(line)["data"]
            known.setdefault(data["id"], {}).update(data)
            if len(known) > 4096:
                known.clear()
            if number % _STRETCH == 0:
                laps()
        laps()
    return laps.times


def _tell(rounds: list[Measured], longer: Measured | None) -> None:
    events = rounds[0].events
    seconds = yardstick.undisturbed(one.replay for one in rounds)
    floor = yardstick.undisturbed(one.floor for one in rounds)
    slowness = min(one.loop for one in rounds) / yardstick.QUIET
    quiet = events / seconds * slowness
    needed = 1 / _GOAL / (floor / events / slowness)
    memory = max(one.memory for one in rounds)
    rows = [
        Row(f"replay of {events:,} events, {rounds[0].sends:,} sent", f"{events / seconds:,.0f} events/CPU s",
            f"{seconds / floor:.1f} x floor"),
        Row("the same on the quiet machine", f"{quiet:,.0f} events/CPU s", "", f"{_GOAL:,}", quiet >= _GOAL),
        Row("peak memory", f"{memory:.0f} MB", "", f"{_MOST_MEMORY} MB", memory <= _MOST_MEMORY),
    ]  # fmt: skip
    if longer:
        slower = (sum(longer.replay) / sum(longer.floor)) / (sum(rounds[-1].replay) / sum(rounds[-1].floor))
        rows += [
            Row(f"replay of {longer.events:,} events", f"{longer.events / sum(longer.replay):,.0f} events/CPU s",
                f"{slower:.2f} x the shorter", f"{_MOST_GROWTH}", slower <= _MOST_GROWTH),
            Row("  its peak memory", f"{longer.memory:.0f} MB", f"{longer.memory / memory:.2f} x the shorter",
                f"{_MOST_MEMORY} MB", longer.memory <= _MOST_MEMORY),
        ]  # fmt: skip
    show(rows, [
        f"By the yardstick the machine was {slowness:.2f} times slower than when quiet, at its best moments.",
        f"{_GOAL:,} events a second are met on the quiet machine at {needed:.1f} times the floor or less.",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
