"""The engine on a clock of its own: events arrive at their instants, times come due, messages count as delivered.

Backtests and rule tests run on this. It is the same ingest, the same gates and the same dispatch as live, on a store in
memory, with nothing sent. A backtest writes no texts either; a rule test does.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime

from notifier.core.event import Event
from notifier.dispatch import PAGE, Dispatch
from notifier.ingest import absorb_in_turn, arm_shop, come_due
from notifier.links import Links
from notifier.project import Project
from notifier.provider import Accepted
from notifier.store import Newness, Store

__all__ = ["Simulation"]

#: What the engine logs on such a clock is no news to anybody: without a handler of the caller's own it is not shown.
logging.getLogger("notifier").addHandler(logging.NullHandler())

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _received(event: Event) -> datetime:
    return event.received


class Simulation:
    """Time moves only by `arrive` and `run_until`, and never back."""

    def __init__(self, project: Project, store: Store, *, render: bool = False) -> None:
        self._project = project
        self._store = store
        self._dispatch = Dispatch(project, store, Links(project), render=render)
        self._clock = _LONG_AGO

    def open(self, at: datetime) -> None:
        """The engine is there from `at` on: what comes by the calendar after that comes."""
        with self._store.begin() as unit:
            arm_shop(self._project, unit, at)

    def arrive(self, events: Sequence[Event]) -> list[Newness]:
        """Take in events, in order of arrival, each at its own; what comes due in between happens in between.

        At one instant events come first, then what is due.
        """
        newness: list[Newness] = []
        while len(newness) < len(events):
            self._run(events[len(newness)].received, inclusive=False)
            due = self._next()
            # What an event moved into the past comes with that event, as it would live.
            end = bisect_right(events, self._at(due), key=_received, lo=len(newness)) if due else len(events)
            with self._store.begin() as unit:
                newness += absorb_in_turn(self._project, unit, events[len(newness) : end])
            self._clock = events[len(newness) - 1].received
        return newness

    def run_until(self, until: datetime) -> None:
        """Let everything happen that comes due up to and at `until`."""
        self._run(until, inclusive=True)

    def _run(self, until: datetime, *, inclusive: bool) -> None:
        while (due := self._next()) is not None:
            now = self._at(due)
            if now > until or (now == until and not inclusive):
                return
            self._clock = now
            self._work(now)

    def _at(self, due: datetime) -> datetime:
        return max(due, self._clock)

    def _next(self) -> datetime | None:
        with self._store.read() as unit:
            return unit.next_due()

    def _work(self, now: datetime) -> None:
        """A page of what is due; what remains is due at the same instant still."""
        with self._store.begin() as unit:
            come_due(self._project, unit, now)
        claimed = self._dispatch.claim(now, PAGE)
        if claimed:
            going = self._dispatch.mark(self._dispatch.prepare(claimed, now), None, now)
            self._dispatch.settle([(one, Accepted(one.outgoing.id)) for one in going], now)
