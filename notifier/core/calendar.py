"""Times that come again: `every: weekday, at: 08:00`, and what cron can say.

They are local times, and each comes once: one that a change of clocks skips comes when the clocks have been put on, one that
is there twice comes the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifier.core.local_time import WorkingDays, instant

__all__ = ["EVERY", "Calendar", "Coming", "cron"]

_DAY = timedelta(days=1)
#: From one 29 February to the next it can be eight years.
_FURTHEST = 8 * 366
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: What stands behind `every`.
EVERY = ("day", "weekday", *_WEEK, "month")


class Coming(NamedTuple):
    """One time that comes."""

    at: datetime
    #: What clocks are to show then, `2026-03-13T08:00`: what "once" counts.
    wall: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days and times of day at which something comes, on the clock of `zone`."""

    #: `every weekday at 08:00`, `cron 0 8 * * 1-5`.
    text: str
    #: Of each such day, in order.
    times: tuple[time, ...]
    #: None is the shop's.
    zone: ZoneInfo | None = None
    #: What the shop's own week says: `weekday`, the days outside its weekend; `month`, the first day of each.
    every: str = ""
    skip_holidays: bool = False
    #: 0 is Monday.
    weekdays: frozenset[int] = frozenset(range(7))
    days: frozenset[int] = frozenset(range(1, 32))
    months: frozenset[int] = frozenset(range(1, 13))
    #: A day that is one of `weekdays` or one of `days` will do; else it has to be both.
    either: bool = False

    @classmethod
    def of(cls, every: str, at: time, zone: ZoneInfo | None, *, skip_holidays: bool) -> Calendar:
        """`every` is one of EVERY."""
        weekdays = frozenset({_WEEK.index(every)} if every in _WEEK else range(7))
        return cls(f"every {every} at {at:%H:%M}", (at,), zone, every, skip_holidays, weekdays)

    @property
    def fields(self) -> tuple[()]:
        """No fact moves it."""
        return ()

    def includes(self, day: date, shop: WorkingDays) -> bool:
        """Whether it comes on this day."""
        if self.every == "month":
            return day == self._first_of(day, shop)
        if self.every == "weekday" and day.weekday() in shop.weekend:
            return False
        fits = (day.weekday() in self.weekdays, day.day in self.days)
        if day.month not in self.months or not (any(fits) if self.either else all(fits)):
            return False
        # Last of all: who is asked has to load the holidays of the whole world first.
        return not (self.skip_holidays and day in shop.holidays)

    def _first_of(self, day: date, shop: WorkingDays) -> date:
        """The first day of the month; of those on which the shop works where it skips holidays."""
        first = day.replace(day=1)
        return shop.shift(first - _DAY, 1) if self.skip_holidays else first

    def after(self, moment: datetime, zone: ZoneInfo, shop: WorkingDays) -> Coming | None:
        """The first that comes after an instant; None where none ever does. `zone` is the shop's."""
        here = self.zone or zone
        start = moment.astimezone(here).date() - _DAY
        days = (start + number * _DAY for number in range(_FURTHEST))
        return next((one for one in self._on(days, here, shop) if one.at > moment), None)

    def latest(self, moment: datetime, since: datetime, zone: ZoneInfo, shop: WorkingDays) -> Coming | None:
        """The last that came up to an instant, and not before `since`; None where none did."""
        here = self.zone or zone
        day, first = moment.astimezone(here).date() + _DAY, since.astimezone(here).date() - _DAY
        while day >= first:
            came = [one for one in self._on((day,), here, shop) if since <= one.at <= moment]
            if came:
                return came[-1]
            day -= _DAY
        return None

    def _on(self, days: Iterator[date] | tuple[date, ...], zone: ZoneInfo, shop: WorkingDays) -> Iterator[Coming]:
        """Those of these days, in order."""
        for day in days:
            if self.includes(day, shop):
                for at in self.times:
                    yield Coming(instant(day, at, zone), f"{day}T{at:%H:%M}")


# cron -------------------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """One of the five parts of what cron reads."""

    name: str
    least: int
    most: int
    names: Mapping[str, int] = {}


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTS = (
    _Part("minute", 0, 59),
    _Part("hour", 0, 23),
    _Part("day of the month", 1, 31),
    _Part("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    # Sunday is 0 and 7.
    _Part("day of the week", 0, 7, {name[:3]: number % 7 for number, name in enumerate(_WEEK, 1)}),
)
_ENTRY = re.compile(r"(?P<from>\*|\w+)(?:-(?P<to>\w+))?(?:/(?P<step>\d+))?")


def cron(text: str, zone: ZoneInfo | None, *, skip_holidays: bool) -> Calendar:
    """`minute hour day month weekday`, as crontab reads it; raises ValueError.

    Where both days are given, either will do, unless one begins with `*`: so it is in crontab.
    """
    written = text.split()
    if len(written) != len(_PARTS):
        raise ValueError(f"'{text}' has {len(written)} parts; cron has five: minute hour day month weekday")
    minutes, hours, days, months, weekdays = (
        _numbers(one, part) for one, part in zip(written, _PARTS, strict=True)
    )  # fmt: skip
    return Calendar(
        f"cron {' '.join(written)}",
        tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)),
        zone,
        skip_holidays=skip_holidays,
        weekdays=frozenset((number - 1) % 7 for number in weekdays),
        days=days,
        months=months,
        either=not written[2].startswith("*") and not written[4].startswith("*"),
    )


def _numbers(written: str, part: _Part) -> frozenset[int]:
    """The numbers that `1-5`, `*/15` or `mon,wed` stand for."""
    found: set[int] = set()
    for entry in written.lower().split(","):
        read = _ENTRY.fullmatch(entry)
        if read is None or (read["from"] == "*" and read["to"]):
            raise ValueError(f"'{entry}' is no {part.name}; write a number, *, 1-5 or */2")
        step = int(read["step"] or 1)
        first, last = part.least, part.most
        if read["from"] != "*":
            first = _number(read["from"], part)
            last = _number(read["to"], part) if read["to"] else part.most if read["step"] else first
        # mon-sun: Sunday is the 7 here.
        last = part.most if last < first and part.names.get(read["to"] or "") == 0 else last
        if last < first or step < 1:
            raise ValueError(f"'{entry}' holds no {part.name}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, part: _Part) -> int:
    number = int(text) if text.isdecimal() else part.names.get(text)
    if number is None or not part.least <= number <= part.most:
        names = f", or {', '.join(part.names)}" if part.names else ""
        raise ValueError(f"'{text}' is no {part.name}: {part.least} to {part.most}{names}")
    return number
