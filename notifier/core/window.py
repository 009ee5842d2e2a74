"""When what is collected goes out."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.core.local_time import WorkingDays, instant, shift
from notifier.core.quiet_hours import OfficeHours
from notifier.core.rule import Collect

__all__ = ["window_end"]


def window_end(
    collect: Collect, start: datetime, zone: ZoneInfo, working: WorkingDays, hours: OfficeHours | None
) -> datetime:  # fmt: skip
    """The end of a window that opens at `start`, later than that.

    For a time of day it is the next at which the team is at work, so that a weekend does not make three messages; where it
    never is at that time, the next.
    """
    if collect.lasts is not None:
        return shift(start, collect.lasts, zone, working)
    assert collect.until is not None
    today = start.astimezone(zone).date()
    ends = [instant(today + timedelta(days=ahead), collect.until, zone) for ahead in range(9)]
    ahead = [end for end in ends if end > start]
    return next((end for end in ahead if hours is None or hours.opens(end, zone) is None), ahead[0])
