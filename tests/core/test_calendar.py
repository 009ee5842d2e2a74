from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.calendar import EVERY, Calendar, cron
from notifier.core.local_time import WorkingDays, instant

#: Zones whose clocks change by an hour, by half an hour, at midnight, over the date line, and never.
ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Pacific/Apia",
        "Asia/Kolkata", "UTC",
    )
]  # fmt: skip
WARSAW = ZONES[0]
SHOP = WorkingDays({date(2026, 11, 11), date(2027, 1, 1)})

zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(2011, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis wants it
clocks = st.builds(time, st.integers(0, 23), st.integers(0, 59))
crons = st.builds(
    " ".join,
    st.tuples(
        st.sampled_from(["0", "*/15", "7,37", "59"]),
        st.sampled_from(["*", "2", "*/3", "0,23", "1-3"]),
        st.sampled_from(["*", "1", "10-20", "*/2"]),
        st.sampled_from(["*", "3,4", "oct-nov"]),
        st.sampled_from(["*", "mon-fri", "0", "7", "sat,sun"]),
    ),
)
calendars = crons.map(lambda text: cron(text, None, skip_holidays=False)) | st.builds(
    lambda every, at, skips: Calendar.of(every, at, None, skip_holidays=skips),
    st.sampled_from(EVERY),
    clocks,
    st.booleans(),
)


def every(word: str, at: time = time(8), *, skips: bool = False) -> Calendar:
    return Calendar.of(word, at, None, skip_holidays=skips)


def coming(calendar: Calendar, start: datetime, zone: ZoneInfo = WARSAW, count: int = 4) -> list[str]:
    """What comes after `start`, on the wall."""
    found = []
    for _ in range(count):
        one = calendar.after(start, zone, SHOP)
        assert one is not None
        found.append(f"{one.at.astimezone(zone):%a %Y-%m-%d %H:%M}")
        start = one.at
    return found


NOVEMBER = datetime(2026, 11, 9, 12, tzinfo=UTC)  # a Monday; Wednesday is a holiday


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        (every("day"), ["Tue 2026-11-10 08:00", "Wed 2026-11-11 08:00", "Thu 2026-11-12 08:00", "Fri 2026-11-13 08:00"]),
        (every("day", skips=True), ["Tue 2026-11-10 08:00", "Thu 2026-11-12 08:00", "Fri 2026-11-13 08:00", "Sat 2026-11-14 08:00"]),
        (every("weekday"), ["Tue 2026-11-10 08:00", "Wed 2026-11-11 08:00", "Thu 2026-11-12 08:00", "Fri 2026-11-13 08:00"]),
        (every("weekday", skips=True), ["Tue 2026-11-10 08:00", "Thu 2026-11-12 08:00", "Fri 2026-11-13 08:00", "Mon 2026-11-16 08:00"]),
        (every("wednesday", skips=True), ["Wed 2026-11-18 08:00", "Wed 2026-11-25 08:00", "Wed 2026-12-02 08:00", "Wed 2026-12-09 08:00"]),
        (every("month"), ["Tue 2026-12-01 08:00", "Fri 2027-01-01 08:00", "Mon 2027-02-01 08:00", "Mon 2027-03-01 08:00"]),
        (every("month", skips=True), ["Tue 2026-12-01 08:00", "Mon 2027-01-04 08:00", "Mon 2027-02-01 08:00", "Mon 2027-03-01 08:00"]),
        (cron("30 7 * * 1-5", None, skip_holidays=True), ["Tue 2026-11-10 07:30", "Thu 2026-11-12 07:30", "Fri 2026-11-13 07:30", "Mon 2026-11-16 07:30"]),
        (cron("0 9,17 1 * mon", None, skip_holidays=False), ["Mon 2026-11-09 17:00", "Mon 2026-11-16 09:00", "Mon 2026-11-16 17:00", "Mon 2026-11-23 09:00"]),
        (cron("0 0 29 2 *", None, skip_holidays=False), ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00", "Fri 2036-02-29 00:00", "Wed 2040-02-29 00:00"]),
    ],
)  # fmt: skip
def test_what_comes(calendar: Calendar, expected: list[str]) -> None:
    """Each word and each part of cron means the days that people take it to mean."""
    assert coming(calendar, NOVEMBER) == expected


