from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from notifier.core.quiet_hours import OfficeHours, QuietHours

WARSAW = ZoneInfo("Europe/Warsaw")
MINUTE = timedelta(minutes=1)
ZONES = (
    "Europe/Warsaw", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca",
    "Asia/Tehran", "Pacific/Apia", "America/St_Johns", "Pacific/Kiritimati",
)  # fmt: skip


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)


_clocks = st.integers(0, 24 * 60 - 1).map(lambda minutes: time(minutes // 60, minutes % 60))
_windows = st.tuples(_clocks, _clocks).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: QuietHours(*pair))
#: Any minute of three years, and more often than by chance the hours in which clocks are changed.
_moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0)
) | st.builds(
    lambda day, minutes: utc(day) + minutes * MINUTE,
    st.sampled_from(["2026-03-28T21:00Z", "2026-10-24T21:00Z", "2026-04-04T12:00Z", "2026-10-03T12:00Z",
                     "2026-04-23T18:00Z", "2026-10-29T18:00Z", "2026-03-08T03:00Z", "2026-11-01T03:00Z"]),
    st.integers(0, 12 * 60),
)  # fmt: skip


def inside(window, moment, zone):
    wall = moment.astimezone(zone).time()
    if window.start < window.end:
        return window.start <= wall < window.end
    return wall >= window.start or wall < window.end


@example(QuietHours(time(2, 1), time(2, 0)), datetime(2026, 3, 28, 21, tzinfo=UTC), ZoneInfo("Europe/Warsaw"))
@given(_windows, _moments, st.sampled_from(ZONES).map(ZoneInfo))
def test_never_inside_and_never_early(window, moment, zone):
    """Whatever the window, the zone and the clocks: what is held goes out after its time and outside the window."""
    end = window.ends(moment, zone)
    assert (end is not None) is inside(window, moment, zone)
    if end is not None:
        assert end > moment
        assert not inside(window, end, zone)


@given(_windows, _moments, st.sampled_from(ZONES).map(ZoneInfo))
def test_no_later_than_need_be(window, moment, zone):
    """Until the minute at which it goes out, every minute lies in the window.

    But for a wait over the hour that clocks show twice: it may leave out some minutes between the two.
    """
    end = window.ends(moment, zone)
    assume(end is not None)
    assume(moment.astimezone(zone).utcoffset() <= end.astimezone(zone).utcoffset())
    assert end - moment <= timedelta(hours=25)
    step = max((end - moment) // 40 // MINUTE, 1) * MINUTE
    while moment < end:
        assert inside(window, moment, zone)
        moment += step
    assert inside(window, end - MINUTE, zone)


ENDS = [
    ("21:00-08:00", "2026-03-13T19:59:00Z", None),
    ("21:00-08:00", "2026-03-13T20:00:00Z", "2026-03-14T07:00:00Z"),
    ("21:00-08:00", "2026-03-14T06:59:59Z", "2026-03-14T07:00:00Z"),
    ("21:00-08:00", "2026-03-14T07:00:00Z", None),
    ("22:00-08:00", "2026-03-28T22:00:00Z", "2026-03-29T06:00:00Z"),
    ("22:00-08:00", "2026-10-24T22:00:00Z", "2026-10-25T07:00:00Z"),
    ("12:00-13:00", "2026-03-13T11:30:00Z", "2026-03-13T12:00:00Z"),
    ("12:00-13:00", "2026-03-13T12:00:00Z", None),
    # The end was skipped: it is over with the hour that was.
    ("22:00-02:30", "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"),
    # The hour that exists twice: over after its first half, and after its second once more.
    ("22:00-02:30", "2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z"),
    ("22:00-02:30", "2026-10-25T00:40:00Z", None),
    ("22:00-02:30", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"),
]


@pytest.mark.parametrize(("window", "moment", "end"), ENDS)
def test_ends_on_the_wall_clock(window, moment, end):
    """The window ends by the customer's clock, over midnight, in a short night and in a long one."""
    assert QuietHours.parse(window).ends(utc(moment), WARSAW) == (utc(end) if end else None)


def test_half_an_hour_that_exists_twice():
    """On Lord Howe Island clocks go back by half an hour; the second of two ends is the next, and not some time after."""
    window, zone = QuietHours.parse("21:00-01:45"), ZoneInfo("Australia/Lord_Howe")
    assert window.ends(utc("2026-04-04T14:40:00Z"), zone) == utc("2026-04-04T14:45:00Z")
    assert window.ends(utc("2026-04-04T15:05:00Z"), zone) == utc("2026-04-04T15:15:00Z")


_WINDOW = "is not a window of hours; write it like 21:00-08:00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("21:00", f"'21:00' {_WINDOW}"),
        ("21-8", f"'21-8' {_WINDOW}"),
        ("24:00-08:00", f"'24:00-08:00' {_WINDOW}"),
        ("21:60-08:00", f"'21:60-08:00' {_WINDOW}"),
        ("", f"'' {_WINDOW}"),
        ("08:00-08:00", "'08:00-08:00' leaves no hour of the day; start and end must differ"),
        ("8:00-08:00", "'8:00-08:00' leaves no hour of the day; start and end must differ"),
    ],
)
def test_what_is_no_window(text, message):
    """A window that cannot be read, or that leaves nothing of the day, is refused in words."""
    with pytest.raises(ValueError) as caught:
        QuietHours.parse(text)
    assert str(caught.value) == message


