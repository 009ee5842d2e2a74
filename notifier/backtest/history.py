"""The events of a history in order of arrival: from a file, or from the project's own database.

A file that is in order is read once. One that is not is read again by a sorted index, so that neither needs to fit into
memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from notifier.core.cloudevent import EventReader, decode
from notifier.core.event import Event
from notifier.core.own_event import SOURCE
from notifier.errors import EventRefused
from notifier.event_file import Place, document, head, is_document
from notifier.store import Store
from notifier.store.record import Told

__all__ = ["Line", "OutOfOrderError", "in_order", "kept", "sorted_by_arrival"]

#: Of the events that notifier makes itself, what people did.
_PEOPLES = frozenset({"survey.answered", "consent.changed"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OutOfOrderError(Exception):
    """The file is not in order of arrival."""


class Line(NamedTuple):
    """One event as it stands in a history."""

    place: Place
    #: Bytes, an envelope that was decoded, or an event as it is kept.
    told: Any
    #: How much of the history is done with it: bytes of a file, events of a database.
    done: int
    #: Whether the order is certain.
    ordered: bool

    def event(self, reader: EventReader) -> Event:
        """Raises EventRefused."""
        told = self.told
        if isinstance(told, Told):
            try:
                return reader.read(told.body, told.received)
            except EventRefused as error:
                # There is no line to go to: its name must do.
                raise EventRefused(f"{told.source} {told.id}: {error}") from error
        return reader.recall(told.rstrip(b"\r\n") if isinstance(told, bytes) else told)


def in_order(file: IO[bytes]) -> Iterator[Line]:
    """The lines as they stand; raises OutOfOrderError where the file is one document."""
    if is_document(head(file)):
        raise OutOfOrderError
    file.seek(0)
    done = 0
    for number, line in enumerate(file, 1):
        done += len(line)
        if not line.isspace():
            yield Line(Place(number), line, done, ordered=False)


def sorted_by_arrival(reader: EventReader, file: IO[bytes]) -> Iterator[Line]:
    """The lines by arrival, through an index of a few bytes each; a file that is one document is taken whole."""
    whole = is_document(head(file))
    file.seek(0)
    if whole:
        entries = sorted(document(file.read()), key=lambda piece: _arrival(reader, piece.content))
        yield from (Line(one.place, one.content, done, ordered=True) for done, one in enumerate(entries, 1))
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
        yield Line(Place(numbers[place]), line, done, ordered=True)


def kept(store: Store) -> Iterator[Line]:
    """What the project's own database keeps, as it arrived. What became of messages is left out: a replay finds that itself."""
    last: datetime | None = None
    for number, told in enumerate(store.each_event(), 1):
        if told.source == SOURCE and told.type not in _PEOPLES:
            continue
        # Clocks are put back now and then; what was kept later came later.
        received = told.received if last is None else max(told.received, last)
        last = received
        one = told if received == told.received else replace(told, received=received)
        yield Line(Place(entry=number), one, number, ordered=True)


def _arrival(reader: EventReader, envelope: Any) -> int:
    """Microseconds since the epoch."""
    try:
        arrival = reader.arrival(envelope)
    except EventRefused:
        return 0
    return (arrival - _EPOCH) // datetime.resolution if arrival else 0
