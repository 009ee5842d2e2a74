from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.catalogue import standard
from notifier.core.condition import TimeRef
from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays, end_of_day, instant, rfc3339, shift, start_of_day
from notifier.core.rule import Moment
from notifier.core.trigger import due

ZONES = (
    "Europe/Warsaw", "Europe/Budapest", "America/New_York", "Asia/Kuala_Lumpur", "Europe/Moscow", "Asia/Tehran",
    "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca",
)  # fmt: skip
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
WEEKDAYS = WorkingDays()
PROMISE = standard().fields["order.promised_at"]


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)


@cache
def changes(name):
    """Each change of clocks from 2025 to 2028: the first instant of the new time."""
    zone, found = ZoneInfo(name), []
    days = [datetime(2025, 1, 1, tzinfo=UTC) + step * DAY for step in range(365 * 4 + 2)]
    for day, following in pairwise(days):
        old = day.astimezone(zone).utcoffset()
        if following.astimezone(zone).utcoffset() != old:
            halves = (day + step * 30 * MINUTE for step in range(1, 49))
            found.append(next(one for one in halves if one.astimezone(zone).utcoffset() != old))
    return found


def test_the_zones_change_as_the_table_needs():
    """Two changes a year where clocks are changed, for summer or for Ramadan; none elsewhere."""
    counts = {name: len(changes(name)) for name in ZONES}
    assert counts == {
        "Europe/Warsaw": 8, "Europe/Budapest": 8, "America/New_York": 8, "Asia/Kuala_Lumpur": 0, "Europe/Moscow": 0,
        "Asia/Tehran": 0, "Asia/Kathmandu": 0, "Australia/Lord_Howe": 8, "Africa/Cairo": 8, "Africa/Casablanca": 8,
    }  # fmt: skip


def shown(zone, day):
    """Each fifth minute that a clock shows on a day: wall time -> the instants at which it does, in order."""
    walls: dict[time, list[datetime]] = {}
    moment = datetime.combine(day, time(), UTC) - DAY
    for _ in range(3 * 24 * 12):
        wall = moment.astimezone(zone)
        if wall.date() == day:
            walls.setdefault(wall.time(), []).append(moment)
        moment += 5 * MINUTE
    return walls


