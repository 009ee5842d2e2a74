from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.duration import Duration

HOUR = timedelta(hours=1)

READ = {
    "15m": Duration(elapsed=HOUR / 4),
    "90s": Duration(elapsed=timedelta(seconds=90)),
    "2h": Duration(elapsed=2 * HOUR),
    "2 hours": Duration(elapsed=2 * HOUR),
    "1 hour": Duration(elapsed=HOUR),
    "3d": Duration(days=3),
    "3 days": Duration(days=3),
    "1 DAY": Duration(days=1),
    "2w": Duration(days=14),
    "1w2d": Duration(days=9),
    "1d12h": Duration(days=1, elapsed=12 * HOUR),
    "1 d 12 h": Duration(days=1, elapsed=12 * HOUR),
    " 2 business days ": Duration(business_days=2),
    "1 business day": Duration(business_days=1),
    "1 business day 4h": Duration(business_days=1, elapsed=4 * HOUR),
    "P1D": Duration(days=1),
    "P2W": Duration(days=14),
    "PT12H": Duration(elapsed=12 * HOUR),
    "P1DT1H30M5S": Duration(days=1, elapsed=timedelta(minutes=90, seconds=5)),
    "0m": Duration(),
    "400d": Duration(days=400),
}


@pytest.mark.parametrize(("text", "duration"), READ.items(), ids=READ)
def test_read(text, duration):
    """Lengths of time are read as people and ISO 8601 write them."""
    assert Duration.parse(text) == duration


_HOW = "is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'"
_HOW_ISO = "is not a length of time; write '3d', '2 hours', '2 business days' or 'P1D'"
_FAR = "is longer than 400 days"

REFUSED = {
    "1": "'1' needs a unit, like '1m', '1h' or '1d'",
    "1.5": "'1.5' needs a unit, like '1.5m', '1.5h' or '1.5d'",
    "1 fortnight": f"'1 fortnight' {_HOW}",
    "-5m": "'-5m' is negative; a length of time is not",
    "1h30": f"'1h30' {_HOW}",
    "1.5h": f"'1.5h' {_HOW}",
    "1d2d": f"'1d2d' {_HOW}",
    "2 months": f"'2 months' {_HOW}",
    "d": f"'d' {_HOW}",
    "": f"'' {_HOW}",
    ".inf": f"'.inf' {_HOW}",
    "1e9d": f"'1e9d' {_HOW}",
    "P": f"'P' {_HOW_ISO}",
    "PT": f"'PT' {_HOW_ISO}",
    "P1M": f"'P1M' {_HOW_ISO}",
    "P1.5D": f"'P1.5D' {_HOW_ISO}",
    "401d": f"'401d' {_FAR}",
    "200d 201 business days": f"'200d 201 business days' {_FAR}",
    "9601h": f"'9601h' {_FAR}",
    "999999999w": f"'999999999w' {_FAR}",
    "P999999999W": f"'P999999999W' {_FAR}",
    "999999999 business days 999999999w": f"'999999999 business days 999999999w' {_FAR}",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=REFUSED)
def test_refused(text, message):
    """What is no length of time is refused, with what to write instead; so is what is too long to be meant."""
    with pytest.raises(ValueError) as caught:
        Duration.parse(text)
    assert str(caught.value) == message


@given(st.text(max_size=20))
def test_nothing_else_comes_of_a_text(text):
    """Whatever is typed is a length of time or a fault in words, never a crash."""
    try:
        assert Duration.parse(text).longest <= timedelta(days=400)
    except ValueError as error:
        assert str(error).startswith(f"'{text.strip()}' ")


_durations = st.builds(
    Duration,
    days=st.integers(0, 200),
    business_days=st.integers(0, 100),
    elapsed=st.integers(0, 86_399).map(lambda seconds: timedelta(seconds=seconds)),
)


@given(_durations)
def test_written_and_read_again(duration):
    """A length of time as it is shown can be typed again; a negative one shows its sign."""
    assert Duration.parse(str(duration)) == duration
    assert str(-duration) == (f"-{duration}" if duration else "0m")
    negative = -duration
    assert -negative == duration
    assert bool(duration) is (duration != Duration())


def test_longest_is_for_comparison():
    """Days, business days and hours add up to what it lasts at least."""
    assert Duration(1, 2, HOUR).longest == timedelta(days=3, hours=1)
