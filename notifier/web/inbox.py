"""Where requests leave their events: one thread takes all that waits and commits it together.

A commit that is safe from a power cut costs a wait for the disk, whether it is for one event or for a thousand.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from notifier.errors import Unreachable
from notifier.intake import Receipt

__all__ = ["Full", "Inbox"]

_log = logging.getLogger(__name__)

#: Events in one transaction, unless a single request brings more.
_TOGETHER = 1_000
#: Events that may wait.
_ROOM = 10_000

_SAID = {"accepted": "taken", "duplicate": "known before", "rejected": "refused (in quarantine)"}

#: What takes a batch in: durable once it returns, with a receipt for each event, in order.
Take = Callable[[Sequence[Any]], list[Receipt]]


class Full(Exception):
    """There is no room, or nothing is taken any more: the sender should come back."""


@dataclass(frozen=True, slots=True)
class _Parcel:
    events: Sequence[Any]
    receipts: Future[list[Receipt]] = field(default_factory=Future)


class Inbox:
    """A bounded queue with a thread that empties it. `taken` is called after each commit that brought something new."""

    def __init__(self, take: Take, taken: Callable[[], None] = lambda: None, room: int = _ROOM) -> None:
        self._take = take
        #: What is to happen when something new was committed.
        self.taken = taken
        self._room = room
        self._waiting: deque[_Parcel] = deque()
        self._size = 0
        self._changed = Condition()
        self._open = True
        self._thread = Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def refuse(self) -> None:
        """Take nothing more."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def close(self, patience: float = 20.0) -> None:
        """Take nothing more; what was left is still committed and answered, for so many seconds."""
        self.refuse()
        if self._thread.is_alive():
            self._thread.join(patience)

    async def put(self, events: Sequence[Any]) -> list[Receipt]:
        """A receipt for each event, in order, once they are committed. Raises Full, and Unreachable for the database."""
        parcel = _Parcel(events)
        with self._changed:
            if not self._open or (self._waiting and self._size + len(events) > self._room):
                raise Full
            self._waiting.append(parcel)
            self._size += len(events)
            self._changed.notify()
        return await asyncio.wrap_future(parcel.receipts)

    def _run(self) -> None:
        while parcels := self._next():
            self._commit(parcels)

    def _next(self) -> list[_Parcel]:
        """All that waits, up to what goes together; nothing once the inbox is closed and empty."""
        with self._changed:
            while self._open and not self._waiting:
                self._changed.wait()
            parcels: list[_Parcel] = []
            size = 0
            while self._waiting and (not parcels or size + len(self._waiting[0].events) <= _TOGETHER):
                parcels.append(self._waiting.popleft())
                size += len(parcels[-1].events)
            self._size -= size
            return parcels

    def _commit(self, parcels: list[_Parcel]) -> None:
        try:
            receipts = self._take([event for parcel in parcels for event in parcel.events])
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must be answered
            if len(parcels) > 1 and not isinstance(error, Unreachable):
                # One of them cannot be taken, and nobody knows which: each for itself.
                for parcel in parcels:
                    self._commit([parcel])
                return
            if not isinstance(error, Unreachable):
                _log.exception("a batch of %d events could not be taken", sum(len(one.events) for one in parcels))
            for parcel in parcels:
                _answer(parcel, error)
            return
        counts = Counter[str](one.status for one in receipts)
        _log.info("events: %s", ", ".join(f"{counts[name]} {word}" for name, word in _SAID.items() if counts[name]))
        if counts["accepted"]:
            self.taken()
        handed = iter(receipts)
        for parcel in parcels:
            _answer(parcel, [next(handed) for _ in parcel.events])


def _answer(parcel: _Parcel, outcome: list[Receipt] | Exception) -> None:
    """Nobody listens any more where the sender hung up; the events are kept all the same."""
    if not parcel.receipts.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        parcel.receipts.set_exception(outcome)
    else:
        parcel.receipts.set_result(outcome)
