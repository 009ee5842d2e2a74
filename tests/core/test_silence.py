from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.core.local_time import WorkingDays
from notifier.core.scene import Scene
from notifier.core.trigger import stands

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SILENT = """
  - {id: r, about: shipment, send: {template: note},
     trigger: {no_news: {of: shipment.scanned, for: 6h, counted_from: shipment.created_at}}}
"""


def test_silence_begins_with_what_it_is_counted_from(order):
    """Before anything was heard the silence counts from its beginning; the occurrence is when it began."""
    one = order(SILENT, "shipment:1")
    one.told(created_at=NOON)
    assert one.armed == {"r": NOON + 6 * HOUR}
    assert one.come(NOON + 6 * HOUR) == [("r", "2026-03-13T12:00:00Z")]


def test_news_breaks_the_silence(order):
    """Each news lets the time start anew, also where it arrives late and happened before the beginning."""
    one = order(SILENT, "shipment:1")
    one.told(created_at=NOON)
    one.told(scanned_at=NOON + 4 * HOUR)
    assert one.armed == {"r": NOON + 10 * HOUR}
    assert one.come(NOON + 6 * HOUR) == []
    one.told(scanned_at=NOON - 4 * HOUR)
    assert one.armed == {"r": NOON + 6 * HOUR}


def test_each_silence_is_told_once(order):
    """A silence that was told is not told again; the next one is."""
    one = order(SILENT, "shipment:1")
    one.told(created_at=NOON)
    assert len(one.come(NOON + 6 * HOUR)) == 1
    one.told(location="Dock 4")
    assert one.armed == {}
    one.told(scanned_at=NOON + 7 * HOUR)
    assert one.come(NOON + 13 * HOUR) == [("r", "2026-03-13T19:00:00Z")]


def test_of_what_is_not_known_there_is_no_silence(order):
    """Without a beginning and without news nothing is armed; the first news begins it."""
    one = order(SILENT, "shipment:1")
    one.told(location="Dock 4")
    assert one.armed == {}
    one.told(scanned_at=NOON)
    assert one.armed == {"r": NOON + 6 * HOUR}


def test_a_finished_parcel_is_not_missed(order):
    """What has arrived is silent for a reason."""
    one = order(SILENT, "shipment:1")
    one.told(created_at=NOON)
    one.told(status="delivered")
    assert one.armed == {}


def test_a_silence_that_was_long_over_is_no_news(order):
    """A parcel that is first heard of after days of silence sets nothing off until it was heard of again."""
    one = order(SILENT, "shipment:1")
    one.told(created_at=NOON - 48 * HOUR)
    assert one.armed == {}
    one.told(scanned_at=NOON)
    assert one.armed == {"r": NOON + 6 * HOUR}


def test_the_latest_of_several_news_counts(order):
    """Where more than one kind of event breaks the silence, the latest does."""
    one = order(
        "  - {id: r, about: order, send: {template: note},"
        " trigger: {no_news: {of: [order.paid, order.shipped], for: 6h}}}"
    )
    one.told(paid_at=NOON, shipped_at=NOON + HOUR)
    assert one.armed == {"r": NOON + 7 * HOUR}


def test_business_days_are_those_of_the_calendar_that_is_named(rule):
    """A carrier that works on Saturdays is silent sooner than a shop that does not."""
    friday = {"shipment": {"shipment.scanned_at": NOON}}
    works = {"carrier": WorkingDays(weekend=(6,)), "shop": WorkingDays()}
    news = "{no_news: {of: shipment.scanned, for: 1 business day}%s}"

    def silent(calendar, hours):
        trigger = rule(about="shipment", trigger=news % calendar).trigger
        return stands(trigger, {}, Scene(friday, NOON + hours * HOUR, ZoneInfo("UTC"), works.__getitem__))

    assert (silent(", calendar: carrier", 23), silent(", calendar: carrier", 24)) == (False, True)
    assert (silent("", 71), silent("", 72)) == (False, True)
