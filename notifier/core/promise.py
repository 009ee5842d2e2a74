"""The promised date of an order whose shop sends none: handling and transit in business days, from the project's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays

__all__ = ["Lead", "lead_of", "promised"]

_ONE_DAY, _THREE_DAYS = Duration(business_days=1), Duration(business_days=3)


@dataclass(frozen=True, slots=True)
class Lead:
    """How long orders of one kind take. Empty conditions fit every order."""

    start: str = "order.placed_at"
    handling: Duration = _ONE_DAY
    transit: Duration = _THREE_DAYS
    cut_off: time | None = None
    carrier: str = ""
    countries: tuple[str, ...] = ()
    service: str = ""

    def fits(self, facts: Mapping[str, Any]) -> bool:
        return (
            (not self.carrier or facts.get("order.carrier") == self.carrier)
            and (not self.countries or facts.get("order.shipping_address.country") in self.countries)
            and (not self.service or facts.get("order.service") == self.service)
        )

    def __str__(self) -> str:
        """`order.placed_at, 1 business day until it leaves, 3 business days on its way`."""
        taken_up = f", by {self.cut_off:%H:%M} the same day" if self.cut_off else ""
        return f"{self.start}{taken_up}, {self.handling} until it leaves, {self.transit} on its way"


def lead_of(leads: tuple[Lead, ...], facts: Mapping[str, Any]) -> Lead | None:
    """The first that fits the order; None where none does."""
    return next((one for one in leads if one.fits(facts)), None)


def promised(
    leads: tuple[Lead, ...], facts: Mapping[str, Any], zone: ZoneInfo, working: Callable[[str], WorkingDays]
) -> date | None:
    """The day promised by the first lead that fits; None where none does, or where it starts from is not known.

    `zone` is the shop's; `working` gives the days on which the `shop` or the `carrier` works.
    """
    lead = lead_of(leads, facts)
    start = facts.get(lead.start) if lead else None
    if lead is None or start is None:
        return None
    day = _first_day(start, lead.cut_off, zone)
    shop, carrier = working("shop"), working("carrier")
    # What comes in on a day off is taken up on the next working day, which then counts from its beginning.
    while day not in shop:
        day += timedelta(days=1)
    leaves = shop.shift(day, lead.handling.business_days) + timedelta(days=lead.handling.days)
    return carrier.shift(leaves, lead.transit.business_days) + timedelta(days=lead.transit.days)


def _first_day(start: datetime | date, cut_off: time | None, zone: ZoneInfo) -> date:
    if not isinstance(start, datetime):
        return start
    wall = start.astimezone(zone)
    late = cut_off is not None and wall.time() >= cut_off
    return wall.date() + timedelta(days=1 if late else 0)
