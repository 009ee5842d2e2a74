from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.catalogue import standard
from notifier.core.condition import NumberRef
from notifier.core.duration import Duration
from notifier.core.rule import Change
from notifier.core.trigger import changed, due, follow_up_due, stands

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
DAY = date(2026, 3, 13)
HOUR = timedelta(hours=1)
FIELDS = standard().fields
ETA, AVAILABLE, STATUS = FIELDS["order.eta"], FIELDS["stock.available"], FIELDS["order.status"]


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)


# --- moments ---------------------------------------------------------------------------------------------------------

MOMENTS = [
    ("{moment: order.promised_at}", NOON, NOON),
    ("{moment: order.promised_at + 2h}", NOON, NOON + 2 * HOUR),
    ("{moment: order.promised_at - 2h}", NOON, NOON - 2 * HOUR),
    ("{moment: order.promised_at + 1d}", DAY, utc("2026-03-14T23:00:00Z")),
    ("{moment: order.placed_at + 1d}", DAY, utc("2026-03-13T23:00:00Z")),
    ("{moment: order.promised_at + 1d, at: 09:00}", DAY, utc("2026-03-14T08:00:00Z")),
    ("{moment: order.promised_at - 1d, at: 18:00}", DAY, utc("2026-03-12T17:00:00Z")),
    ("{moment: order.promised_at, at: 09:00}", NOON, utc("2026-03-13T08:00:00Z")),
    ("{moment: order.promised_at + 1d, at: 09:00}", utc("2026-03-13T23:30:00Z"), utc("2026-03-15T08:00:00Z")),
    ("{moment: order.promised_at + 1 business day, at: 09:00}", DAY, utc("2026-03-16T08:00:00Z")),
    ("{moment: order.promised_at - 1 business day, at: 09:00}", date(2026, 3, 16), utc("2026-03-13T08:00:00Z")),
    ("{moment: order.promised_at + 1 business day}", DAY, utc("2026-03-16T23:00:00Z")),
    ("{moment: order.promised_at + 1 business day}", date(2026, 3, 12), utc("2026-03-13T23:00:00Z")),
    ("{moment: order.promised_at - 1 business day}", date(2026, 3, 16), utc("2026-03-13T23:00:00Z")),
    ("{moment: order.placed_at + 1 business day}", DAY, utc("2026-03-15T23:00:00Z")),
    ("{moment: order.promised_at + 1w, at: 9:05}", DAY, utc("2026-03-20T08:05:00Z")),
    ("{moment: 2026-12-01, at: 09:00}", None, utc("2026-12-01T08:00:00Z")),
    ("{moment: 2026-12-01 - 1d, at: 09:00}", None, utc("2026-11-30T08:00:00Z")),
    ("{moment: 2026-12-01T10:00:00+01:00}", None, utc("2026-12-01T09:00:00Z")),
    ("{moment: 2026-12-01T10:00:00Z + 90m}", None, utc("2026-12-01T11:30:00Z")),
    ("{moment: order.promised_at + 1d, at: 09:00}", None, None),
    ("{moment: order.promised_at + 1d}", None, None),
]


@pytest.mark.parametrize(("trigger", "value", "moment"), MOMENTS)
def test_moments(rule, see, trigger, value, moment):
    """Before and after a field or a written date, with a time of day or without, dates as promises and as days."""
    facts = {} if value is None else {"order.promised_at": value, "order.placed_at": value}
    assert due(rule(trigger=trigger).trigger, see(facts)) == moment


def test_a_moment_stands_once_it_is_past(rule, see):
    """A message of a moment is still so if the moment, worked out anew, is past; not if it has moved or is unknown."""
    trigger = rule(trigger="{moment: order.promised_at + 2h}").trigger
    assert stands(trigger, {}, see({"order.promised_at": NOON - 2 * HOUR}))
    assert not stands(trigger, {}, see({"order.promised_at": NOON}))
    assert not stands(trigger, {}, see({}))


