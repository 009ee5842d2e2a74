"""Instants and the clocks on people's walls.

Instants are aware datetimes in UTC. What people write (a day, `09:00`, `+ 2 business days`) is worked out on the wall
clock of a zone and turned back: a wall time that does not exist becomes the first instant that does, one that exists
twice is the first of the two.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from notifier.core.duration import Duration

__all__ = ["Holidays", "WorkingDays", "end_of_day", "instant", "rfc3339", "shift", "shift_day", "start_of_day", "when"]

_DAY = timedelta(days=1)


class Holidays(Protocol):
    def __contains__(self, day: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days on which somebody works: not on `weekend` (0 is Monday) and not on `holidays`."""

    holidays: Holidays = frozenset()
    weekend: Collection[int] = (5, 6)

    def __contains__(self, day: date) -> bool:
        return day.weekday() not in self.weekend and day not in self.holidays

    def shift(self, day: date, days: int) -> date:
        """The `days`-th working day after `day` (before it, where negative); `day` itself need not be one."""
        step = _DAY if days > 0 else -_DAY
        left = abs(days)
        while left:
            day += step
            left -= day in self
        return day


def when(moment: datetime, zone: ZoneInfo) -> str:
    """`Fri 2026-03-13 09:00`: an instant as people read it, on the clock of `zone`."""
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}"


@lru_cache(maxsize=4096)
def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks in `zone` show `at` on `day`, or the first after the gap that swallowed it."""
    wall = datetime.combine(day, at)
    early = wall.replace(tzinfo=zone, fold=0).utcoffset()
    late = wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert early is not None
    assert late is not None
    if late <= early:  # an ordinary time, or the first of two
        return (wall - early).replace(tzinfo=UTC)
    return _end_of_gap(wall - late, wall - early, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the offset changes between two naive UTC times that lie on either side of the change."""
    old = before.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.replace(tzinfo=UTC).astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(tzinfo=UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return instant(day, time(0), zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` is over, which is the first of the next."""
    return instant(day + _DAY, time(0), zone)


def shift_day(day: date, by: Duration, working: WorkingDays) -> date:
    """`day` moved by the days of a duration; its hours do not count."""
    return working.shift(day + timedelta(days=by.days), by.business_days)


def shift(moment: datetime, by: Duration, zone: ZoneInfo, working: WorkingDays) -> datetime:
    """`moment` moved by a duration: days on the wall clock of `zone`, then what is elapsed time."""
    if by.days or by.business_days:
        wall = moment.astimezone(zone)
        moment = instant(shift_day(wall.date(), by, working), wall.time(), zone)
    return moment + by.elapsed


@lru_cache(maxsize=4096)
def rfc3339(moment: datetime) -> str:
    """`2026-03-13T22:00:00Z`; with a fraction only where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
