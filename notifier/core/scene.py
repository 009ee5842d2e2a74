"""What a rule looks at: the facts of everybody concerned, the time, and whose wall clock counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays, end_of_day, shift, shift_day, start_of_day

__all__ = ["Facts", "Scene", "zone_of"]

#: Scope (`order`) -> full path (`order.eta`) -> value; what is unknown is absent.
Facts = Mapping[str, Mapping[str, Any]]

_NONE: Mapping[str, Any] = {}
_WORKING_DAYS = WorkingDays()


class Scene(NamedTuple):
    """One evaluation's world. `now` is an argument everywhere: nothing in the core reads a clock."""

    facts: Facts
    now: datetime
    zone: ZoneInfo
    #: Whose holidays and weekend count, by the name that a rule gives: `shop`, `destination`, `carrier`.
    working: Callable[[str], WorkingDays] = lambda _: _WORKING_DAYS

    def value(self, path: str) -> Any:
        """The fact under a full path, None where it is unknown."""
        return self.facts.get(path.partition(".")[0], _NONE).get(path)

    def instant(self, value: datetime | date, *, ends_day: bool) -> datetime:
        """A plain date is the end of that local day where it is a promise, else its start."""
        if isinstance(value, datetime):
            return value
        return end_of_day(value, self.zone) if ends_day else start_of_day(value, self.zone)

    def moved(self, value: datetime | date, by: Duration, *, ends_day: bool, calendar: str = "shop") -> datetime:
        """`value` and a duration. A plain date is moved as a day before it becomes an instant.

        The end of Friday is the first instant of Saturday, but a business day after Friday is over with Monday.
        """
        working = self.working(calendar)
        if isinstance(value, datetime):
            return shift(value, by, self.zone, working)
        return self.instant(shift_day(value, by, working), ends_day=ends_day) + by.elapsed


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, a path out of the database, a directory of it
        return None


def zone_of(customer: Mapping[str, Any], otherwise: ZoneInfo) -> ZoneInfo:
    """The customer's zone, else the shop's; a name that no zone has counts as unknown."""
    name = customer.get("customer.timezone")
    return (_zone(name) if name else None) or otherwise