def test_an_event_has_happened(rule, see):
    """What an event set off stands, whatever is known now."""
    assert stands(rule(trigger="{event: order.shipped}").trigger, {}, see({}))


# --- changes ---------------------------------------------------------------------------------------------------------

CHANGES = [
    ("order.eta", "later_by: 1d", NOON, NOON + 24 * HOUR, True),
    ("order.eta", "later_by: 1d", NOON, NOON + 23 * HOUR, False),
    ("order.eta", "later_by: 1d", NOON, NOON - 24 * HOUR, False),
    ("order.eta", "later_by: 1d", DAY, date(2026, 3, 14), True),
    ("order.eta", "later_by: 2d", DAY, date(2026, 3, 14), False),
    # A date lasts until midnight: an instant on the next day's noon is not a day later, the day after's is.
    ("order.eta", "later_by: 1d", DAY, utc("2026-03-14T12:00:00Z"), False),
    ("order.eta", "later_by: 1d", DAY, utc("2026-03-14T23:00:00Z"), True),
    # A day is a day on the wall clock, 24 hours are not.
    ("order.eta", "later_by: 1d", utc("2026-03-28T12:00:00Z"), utc("2026-03-29T11:00:00Z"), True),
    ("order.eta", "later_by: 24h", utc("2026-03-28T12:00:00Z"), utc("2026-03-29T11:00:00Z"), False),
    ("order.eta", "later_by: 1 business day", DAY, date(2026, 3, 15), False),
    ("order.eta", "later_by: 1 business day", DAY, date(2026, 3, 16), True),
    ("order.eta", "earlier_by: 1d", NOON, NOON - 24 * HOUR, True),
    ("order.eta", "earlier_by: 1d", NOON, NOON - 23 * HOUR, False),
    ("order.eta", "earlier_by: 1d", NOON, NOON + 24 * HOUR, False),
    ("stock.available", "rises_above: 0", 0, 1, True),
    ("stock.available", "rises_above: 0", -2, 5, True),
    ("stock.available", "rises_above: 0", 1, 5, False),
    ("stock.available", "rises_above: 0", -2, 0, False),
    ("stock.available", "rises_above: 0", 5, 0, False),
    ("stock.available", "falls_below: 10", 10, 9, True),
    ("stock.available", "falls_below: 10", 12, 9.5, True),
    ("stock.available", "falls_below: 10", 12, 10, False),
    ("stock.available", "falls_below: 10", 9, 8, False),
    ("stock.available", "falls_below: stock.reorder_point", 5, 4, True),
    ("stock.available", "falls_below: stock.reorder_point + 3", 9, 7, True),
    ("stock.available", "falls_below: stock.reorder_point + 3", 9, 8, False),
    ("stock.available", "rises_above: stock.reorder_point - 1", 4, 5, True),
    ("order.status", "to: delivered", "shipped", "delivered", True),
    ("order.status", "to: [delivered, returned]", "shipped", "returned", True),
    ("order.status", "to: delivered", "placed", "shipped", False),
    ("order.status", "from: placed", "placed", "shipped", True),
    ("order.status", "from: [placed, paid]", "packed", "shipped", False),
    ("order.status", "{from: paid, to: cancelled}", "paid", "cancelled", True),
    ("order.status", "{from: paid, to: cancelled}", "shipped", "cancelled", False),
    ("order.status", "{from: paid, to: cancelled}", "paid", "shipped", False),
    ("order.total", "to: 5", 4, 5, True),
    ("customer.country", "from: pl", "PL", "DE", True),
]  # fmt: skip


@pytest.mark.parametrize(("path", "how", "before", "after", "fires"), CHANGES)
def test_changes(rule, see, path, how, before, after, fires):
    """At least so much later or earlier; across a line, not beside it; to and from the values that are named."""
    about = path.partition(".")[0]
    to = "{template: note, to: team.support}" if about == "stock" else "{template: note}"
    trigger = rule(about=about, trigger=f"{{change: {path}, {how.strip('{}')}}}", send=to).trigger
    scene = see({"stock.reorder_point": 5})
    assert changed(trigger, before, after, scene) is fires
    if fires:
        assert not changed(trigger, None, after, scene)
        assert not changed(trigger, before, None, scene)
        assert not changed(trigger, after, after, scene)


