from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays
from notifier.core.promise import Lead, promised

WARSAW = ZoneInfo("Europe/Warsaw")
#: 3 May is a holiday of the shop's; the carrier works on Saturdays, and not on the 6th.
SHOP = WorkingDays(frozenset({date(2026, 5, 1)}))
CARRIER = WorkingDays(frozenset({date(2026, 5, 6)}), weekend=(6,))


def working(calendar):
    return {"shop": SHOP, "carrier": CARRIER}[calendar]


def lead(**more):
    return Lead(
        **{name: Duration.parse(value) if name in ("handling", "transit") else value for name, value in more.items()}
    )


def when(text):
    return datetime.fromisoformat(text).astimezone(UTC) if "T" in text else date.fromisoformat(text)


# Monday 27 April 2026; Friday 1 May is the shop's holiday, Wednesday 6 May the carrier's.
DAYS = [
    # A business day to get ready, by the shop's calendar, then three on the way, by the carrier's.
    ({}, "2026-04-20T10:00:00Z", "2026-04-24"),
    ({}, "2026-04-22T10:00:00Z", "2026-04-27"),
    ({"handling": "1 business day", "transit": "1 business day"}, "2026-04-30T10:00:00Z", "2026-05-05"),
    ({"handling": "1 business day", "transit": "2 business days"}, "2026-05-04T10:00:00Z", "2026-05-08"),
    # Weekends: the carrier delivers on Saturdays, the shop does not pack on them.
    ({"handling": "0m", "transit": "1 business day"}, "2026-04-24T10:00:00Z", "2026-04-25"),
    ({"handling": "1 business day", "transit": "1 business day"}, "2026-04-24T10:00:00Z", "2026-04-28"),
    # What comes in on a day off is taken up on the next working day.
    ({"handling": "0m", "transit": "1 business day"}, "2026-04-25T10:00:00Z", "2026-04-28"),
    ({"handling": "1 business day", "transit": "1 business day"}, "2026-05-01T10:00:00Z", "2026-05-07"),
    # The cut-off is on the shop's clock: at it is after it.
    ({"cut_off": time(14), "handling": "0m", "transit": "1 business day"}, "2026-04-20T11:59:00Z", "2026-04-21"),
    ({"cut_off": time(14), "handling": "0m", "transit": "1 business day"}, "2026-04-20T12:00:00Z", "2026-04-22"),
    ({"cut_off": time(14), "handling": "0m", "transit": "1 business day"}, "2026-04-24T13:00:00Z", "2026-04-28"),
    # Late in the evening it is another day at the shop.
    ({"handling": "0m", "transit": "1 business day"}, "2026-04-20T22:30:00Z", "2026-04-22"),
    # Plain days are counted through, and a plain date has no hour that could be too late.
    ({"handling": "0m", "transit": "3d"}, "2026-04-24T10:00:00Z", "2026-04-27"),
    ({"handling": "1d", "transit": "1w"}, "2026-04-24T10:00:00Z", "2026-05-02"),
    ({"cut_off": time(0, 1), "handling": "0m", "transit": "1 business day"}, "2026-04-20", "2026-04-21"),
]


@pytest.mark.parametrize(("terms", "placed", "day"), DAYS)
def test_days(terms, placed, day):
    """The promised day from when the order came in: cut-off, weekends and holidays of the shop and of the carrier."""
    found = promised((lead(**terms),), {"order.placed_at": when(placed)}, WARSAW, working)
    assert found == date.fromisoformat(day)


def test_from_another_time():
    """Some shops count from the payment; while that is unknown nothing is promised."""
    leads = (lead(start="order.paid_at", handling="0m", transit="1d"),)
    assert promised(leads, {"order.placed_at": when("2026-04-20T10:00:00Z")}, WARSAW, working) is None
    assert promised(leads, {"order.paid_at": when("2026-04-21T10:00:00Z")}, WARSAW, working) == date(2026, 4, 22)


FITS = [
    ({}, True),
    ({"carrier": "GLS"}, True),
    ({"carrier": "DHL"}, False),
    ({"countries": ("DE", "PL")}, True),
    ({"countries": ("DE",)}, False),
    ({"service": "express"}, True),
    ({"service": "express", "carrier": "DHL"}, False),
    ({"service": "express", "carrier": "GLS", "countries": ("PL",)}, True),
]
ORDER = {"order.carrier": "GLS", "order.shipping_address.country": "PL", "order.service": "express"}


@pytest.mark.parametrize(("conditions", "fits"), FITS)
def test_fits(conditions, fits):
    """A line fits where all that it names is so; what the order does not say does not fit."""
    assert lead(**conditions).fits(ORDER) is fits
    assert lead(**conditions).fits({}) is (not conditions)


def test_the_first_that_fits_counts():
    """Lines are tried in order, and only the first that fits is asked, even where it cannot answer."""
    leads = (
        lead(carrier="GLS", start="order.paid_at", handling="0m", transit="1d"),
        lead(handling="0m", transit="9d"),
    )
    placed = {"order.placed_at": when("2026-04-20T10:00:00Z")}
    assert promised(leads, {**ORDER, **placed}, WARSAW, working) is None
    assert promised(leads, placed, WARSAW, working) == date(2026, 4, 29)
    assert promised(leads[:1], placed, WARSAW, working) is None
    assert promised((), placed, WARSAW, working) is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 9), st.integers(0, 9), st.none() | st.just(time(14)),
)  # fmt: skip
def test_a_promise_is_no_earlier_for_coming_later(placed, handling, transit, cut_off):
    """Whoever orders later is not promised an earlier day; a promised day is one on which the carrier works."""
    one = Lead(handling=Duration(business_days=handling), transit=Duration(business_days=transit), cut_off=cut_off)
    first, second = (
        promised((one,), {"order.placed_at": moment}, WARSAW, working)
        for moment in (placed, placed.replace(hour=23, minute=59))
    )
    assert placed.date() <= first <= second
    assert not transit or first in CARRIER
