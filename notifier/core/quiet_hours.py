"""Hours in which people are left alone, and hours in which staff work, on the wall clock of a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.core.local_time import instant

__all__ = ["OfficeHours", "QuietHours"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)"


def _clock(hours: str, minutes: str) -> time:
    return time(int(hours), int(minutes))


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily window, over midnight where it starts later than it ends: `21:00-08:00`."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Read `21:00-08:00`; raises ValueError, also where nothing of the day would be left."""
        found = re.fullmatch(rf"\s*{_CLOCK}\s*-\s*{_CLOCK}\s*", str(text))
        if found is None:
            raise ValueError(f"'{text}' is not a window of hours; write it like 21:00-08:00")
        window = cls(_clock(found[1], found[2]), _clock(found[3], found[4]))
        if window.start == window.end:
            raise ValueError(f"'{text}' leaves no hour of the day; start and end must differ")
        return window

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def ends(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The instant at which the window that `moment` lies in is over; None where it lies in none."""
        end = self._end(moment, zone)
        # Where clocks go forward, the day may lack the only minutes that the window leaves: then it is the next day's end.
        return end and (self._end(end, zone) or end)

    def _end(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        wall = moment.astimezone(zone)
        now = wall.time()
        if self.start < self.end:
            inside, same_day = self.start <= now < self.end, True
        else:
            inside, same_day = now >= self.start or now < self.end, now < self.end
        if not inside:
            return None
        day = wall.date() if same_day else wall.date() + timedelta(days=1)
        end = instant(day, self.end, zone)
        if end > moment:
            return end
        # Where clocks went back, the first of two `end`s is behind us already.
        return datetime.combine(day, self.end, zone).replace(fold=1).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When a team reads its mail: `mon-fri 08:00-18:00`."""

    days: frozenset[int]
    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> OfficeHours:
        """Read `mon-fri 08:00-18:00` or `sat 09:00-13:00`; raises ValueError."""
        found = re.fullmatch(rf"\s*(\w{{3}})(?:-(\w{{3}}))?\s+{_CLOCK}\s*-\s*{_CLOCK}\s*", str(text).lower())
        if found is None or found[1] not in _DAYS or (found[2] or "mon") not in _DAYS:
            raise ValueError(f"'{text}' is not a team's hours; write them like mon-fri 08:00-18:00")
        first = _DAYS.index(found[1])
        last = _DAYS.index(found[2]) if found[2] else first
        days = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
        hours = cls(days, _clock(found[3], found[4]), _clock(found[5], found[6]))
        if hours.start >= hours.end:
            raise ValueError(f"'{text}' must start before it ends")
        return hours

    def __str__(self) -> str:
        first = next(day for day in sorted(self.days) if len(self.days) == 7 or (day - 1) % 7 not in self.days)
        last = _DAYS[(first + len(self.days) - 1) % 7]
        days = _DAYS[first] if len(self.days) == 1 else f"{_DAYS[first]}-{last}"
        return f"{days} {self.start:%H:%M}-{self.end:%H:%M}"

    def opens(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """When the team is next there; None where it is there now."""
        wall = moment.astimezone(zone)
        if wall.weekday() in self.days and self.start <= wall.time() < self.end:
            return None
        for ahead in range(8):
            day = wall.date() + timedelta(days=ahead)
            start = instant(day, self.start, zone)
            if day.weekday() in self.days and start > moment:
                return start
        raise AssertionError("a week holds every weekday")