def test_a_line_that_nobody_knows_is_not_crossed(see):
    """Where the reorder point is unknown nothing falls below it."""
    line = NumberRef("stock.reorder_point", FIELDS["stock.reorder_point"])
    assert not changed(Change(AVAILABLE, falls_below=line), 9, 1, see({}))
    assert not changed(Change(AVAILABLE, rises_above=line), 1, 9, see({}))


_etas = (
    st.none()
    | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
    | st.dates(date(2026, 1, 1), date(2026, 12, 1))
)


@given(_etas, _etas, st.sampled_from(["1h", "1d", "2 business days", "1w"]))
def test_later_and_earlier_never_both(see, before, after, by):
    """A change is later, earlier or neither; unknown values never make one; and what is later one way is earlier back,
    unless the days between count differently from the other end."""
    by = Duration.parse(by)
    scene = see({})
    later = changed(Change(ETA, later_by=by), before, after, scene)
    earlier = changed(Change(ETA, earlier_by=by), before, after, scene)
    assert not (later and earlier)
    if before is None or after is None:
        assert not later
        assert not earlier
    if by.elapsed:
        assert changed(Change(ETA, earlier_by=by), after, before, scene) is later


def test_a_change_stands_while_it_is_still_that_far_from_where_it_began(rule, see):
    """A message about a slipped day is dropped once the day has come back near enough, or is not known any more."""
    trigger = rule(trigger="{change: order.eta, later_by: 1d}").trigger
    seen = {"change.field": "order.eta", "change.before": DAY, "change.after": date(2026, 3, 16)}
    assert stands(trigger, seen, see({"order.eta": date(2026, 3, 16)}))
    assert stands(trigger, seen, see({"order.eta": date(2026, 3, 14)}))
    assert not stands(trigger, seen, see({"order.eta": DAY}))
    assert not stands(trigger, seen, see({}))
    stock = rule(
        about="stock", trigger="{change: stock.available, rises_above: 0}", send="{template: note, to: team.support}"
    ).trigger
    sold_out = {"change.field": "stock.available", "change.before": 0}
    assert stands(stock, sold_out, see({"stock.available": 1}))
    assert not stands(stock, sold_out, see({"stock.available": 0}))


def test_a_change_of_another_field_does_not_stand(rule, see):
    """What an edited rule waits for now was not what set the message off, and cannot even be compared with it."""
    trigger = rule(trigger="{change: order.total, rises_above: 100}").trigger
    assert not stands(trigger, {"change.field": "order.eta", "change.before": DAY}, see({"order.total": 150}))


# --- follow-ups ------------------------------------------------------------------------------------------------------


def test_a_follow_up_waits_for_what_it_counts_from(rule, see):
    """From when the message left, or from a field; while that is unknown it is due at no time."""
    after = rule(trigger="{event: order.shipped}", follow_up="{survey: csat, after: 2d}").follow_up
    assert follow_up_due(after, NOON, see({})) == NOON + 48 * HOUR
    counted = rule(
        trigger="{event: order.shipped}", follow_up="{survey: csat, after: 2h, counted_from: order.delivered_at}"
    ).follow_up
    assert follow_up_due(counted, NOON, see({})) is None
    assert follow_up_due(counted, NOON, see({"order.delivered_at": NOON - HOUR})) == NOON + HOUR
    assert follow_up_due(counted, NOON, see({"order.delivered_at": DAY})) == utc("2026-03-13T01:00:00Z")
    promised = rule(
        trigger="{event: order.shipped}", follow_up="{survey: csat, after: 2h, counted_from: order.promised_at}"
    ).follow_up
    assert follow_up_due(promised, NOON, see({"order.promised_at": DAY})) == utc("2026-03-14T01:00:00Z")
