from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays
from notifier.core.scene import zone_of

WARSAW = ZoneInfo("Europe/Warsaw")
NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("America/New_York", "America/New_York"),
        (None, "Europe/Warsaw"),
        ("", "Europe/Warsaw"),
        ("Warsaw", "Europe/Warsaw"),
        ("US/Pacific-New", "Europe/Warsaw"),
        ("../../etc/passwd", "Europe/Warsaw"),
        ("/etc/passwd", "Europe/Warsaw"),
        ("Europe", "Europe/Warsaw"),
        ("Europe/Warsaw\0", "Europe/Warsaw"),
    ],
)
def test_whose_clock(name, zone):
    """The customer's zone, else the shop's; a name that is no zone, or worse, counts as unknown."""
    assert zone_of({} if name is None else {"customer.timezone": name}, WARSAW) == ZoneInfo(zone)


def test_facts_by_their_full_path(see):
    """A scene knows what it was given, and nothing else."""
    scene = see({"order.total": 5, "customer.name": "Dana"})
    assert (scene.value("order.total"), scene.value("customer.name")) == (5, "Dana")
    assert (scene.value("order.eta"), scene.value("stock.available")) == (None, None)


def test_dates_become_instants(see):
    """A day begins at the customer's midnight, or ends with the next; an instant is what it is."""
    scene = see({})
    assert scene.instant(NOON, ends_day=True) == NOON
    assert scene.instant(date(2026, 3, 13), ends_day=False) == datetime(2026, 3, 12, 23, tzinfo=UTC)
    assert scene.instant(date(2026, 3, 13), ends_day=True) == datetime(2026, 3, 13, 23, tzinfo=UTC)


def test_days_are_moved_by_the_calendar_that_is_named(see):
    """Business days are the shop's unless a rule names another's."""
    calendars = {"shop": WorkingDays(), "carrier": WorkingDays(weekend=(6,))}
    scene = see({}, working=calendars.__getitem__)
    day, by = date(2026, 3, 13), Duration(business_days=1, elapsed=timedelta(hours=1))
    assert scene.moved(day, by, ends_day=True) == datetime(2026, 3, 17, 0, tzinfo=UTC)
    assert scene.moved(day, by, ends_day=True, calendar="carrier") == datetime(2026, 3, 15, 0, tzinfo=UTC)
    assert scene.moved(NOON, by, ends_day=True, calendar="carrier") == datetime(2026, 3, 14, 13, tzinfo=UTC)
