"""Lengths of time as people write them: `15m`, `3d`, `1d12h`, `2 business days`, `P1D`.

Minutes and hours are elapsed time. Days, weeks and business days keep the local time of day, so a duration can only be
added to an instant where a zone and, for business days, a calendar are known: see `notifier.core.local_time`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["LONGEST_DAYS", "NO_TIME", "PATTERN", "Duration"]

#: A year and a bit: anything longer is a slip of the pen (`1e9d`).
LONGEST_DAYS = 400

_UNITS = {
    "s": "seconds", "sec": "seconds", "second": "seconds", "seconds": "seconds",
    "m": "minutes", "min": "minutes", "minute": "minutes", "minutes": "minutes",
    "h": "hours", "hour": "hours", "hours": "hours",
    "d": "days", "day": "days", "days": "days",
    "w": "weeks", "week": "weeks", "weeks": "weeks",
    "business day": "business_days", "business days": "business_days",
}  # fmt: skip
_PART = re.compile(r"\s*(\d{1,9})\s*(business days?|[a-z]+)", re.IGNORECASE)
_ISO = re.compile(r"P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?")

_ONE_PART = (
    r"\d{1,9}\s*(?:[Ss](?:ec(?:onds?)?)?|[Mm](?:in(?:utes?)?)?|[Hh](?:ours?)?|[Dd](?:ays?)?|[Ww](?:eeks?)?"
    r"|[Bb]usiness\s+[Dd]ays?)"
)
#: What `Duration.parse` reads, for editors, which know no flags; what more it reads is written by nobody (`2 HOURS`).
PATTERN = rf"(?:{_ONE_PART}(?:\s*{_ONE_PART})*|P(?=[\dT]){_ISO.pattern[1:]})"


@dataclass(frozen=True, slots=True)
class Duration:
    """Days of the calendar, days of business and elapsed time, applied in this order."""

    days: int = 0
    business_days: int = 0
    elapsed: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read `15m`, `2h`, `3d`, `2w`, `1d12h`, `2 hours`, `2 business days` or ISO 8601 `P1D`; raises ValueError."""
        words = str(text).strip()
        if re.fullmatch(r"[\d.]+", words):
            raise ValueError(f"'{words}' needs a unit, like '{words}m', '{words}h' or '{words}d'")
        if words.startswith("-"):
            raise ValueError(f"'{words}' is negative; a length of time is not")
        duration = cls._iso(words) if words.startswith("P") else cls._words(words)
        # The days alone first: `999999999w` is more than a timedelta can hold.
        if duration.days + duration.business_days > LONGEST_DAYS or duration.longest > timedelta(days=LONGEST_DAYS):
            raise ValueError(f"'{words}' is longer than {LONGEST_DAYS} days")
        return duration

    @classmethod
    def _iso(cls, text: str) -> Duration:
        found = _ISO.fullmatch(text)
        if found is None or not any(found.groups()):
            raise ValueError(f"'{text}' is not a length of time; write '3d', '2 hours', '2 business days' or 'P1D'")
        weeks, days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
        return cls(days=weeks * 7 + days, elapsed=timedelta(hours=hours, minutes=minutes, seconds=seconds))

    @classmethod
    def _words(cls, text: str) -> Duration:
        amounts: dict[str, int] = {}
        end = 0
        for part in _PART.finditer(text):
            unit = _UNITS.get(" ".join(part[2].lower().split()))
            if part.start() != end or unit is None or unit in amounts:
                break
            amounts[unit] = int(part[1])
            end = part.end()
        if not amounts or text[end:].strip():
            raise ValueError(f"'{text}' is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'")
        return cls(
            days=amounts.get("days", 0) + 7 * amounts.get("weeks", 0),
            business_days=amounts.get("business_days", 0),
            elapsed=timedelta(**{unit: amounts.get(unit, 0) for unit in ("hours", "minutes", "seconds")}),
        )

    @property
    def longest(self) -> timedelta:
        """At least as long as this can turn out: for caps and comparisons, not for arithmetic."""
        return timedelta(days=self.days + self.business_days) + self.elapsed

    def __neg__(self) -> Duration:
        return Duration(-self.days, -self.business_days, -self.elapsed)

    def __bool__(self) -> bool:
        return bool(self.days or self.business_days or self.elapsed)

    def __str__(self) -> str:
        seconds = int(self.elapsed.total_seconds())
        parts = [
            f"{abs(self.days)}d" if self.days else "",
            f"{abs(seconds) // 3600}h" if abs(seconds) >= 3600 else "",
            f"{abs(seconds) % 3600 // 60}m" if abs(seconds) % 3600 >= 60 else "",
            f"{abs(seconds) % 60}s" if abs(seconds) % 60 else "",
        ]
        text = "".join(parts)
        if self.business_days:
            number = abs(self.business_days)
            text = f"{text} {number} business day{'s' if number > 1 else ''}".strip()
        negative = self.days < 0 or self.business_days < 0 or seconds < 0
        return f"{'-' if negative else ''}{text or '0m'}"


#: No time at all.
NO_TIME = Duration()