@pytest.mark.parametrize("name", ZONES)
def test_each_time_of_day_exists_once_a_day(name):
    """Around every change of clocks: a time that exists is its first instant, one that was skipped is the first after."""
    zone = ZoneInfo(name)
    for change in changes(name) or [utc("2026-03-29T12:00:00Z")]:
        for day in (change.astimezone(zone).date(), (change - MINUTE).astimezone(zone).date()):
            walls = shown(zone, day)
            for minute in range(0, 24 * 60, 5):
                at = time(minute // 60, minute % 60)
                found = instant(day, at, zone)
                if at in walls:
                    assert found == walls[at][0], (day, at)
                else:
                    assert found == change, (day, at)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize(
    "at", [time(0), time(0, 30), time(1, 45), time(2), time(2, 30), time(3), time(9), time(23, 59)]
)
def test_once_a_day_whatever_the_clocks_do(name, at):
    """A daily time gives one instant for each day of four years, each later than the last, a day or so apart."""
    zone = ZoneInfo(name)
    days = [date(2025, 1, 1) + step * DAY for step in range(365 * 4 + 1)]
    instants = [instant(day, at, zone) for day in days]
    steps = [later - earlier for earlier, later in pairwise(instants)]
    assert min(steps) >= timedelta(hours=23)
    assert max(steps) <= timedelta(hours=25)
    # A time that is swallowed at midnight is shown on the same day, since the day itself began then.
    assert [one.astimezone(zone).date() for one in instants] == days


KNOWN = [
    ("Europe/Warsaw", "2026-03-29", "02:30", "2026-03-29T01:00:00Z"),
    ("Europe/Warsaw", "2026-03-29", "02:00", "2026-03-29T01:00:00Z"),
    ("Europe/Warsaw", "2026-03-29", "03:00", "2026-03-29T01:00:00Z"),
    ("Europe/Warsaw", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"),
    ("Europe/Warsaw", "2026-10-25", "03:00", "2026-10-25T02:00:00Z"),
    ("Europe/Budapest", "2027-10-31", "02:00", "2027-10-31T00:00:00Z"),
    ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z"),
    ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z"),
    ("Africa/Cairo", "2026-04-24", "00:30", "2026-04-23T22:00:00Z"),
    ("Africa/Cairo", "2026-10-29", "23:30", "2026-10-29T20:30:00Z"),
    ("Asia/Tehran", "2026-03-22", "00:30", "2026-03-21T21:00:00Z"),
    ("Asia/Kathmandu", "2026-03-29", "02:30", "2026-03-28T20:45:00Z"),
    ("Europe/Moscow", "2026-03-29", "02:30", "2026-03-28T23:30:00Z"),
    ("Asia/Kuala_Lumpur", "2026-03-29", "02:30", "2026-03-28T18:30:00Z"),
]


@pytest.mark.parametrize(("zone", "day", "at", "moment"), KNOWN)
def test_known_times(zone, day, at, moment):
    """What a person would work out by hand for a gap and a fold, here and where nobody changes clocks."""
    assert instant(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone)) == utc(moment)


def test_days_have_a_beginning_and_an_end():
    """A day ends where the next begins, also a day of 23 or 25 hours, and one that begins at one o'clock."""
    warsaw, cairo = ZoneInfo("Europe/Warsaw"), ZoneInfo("Africa/Cairo")
    assert start_of_day(date(2026, 3, 29), warsaw) == utc("2026-03-28T23:00:00Z")
    assert end_of_day(date(2026, 3, 29), warsaw) == utc("2026-03-29T22:00:00Z")
    assert end_of_day(date(2026, 10, 25), warsaw) - start_of_day(date(2026, 10, 25), warsaw) == timedelta(hours=25)
    assert start_of_day(date(2026, 4, 24), cairo) == end_of_day(date(2026, 4, 23), cairo) == utc("2026-04-23T22:00Z")


SHIFTED = [
    # A day keeps the time of day; 24 hours do not.
    ("2026-03-28T12:00:00Z", "1d", "2026-03-29T11:00:00Z"),
    ("2026-03-28T12:00:00Z", "24h", "2026-03-29T12:00:00Z"),
    ("2026-10-24T12:00:00Z", "1d", "2026-10-25T13:00:00Z"),
    ("2026-10-24T12:00:00Z", "24h", "2026-10-25T12:00:00Z"),
    ("2026-03-28T01:30:00Z", "1d", "2026-03-29T01:00:00Z"),
    ("2026-10-24T00:30:00Z", "1d", "2026-10-25T00:30:00Z"),
    ("2026-03-28T12:00:00Z", "1d12h", "2026-03-29T23:00:00Z"),
    ("2026-03-22T12:00:00Z", "1w", "2026-03-29T11:00:00Z"),
    # The second of two times is a day's shift away from the one time of the day after.
    ("2026-10-25T01:30:00Z", "1d", "2026-10-26T01:30:00Z"),
    ("2026-10-25T01:30:00Z", "0m", "2026-10-25T01:30:00Z"),
    ("2026-03-30T10:00:00Z", "-1d", "2026-03-29T10:00:00Z"),
    ("2026-03-29T10:00:00Z", "-1d", "2026-03-28T11:00:00Z"),
    ("2026-03-29T10:00:00Z", "-24h", "2026-03-28T10:00:00Z"),
    # Business days skip weekends, from a Friday, a Saturday and backwards.
    ("2026-03-13T12:00:00Z", "1 business day", "2026-03-16T12:00:00Z"),
    ("2026-03-14T12:00:00Z", "1 business day", "2026-03-16T12:00:00Z"),
    ("2026-03-13T12:00:00Z", "5 business days", "2026-03-20T12:00:00Z"),
    ("2026-03-16T12:00:00Z", "-1 business day", "2026-03-13T12:00:00Z"),
    ("2026-03-27T12:00:00Z", "1 business day", "2026-03-30T11:00:00Z"),
]


@pytest.mark.parametrize(("start", "by", "end"), SHIFTED)
def test_shifted(start, by, end):
    """Days keep the time on the wall in Warsaw, hours are time that passes, business days leave out weekends."""
    duration = -Duration.parse(by[1:]) if by.startswith("-") else Duration.parse(by)
    assert shift(utc(start), duration, ZoneInfo("Europe/Warsaw"), WEEKDAYS) == utc(end)


def test_business_days_leave_out_holidays_and_the_weekend_that_counts():
    """Easter Monday is no business day in Poland; in Cairo it is Friday and Saturday that are not."""
    easter = WorkingDays(frozenset({date(2026, 4, 6)}))
    assert easter.shift(date(2026, 4, 3), 1) == date(2026, 4, 7)
    assert easter.shift(date(2026, 4, 7), -1) == date(2026, 4, 3)
    assert easter.shift(date(2026, 4, 5), 0) == date(2026, 4, 5)
    egypt = WorkingDays(weekend=(4, 5))
    assert egypt.shift(date(2026, 4, 2), 1) == date(2026, 4, 5)
    assert date(2026, 4, 5) in egypt
    assert date(2026, 4, 3) not in egypt
    assert date(2026, 4, 6) not in easter


@given(
    st.dates(date(2025, 1, 1), date(2028, 1, 1)), st.integers(1, 30),
    st.frozensets(st.dates(date(2025, 1, 1), date(2028, 6, 1)), max_size=20),
)  # fmt: skip
def test_working_days_are_counted_both_ways(day, count, holidays):
    """So many working days on, there is a working day, with one less between it and the start; and as many lead back."""
    working = WorkingDays(holidays)
    end = working.shift(day, count)
    between = [one for one in (day + step * DAY for step in range(1, (end - day).days)) if one in working]
    assert end in working
    assert len(between) == count - 1
    if day in working:
        assert working.shift(end, -count) == day


@given(st.sampled_from(ZONES), st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_hours_pass_alike_everywhere(name, moment):
    """24 hours are 24 hours in every zone; a day comes within an hour of that and shows the same time where it exists."""
    zone = ZoneInfo(name)
    assert shift(moment, Duration.parse("24h"), zone, WEEKDAYS) == moment + DAY
    later = shift(moment, Duration(days=1), zone, WEEKDAYS)
    assert abs(later - moment - DAY) <= timedelta(hours=1)
    assert later.astimezone(zone).date() == moment.astimezone(zone).date() + DAY


AT = [
    # zone, field, trigger, at, instant. A plain date, or an instant that is on another day where the customer is.
    ("Europe/Warsaw", date(2026, 3, 13), "1d", "09:00", "2026-03-14T08:00:00Z"),
    ("Europe/Warsaw", date(2026, 3, 28), "1d", "02:30", "2026-03-29T01:00:00Z"),
    ("Europe/Warsaw", date(2026, 3, 29), "-1d", "18:00", "2026-03-28T17:00:00Z"),
    ("Europe/Warsaw", date(2026, 10, 25), "0m", "02:30", "2026-10-25T00:30:00Z"),
    ("Europe/Warsaw", utc("2026-03-13T23:30:00Z"), "1d", "09:00", "2026-03-15T08:00:00Z"),
    ("America/New_York", utc("2026-03-14T02:00:00Z"), "1d", "09:00", "2026-03-14T13:00:00Z"),
    ("Africa/Cairo", date(2026, 4, 23), "1d", "00:15", "2026-04-23T22:00:00Z"),
    ("Australia/Lord_Howe", date(2026, 10, 3), "1d", "02:10", "2026-10-03T15:30:00Z"),
    ("Asia/Tehran", date(2026, 3, 20), "2 business days", "09:00", "2026-03-24T05:30:00Z"),
    # Without `at` it is the exact instant; a promised date lasts until the next local midnight.
    ("Europe/Warsaw", date(2026, 3, 13), "0m", None, "2026-03-13T23:00:00Z"),
    ("Europe/Warsaw", date(2026, 3, 28), "1d", None, "2026-03-29T22:00:00Z"),
    ("Europe/Warsaw", date(2026, 3, 28), "24h", None, "2026-03-29T23:00:00Z"),
    ("America/New_York", date(2026, 3, 7), "0m", None, "2026-03-08T05:00:00Z"),
    ("Africa/Cairo", date(2026, 4, 23), "0m", None, "2026-04-23T22:00:00Z"),
    ("Europe/Warsaw", utc("2026-03-13T16:00:00Z"), "2h", None, "2026-03-13T18:00:00Z"),
]


@pytest.mark.parametrize(("zone", "value", "by", "at", "moment"), AT)
def test_at_is_counted_from_the_local_date(see, zone, value, by, at, moment):
    """With `at`, days are counted from the date on the customer's clock and then that time is taken, nothing else moved."""
    shifted = -Duration.parse(by[1:]) if by.startswith("-") else Duration.parse(by)
    trigger = Moment(TimeRef("order.promised_at", PROMISE, shifted), time.fromisoformat(at) if at else None)
    assert due(trigger, see({"order.promised_at": value}, zone=zone)) == utc(moment)


@pytest.mark.parametrize("name", ZONES)
def test_with_and_without_at_differ_across_every_change(see, name):
    """Around each change of clocks `+ 1d` alone keeps the wall clock, `+ 24h` does not, and `at` shows its own time."""
    zone = ZoneInfo(name)
    for change in changes(name):
        # An instant some hours before the change, whose time of day exists on the day after as well.
        moment = change - timedelta(hours=6)
        scene = see({"order.promised_at": moment}, zone=name)
        by_day, by_hours, morning = (
            due(Moment(TimeRef("", PROMISE, Duration.parse(by)), at), scene)
            for by, at in (("1d", None), ("24h", None), ("1d", time(9)))
        )
        assert by_hours - moment == DAY
        assert by_day - by_hours == moment.astimezone(zone).utcoffset() - change.astimezone(zone).utcoffset()
        assert by_day.astimezone(zone).time() == moment.astimezone(zone).time()
        assert morning.astimezone(zone).time() == time(9)
        assert morning.astimezone(zone).date() == moment.astimezone(zone).date() + DAY


def test_as_it_is_written():
    """Instants are shown in UTC, with a fraction only where there is one."""
    assert rfc3339(utc("2026-03-13T23:00:00+01:00")) == "2026-03-13T22:00:00Z"
    assert rfc3339(utc("2026-03-13T22:00:00.5Z")) == "2026-03-13T22:00:00.500000Z"
