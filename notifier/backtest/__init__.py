"""Replaying a history: what would have been sent, when, to whom, and what not and why."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import IO, Any
from weakref import finalize

import orjson

from notifier.backtest.delays import SOON, Delays, Tellings
from notifier.backtest.history import Line, OutOfOrderError, in_order, kept, sorted_by_arrival
from notifier.backtest.summary import KINDS, Summary
from notifier.core.event import Event
from notifier.core.local_time import rfc3339
from notifier.errors import EventRefused, Unreachable
from notifier.event_file import Place
from notifier.intake import CONFLICT
from notifier.project import Project
from notifier.simulation import Simulation
from notifier.store import Store
from notifier.store.memory import MemoryStore
from notifier.store.record import DecisionRow, Match

__all__ = [
    "KINDS", "SOON", "Backtest", "Delays", "Rejected", "Stretch", "Summary", "Tellings", "decision_record", "run",
    "run_kept",
]  # fmt: skip

Progress = Callable[[int], None]

#: Events that are read ahead.
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of a history is looked at. What came before `since` is taken in and not counted."""

    since: datetime | None = None
    #: Where the clock stops; None for the last event.
    until: datetime | None = None
    #: What comes so soon after news of a delay makes that a false alarm.
    soon: timedelta = SOON


_ALL = Stretch()


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that could not be taken: where it stands in the history, and why."""

    place: Place
    reason: str


class Backtest:
    """The result: decisions in order of time, kept on disk beyond a few megabytes, and the figures."""

    def __init__(self, project: Project, stretch: Stretch = _ALL) -> None:
        self.summary = Summary(project.zone)
        self.delays = Delays(project, stretch.soon, stretch.since)
        self.rejects: list[Rejected] = []
        self._since = stretch.since
        self._lines: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8_000_000)  # noqa: SIM115 - it lives as long as the result
        finalize(self, self._lines.close)

    def note(self, match: Match, row: DecisionRow) -> None:
        """Take down one decision."""
        self.delays.note(match, row)
        if self._since is not None and row.at < self._since:
            return
        if row.reason != "collected":
            self._lines.write(orjson.dumps(decision_record(match, row)) + b"\n")
        self.summary.note(match, row)

    def refuse(self, place: Place, reason: str) -> None:
        """Take down an event that could not be taken."""
        self.rejects.append(Rejected(place, reason))
        self.summary.rejected += 1

    def record(self) -> dict[str, Any]:
        """The figures as `--json` prints them."""
        return {**self.summary.record(), "delays": self.delays.record()}

    def lines(self) -> Iterator[bytes]:
        """The decisions as JSON, one a line, in order of time."""
        self._lines.seek(0)
        yield from self._lines

    def decisions(self) -> Iterator[dict[str, Any]]:
        return (orjson.loads(line) for line in self.lines())


def decision_record(match: Match, row: DecisionRow) -> dict[str, Any]:
    """A decision as scripts see it."""
    return {
        "at": rfc3339(row.at),
        "rule": match.rule,
        "send": match.send,
        "subject": match.subject_key,
        "occurrence": match.occurrence,
        "outcome": row.outcome,
        "reason": row.reason or None,
        "held_until": rfc3339(row.until) if row.until else None,
        "to": match.recipient or None,
        "channel": row.channel or None,
        "template": row.template,
        "locale": row.language or None,
        "category": row.category,
        **({"matches": row.matches} if row.matches > 1 else {}),
    }


def run(project: Project, path: Path, stretch: Stretch = _ALL, progress: Progress = lambda _: None) -> Backtest:
    """Replay a file of CloudEvents (NDJSON, a JSON array or one JSON object); `progress` is told how many bytes are done.

    Raises Unreachable where the file cannot be read.
    """
    try:
        with path.open("rb") as file, _no_collection():
            try:
                return _replay(project, in_order(file), stretch, progress)
            except OutOfOrderError:
                file.seek(0)
                return _replay(project, sorted_by_arrival(project.reader(), file), stretch, progress)
    except OSError as error:
        raise Unreachable(f"{path}: cannot be read: {error.strerror}") from error


def run_kept(project: Project, store: Store, stretch: Stretch = _ALL, progress: Progress = lambda _: None) -> Backtest:
    """Replay the events that a store keeps, in the order in which they arrived; `progress` is told how many are done."""
    with _no_collection():
        return _replay(project, kept(store), stretch, progress)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the search for cycles: a replay makes none, and looking for them takes a third of its time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _replay(project: Project, lines: Iterable[Line], stretch: Stretch, progress: Progress) -> Backtest:
    result, reader = Backtest(project, stretch), project.reader()
    store = MemoryStore(on_decision=result.note)
    simulation = Simulation(project, store)
    summary, until = result.summary, stretch.until
    last: datetime | None = None
    page: list[tuple[Place, Event]] = []
    for line in lines:
        try:
            event = line.event(reader)
        except EventRefused as error:
            result.refuse(*line.place.refused(error))
            continue
        if last is not None and event.received < last and not line.ordered:
            raise OutOfOrderError
        if until is not None and event.received > until:
            break
        page.append((line.place, event))
        last = event.received
        summary.happened(event.time)
        if summary.start is None:
            summary.start = last
            simulation.open(last)
        if len(page) == _PAGE:
            _arrive(simulation, page, result)
            progress(line.done)
            page = []
    _arrive(simulation, page, result)
    result.rejects.sort(key=attrgetter("place"))
    summary.end = until or last
    if summary.end is not None:
        simulation.run_until(summary.end)
        result.delays.judge(store, summary.end)
    with store.read() as unit:
        summary.armed = unit.counts()["armed"]
    summary.ignored = dict(reader.ignored.most_common())
    return result


def _arrive(simulation: Simulation, page: list[tuple[Place, Event]], result: Backtest) -> None:
    states = simulation.arrive([event for _, event in page])
    for (place, _), state in zip(page, states, strict=True):
        if state == "conflict":
            result.refuse(place, CONFLICT)
        else:
            result.summary.events += 1
            result.summary.duplicates += state == "duplicate"
