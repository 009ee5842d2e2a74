"""Replaying a history: what would have been sent, when, to whom, and what not and why.

A file that is in order of arrival is read once. One that is not is read again by a sorted index, so that neither needs
to fit into memory.
"""

from __future__ import annotations

import gc
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import IO, Any
from weakref import finalize

import orjson

from notifier.core.cloudevent import EventReader, decode
from notifier.core.event import Event
from notifier.core.local_time import rfc3339
from notifier.errors import EventRefused, Unreachable
from notifier.event_file import Place, document, head, is_document
from notifier.intake import CONFLICT
from notifier.project import Project
from notifier.simulation import Simulation
from notifier.store.memory import MemoryStore
from notifier.store.record import DecisionRow, Match

__all__ = ["Backtest", "Rejected", "Summary", "run"]

Progress = Callable[[int], None]

#: Events that are read ahead.
_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that could not be taken: where it stands in the file, and why."""

    place: Place
    reason: str


@dataclass(slots=True)
class Summary:
    """A backtest in numbers."""

    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    sends: int = 0
    holds: int = 0
    drops: int = 0
    customers: int = 0
    #: Times that were still to come when the clock stopped.
    armed: int = 0
    start: datetime | None = None
    end: datetime | None = None
    #: rule -> `send`, or a reason why not -> how often.
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    #: Keys of the events that the catalogue does not know, and how often they came.
    ignored: dict[str, int] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The summary as `--json` prints it."""
        return {
            "events": self.events, "duplicates": self.duplicates, "rejected": self.rejected, "send": self.sends,
            "hold": self.holds, "drop": self.drops, "customers": self.customers, "armed": self.armed,
            "from": rfc3339(self.start) if self.start else None, "until": rfc3339(self.end) if self.end else None,
            "rules": {rule: dict(counts.most_common()) for rule, counts in sorted(self.by_rule.items())},
            "ignored_fields": self.ignored,
        }  # fmt: skip


class Backtest:
    """The result: decisions in order of time, kept on disk beyond a few megabytes, and the summary."""

    def __init__(self) -> None:
        self.summary = Summary()
        self.rejects: list[Rejected] = []
        self._lines: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8_000_000)  # noqa: SIM115 - it lives as long as the result
        finalize(self, self._lines.close)
        self._customers: set[str] = set()

    def note(self, match: Match, row: DecisionRow) -> None:
        """Take down one decision."""
        self._lines.write(orjson.dumps(decision_record(match, row)) + b"\n")
        summary = self.summary
        counts = summary.by_rule.setdefault(match.rule, Counter())
        if row.outcome == "send":
            summary.sends += 1
            counts["send"] += 1
            if match.recipient.startswith("customer:"):
                self._customers.add(match.recipient)
        elif row.outcome == "hold":
            summary.holds += 1
            counts[f"hold: {row.reason}"] += 1
        else:
            summary.drops += 1
            counts[f"drop: {row.reason}"] += 1
        summary.customers = len(self._customers)

    def refuse(self, place: Place, reason: str) -> None:
        """Take down an event that could not be taken."""
        self.rejects.append(Rejected(place, reason))
        self.summary.rejected += 1

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
    }


def run(project: Project, path: Path, until: datetime | None = None, progress: Progress = lambda _: None) -> Backtest:
    """Replay a file of CloudEvents (NDJSON, a JSON array or one JSON object); `progress` is told how many bytes are done.

    Raises Unreachable where the file cannot be read. The clock stops at the last event, or at `until`.
    """
    try:
        with path.open("rb") as file, _no_collection():
            try:
                return _replay(project, _in_order(file), until, progress)
            except _OutOfOrderError:
                file.seek(0)
                return _replay(project, _sorted(project.reader(), file), until, progress)
    except OSError as error:
        raise Unreachable(f"{path}: cannot be read: {error.strerror}") from error


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


class _OutOfOrderError(Exception):
    """The file is not in order of arrival."""


#: (where it stands, bytes or an envelope, bytes of the file so far, whether the order is certain)
_Line = tuple[Place, Any, int, bool]


def _in_order(file: IO[bytes]) -> Iterator[_Line]:
    """The lines as they stand."""
    if is_document(head(file)):
        raise _OutOfOrderError
    file.seek(0)
    done = 0
    for number, line in enumerate(file, 1):
        done += len(line)
        if not line.isspace():
            yield Place(number), line, done, False


def _sorted(reader: EventReader, file: IO[bytes]) -> Iterator[_Line]:
    """The lines by arrival, through an index of a few bytes each; a file that is one document is taken whole."""
    whole = is_document(head(file))
    file.seek(0)
    if whole:
        entries = sorted(document(file.read()), key=lambda piece: _arrival(reader, piece.content))
        yield from ((one.place, one.content, done, True) for done, one in enumerate(entries, 1))
        return
    arrivals, offsets, numbers = array("q"), array("q"), array("q")
    offset = 0
    for number, line in enumerate(file, 1):
        if not line.isspace():
            try:
                arrivals.append(_arrival(reader, decode(line)))
            except EventRefused:
                arrivals.append(0)
            offsets.append(offset)
            numbers.append(number)
        offset += len(line)
    done = 0
    for place in sorted(range(len(arrivals)), key=arrivals.__getitem__):
        file.seek(offsets[place])
        line = file.readline()
        done += len(line)
        yield Place(numbers[place]), line, done, True


def _arrival(reader: EventReader, envelope: Any) -> int:
    """Microseconds since the epoch."""
    try:
        arrival = reader.arrival(envelope)
    except EventRefused:
        return 0
    return (arrival - _EPOCH) // datetime.resolution if arrival else 0


def _replay(project: Project, lines: Iterable[_Line], until: datetime | None, progress: Progress) -> Backtest:
    result, reader = Backtest(), project.reader()
    store = MemoryStore(on_decision=result.note)
    simulation = Simulation(project, store)
    summary = result.summary
    last: datetime | None = None
    page: list[tuple[Place, Event]] = []
    for place, line, done, ordered in lines:
        try:
            event = reader.recall(line.rstrip(b"\r\n") if isinstance(line, bytes) else line)
        except EventRefused as error:
            result.refuse(*place.refused(error))
            continue
        if last is not None and event.received < last and not ordered:
            raise _OutOfOrderError
        if until is not None and event.received > until:
            break
        page.append((place, event))
        last = event.received
        summary.start = summary.start or last
        if len(page) == _PAGE:
            _arrive(simulation, page, result)
            progress(done)
            page = []
    _arrive(simulation, page, result)
    result.rejects.sort(key=attrgetter("place"))
    summary.end = until or last
    if summary.end is not None:
        simulation.run_until(summary.end)
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