def test_windows_are_read_as_people_write_them():
    """One digit for the hour will do, and spaces."""
    assert QuietHours.parse(" 9:00 - 17:30 ") == QuietHours(time(9), time(17, 30))


# --- teams -----------------------------------------------------------------------------------------------------------

OPENS = [
    ("mon-fri 08:00-18:00", "2026-03-13T07:00:00Z", None),
    ("mon-fri 08:00-18:00", "2026-03-13T06:59:00Z", "2026-03-13T07:00:00Z"),
    ("mon-fri 08:00-18:00", "2026-03-13T17:00:00Z", "2026-03-16T07:00:00Z"),
    ("mon-fri 08:00-18:00", "2026-03-28T12:00:00Z", "2026-03-30T06:00:00Z"),
    ("sat 09:00-13:00", "2026-03-14T12:00:00Z", "2026-03-21T08:00:00Z"),
    ("sat-mon 09:00-13:00", "2026-03-15T09:00:00Z", None),
    ("sat-mon 09:00-13:00", "2026-03-17T09:00:00Z", "2026-03-21T08:00:00Z"),
    ("sun 02:30-12:00", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
]


@pytest.mark.parametrize(("hours", "moment", "opens"), OPENS)
def test_a_team_is_written_to_when_it_is_there(hours, moment, opens):
    """What comes in the evening or at the weekend waits for the next morning on which somebody works."""
    assert OfficeHours.parse(hours).opens(utc(moment), WARSAW) == (utc(opens) if opens else None)


@given(
    st.builds(
        lambda first, last, clocks: OfficeHours.parse(
            f"{first}-{last} {min(clocks):%H:%M}-{max(clocks):%H:%M}"
        ),
        *[st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])] * 2,
        st.tuples(_clocks, _clocks).filter(lambda pair: pair[0] != pair[1]),
    ),
    _moments,
    st.sampled_from(ZONES).map(ZoneInfo),
)  # fmt: skip
def test_a_team_is_always_there_within_a_week(hours, moment, zone):
    """Whatever its hours, they begin again within eight days, on one of its days, and not before their start."""
    opens = hours.opens(moment, zone)
    if opens is not None:
        wall = opens.astimezone(zone)
        assert moment < opens <= moment + timedelta(days=8)
        assert wall.weekday() in hours.days
        assert wall.time() >= hours.start


_HOURS = "is not a team's hours; write them like mon-fri 08:00-18:00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("08:00-18:00", f"'08:00-18:00' {_HOURS}"),
        ("mon-fry 08:00-18:00", f"'mon-fry 08:00-18:00' {_HOURS}"),
        ("monday 08:00-18:00", f"'monday 08:00-18:00' {_HOURS}"),
        ("mon-fri 18:00-08:00", "'mon-fri 18:00-08:00' must start before it ends"),
        ("mon 08:00-08:00", "'mon 08:00-08:00' must start before it ends"),
    ],
)
def test_what_is_no_teams_hours(text, message):
    """Hours that cannot be read, or that end before they start, are refused in words."""
    with pytest.raises(ValueError) as caught:
        OfficeHours.parse(text)
    assert str(caught.value) == message