def test_a_weekday_is_one_of_the_shop_s_week() -> None:
    """Where Friday and Saturday are free, Sunday is a weekday."""
    shop = WorkingDays(weekend=(4, 5))
    days = [day for day in range(9, 16) if every("weekday").includes(date(2026, 11, day), shop)]
    assert [date(2026, 11, day).weekday() for day in days] == [0, 1, 2, 3, 6]


def test_the_clock_of_another_zone() -> None:
    """Eight in the morning is that of the zone that the rule names."""
    tehran = Calendar.of("day", time(8), ZoneInfo("Asia/Tehran"), skip_holidays=False)
    one = tehran.after(NOVEMBER, WARSAW, SHOP)
    assert one is not None
    assert one.at == datetime(2026, 11, 10, 4, 30, tzinfo=UTC)


def test_a_time_that_is_skipped_comes_when_the_clocks_have_been_put_on() -> None:
    """On the last Sunday of March there is no 02:30 in Warsaw: it comes at 03:00, and the next day at 02:30 again."""
    calendar = every("day", time(2, 30))
    first = calendar.after(datetime(2026, 3, 28, 12, tzinfo=UTC), WARSAW, SHOP)
    assert first is not None
    assert (first.at, first.wall) == (datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29T02:30")
    second = calendar.after(first.at, WARSAW, SHOP)
    assert second is not None
    assert second.at == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_a_time_that_is_there_twice_comes_once() -> None:
    """On the last Sunday of October 02:30 is there twice: it comes the first time, also for one who looks in between."""
    calendar, first = every("day", time(2, 30)), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    before = calendar.after(first - timedelta(hours=1), WARSAW, SHOP)
    between = calendar.after(first + timedelta(minutes=30), WARSAW, SHOP)
    assert before is not None
    assert between is not None
    assert before.at == first
    assert between.wall == "2026-10-26T02:30"


@given(calendars, zones, moments)
def test_neither_twice_nor_never(calendar: Calendar, zone: ZoneInfo, start: datetime) -> None:
    """From one to the next none is left out: between the two there is no local time of the calendar that has not come."""
    first = calendar.after(start, zone, SHOP)
    assert first is not None
    second = calendar.after(first.at, zone, SHOP)
    assert second is not None
    assert start < first.at < second.at
    assert first.wall < second.wall
    day = (first.at.astimezone(zone) - timedelta(days=1)).date()
    while day <= date.fromisoformat(first.wall[:10]) + timedelta(days=3):
        for at in calendar.times if calendar.includes(day, SHOP) else ():
            here = instant(day, at, zone)
            assert not start < here < first.at
            assert not first.at < here < second.at
        day += timedelta(days=1)


@given(calendars, zones, moments, st.timedeltas(timedelta(), timedelta(days=40)))
def test_the_latest_is_the_last_of_those_that_came(
    calendar: Calendar, zone: ZoneInfo, start: datetime, length: timedelta
) -> None:
    """What is caught up with is the last that came up to now, and nothing where none came since it was armed."""
    now = start + length
    latest = calendar.latest(now, start, zone, SHOP)
    after = calendar.after(latest.at if latest else start, zone, SHOP)
    assert latest is None or start <= latest.at <= now
    assert after is None or after.at > now


@given(crons, zones, moments)
def test_cron_is_read_once(text: str, zone: ZoneInfo, start: datetime) -> None:
    """What cron names in words and in numbers is the same: Sunday is 0, 7 and sun."""
    words = text.replace("oct-nov", "10-11").replace("mon-fri", "1-5").replace("sat,sun", "6,0")
    ours, theirs = (cron(one, None, skip_holidays=False).after(start, zone, SHOP) for one in (text, words))
    assert ours == theirs


def test_sunday_has_three_names() -> None:
    """0, 7 and sun, and the end of a week that begins on Monday."""
    sundays = [cron(f"0 8 * * {name}", None, skip_holidays=False).weekdays for name in ("0", "7", "sun", "SUN")]
    assert sundays == [frozenset({6})] * 4
    assert cron("0 8 * * sat-sun", None, skip_holidays=False).weekdays == {5, 6}
    assert cron("0 8 * * 5-7", None, skip_holidays=False).weekdays == {4, 5, 6}
