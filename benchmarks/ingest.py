"""How fast events are taken in durably, beside what the same rows cost without us; and in how much memory.

    python benchmarks/ingest.py [--events FILE]

Batches of 100 events go through the engine into SQLite, with synchronous=FULL; between them, in the same process and on
the same disk, the same number of bare rows goes into a database of its own through sqlite3's executemany: events, under
a unique index and one by order, and as many outbox rows as the engine wrote. Then everything is taken in a second time.
Three rounds; of each batch the fastest counts, so that what the neighbours do does not. Times are CPU seconds of this
process, and by the clock, where both wait for the disk. At last a whole history with the ticks that belong to it goes
through a process whose memory is measured.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from workbench import marketplace, project, yardstick
from workbench.table import Row, show
from workbench.yardstick import Spent

from notifier.engine import Engine
from notifier.project import load
from notifier.store.sql import open_store

_EVENTS = 10_000
_ROUNDS = 3
_ORDERS_IN_ALL = 15_000
_BATCH = 100
_GOAL = 6.0
_MOST_MEMORY = 150  # MB


class Tide:
    """A clock that stands at the newest event of the batch that is being taken in."""

    def __init__(self) -> None:
        self.time = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def rise(self, lines: Sequence[bytes]) -> None:
        """Go forward to the last of these events."""
        self.time = max(self.time, datetime.fromisoformat(orjson.loads(lines[-1])["time"]))


@dataclass(slots=True)
class Course:
    """One round: seconds, batch by batch, of ours, of the floor's, and of ours when everything comes a second time."""

    ours: list[Spent] = field(default_factory=list)
    floor: list[Spent] = field(default_factory=list)
    again: list[Spent] = field(default_factory=list)
    outbox: int = 0


class Floor:
    """The same rows, written by the shortest way there is."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE event (number INTEGER PRIMARY KEY, id TEXT, source TEXT, type TEXT, time INTEGER,"
            " subject TEXT, body BLOB)",
            "CREATE UNIQUE INDEX event_name ON event (source, id)",
            "CREATE INDEX event_subject ON event (subject)",
            "CREATE TABLE outbox (number INTEGER PRIMARY KEY, key BLOB UNIQUE, subject TEXT, recipient TEXT, rule TEXT,"
            " state TEXT, due INTEGER)",
            "CREATE INDEX outbox_due ON outbox (due) WHERE state = 'pending'",
        ):
            self._database.execute(statement)

    @staticmethod
    def rows(lines: Sequence[bytes]) -> list[tuple[Any, ...]]:
        """Made beforehand: parsing is no part of the floor."""
        events = [(orjson.loads(line), line) for line in lines]
        return [
            (one["id"], one["source"], one["type"], _instant(one["time"]), f"order:{one['data']['id']}", line)
            for one, line in events
        ]

    def write(self, rows: list[tuple[Any, ...]], outbox: int) -> None:
        """One transaction: so many events, and so many of them with an outbox row."""
        messages = [(name.encode(), subject, subject, "late", "pending", time)
                    for name, _, _, time, subject, _ in rows[:outbox]]  # fmt: skip
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO event (id, source, type, time, subject, body) VALUES (?,?,?,?,?,?)", rows)
        database.executemany(
            "INSERT INTO outbox (key, subject, recipient, rule, state, due) VALUES (?,?,?,?,?,?)", messages
        )
        database.execute("COMMIT")


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=Path, help="a history of your own, as NDJSON, in place of the made-up one")
    asked.add_argument("--measure", type=Path, nargs=2, metavar=("PROJECT", "FILE"), help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.measure:
        print(orjson.dumps(_whole(*options.measure)).decode())
        return
    with tempfile.TemporaryDirectory(prefix="notifier-benchmark-") as name:
        directory = Path(name)
        events = options.events or directory / "history.ndjson"
        if options.events is None:
            marketplace.write(events, _ORDERS_IN_ALL)
        _compare(directory, events)


def _compare(directory: Path, events: Path) -> None:
    with events.open("rb") as file:
        lines = list(islice(file, _EVENTS))
    batches = [lines[at : at + _BATCH] for at in range(0, len(lines), _BATCH)]
    rows: list[Row] = []
    for name, starter_rules in (("one rule", False), ("the starter's rules", True)):
        rounds = []
        for number in range(_ROUNDS):
            place = directory / f"{name[:3]}{number}"
            root = project.lay_out(place / "project", starter_rules=starter_rules)
            rounds.append(_race(root, batches, Floor(place / "floor.db")))
        rows += _figures(name, rounds, len(lines))
    rows.append(_memory(project.lay_out(directory / "whole"), events))
    show(rows, [f"{len(lines):,} events in batches of {_BATCH}, synchronous=FULL."])


def _race(root: Path, batches: list[list[bytes]], bare: Floor) -> Course:
    """The history taken in twice, batch by batch, the first time turn about with the floor."""
    tide, course = Tide(), Course()
    with _engine(root, tide) as engine:
        for batch in batches:
            tide.rise(batch)
            course.ours.append(yardstick.spent(engine.ingest, batch))
            with engine.store.read() as unit:
                waiting = sum(count for name, count in unit.counts().items() if name.startswith("messages."))
            written, course.outbox = waiting - course.outbox, waiting
            course.floor.append(yardstick.spent(bare.write, bare.rows(batch), written))
        course.again = [yardstick.spent(engine.ingest, batch) for batch in batches]
    return course


def _figures(name: str, rounds: list[Course], events: int) -> list[Row]:
    """Of each batch the fastest round counts."""
    cpu = [yardstick.undisturbed([one.cpu for one in times] for times in found) for found in _columns(rounds)]
    wall = [yardstick.undisturbed([one.wall for one in times] for times in found) for found in _columns(rounds)]
    ours, floor, again = cpu
    return [
        Row(f"ingest, {name}, {rounds[0].outbox:,} outbox rows", f"{events / ours:,.0f} events/CPU s",
            f"{ours / floor:.1f} x floor", f"{_GOAL:.0f}", ours / floor <= _GOAL),
        Row("  by the clock", f"{events / wall[0]:,.0f} events/s", f"{wall[0] / wall[1]:.1f} x floor",
            f"{_GOAL:.0f}", wall[0] / wall[1] <= _GOAL),
        Row("  the floor: bare rows", f"{events / floor:,.0f} events/CPU s"),
        Row("  a second time: all duplicates", f"{events / again:,.0f} events/CPU s", f"{again / floor:.1f} x floor"),
    ]  # fmt: skip


def _columns(rounds: list[Course]) -> list[list[list[Spent]]]:
    return [[one.ours for one in rounds], [one.floor for one in rounds], [one.again for one in rounds]]


def _engine(root: Path, tide: Tide) -> Engine:
    loaded = load(root)
    return Engine(loaded, open_store(loaded.config.database, root, create=True), tide)


def _memory(root: Path, events: Path) -> Row:
    command = [sys.executable, __file__, "--measure", str(root), str(events)]
    done = orjson.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    what = f"peak memory: {done['events']:,} events, a tick a day, {done['sent']:,} sent"
    return Row(what, f"{done['memory']:.0f} MB", "", f"{_MOST_MEMORY} MB", done["memory"] <= _MOST_MEMORY)


def _whole(root: Path, events: Path) -> dict[str, Any]:
    """A history through the live engine, with its ticks, in a process of its own."""
    tide, taken = Tide(), 0
    with events.open("rb") as file, _engine(root, tide) as engine:
        next_tick = tide.time
        while batch := list(islice(file, _BATCH)):
            tide.rise(batch)
            taken += len(engine.ingest(batch))
            if tide.time >= next_tick:
                engine.tick()
                next_tick = tide.time + timedelta(days=1)
        tide.time += timedelta(days=30)
        engine.tick()
        with engine.store.read() as unit:
            sent = unit.counts().get("messages.accepted", 0)
    return {
        "events": taken,
        "sent": sent,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
