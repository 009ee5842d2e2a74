from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.store.dialect import DIALECTS
from notifier.store.tables import Facts, Instant, Packed, Words

_FIRST, _LAST = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001  # their zones are drawn
_ANY = DIALECTS["sqlite"]
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def _there_and_back(type_, value):
    return type_.process_result_value(type_.process_bind_param(value, _ANY), _ANY)


@given(st.datetimes(_FIRST, _LAST, timezones=_offsets))
def test_an_instant_is_kept_to_the_microsecond(moment):
    """Whatever its offset it is the same instant afterwards, in UTC."""
    back = _there_and_back(Instant(), moment)
    assert back == moment
    assert back.utcoffset() == timedelta(0)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2))
def test_instants_keep_their_order(moments):
    """The database sorts numbers as we sort times."""
    kept = [Instant().process_bind_param(moment, _ANY) for moment in moments]
    assert sorted(kept) == [Instant().process_bind_param(moment, _ANY) for moment in sorted(moments)]


def test_a_time_without_a_zone_is_refused():
    """Nothing is guessed: an instant that nobody can place is a mistake of ours."""
    with pytest.raises(TypeError):
        Instant().process_bind_param(_FIRST, _ANY)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Instant(), None),
        (Packed(), b""),
        (Packed(), b"x" * 10_000),
        (Words(), ()),
        (Words(), ("email", "sms")),
        (Facts(), {}),
        (Facts(), {"a": None, "b": [1, "ż"], "c": {"d": True}, "e": date(2026, 3, 13)}),
        (Facts(), {"at": datetime(2026, 3, 13, 12, 0, 0, 1, tzinfo=UTC), "text": "2026-03-13"}),
    ],
)
def test_values_come_back_as_they_were(type_, value):
    """A date that was text stays text, a date stays a date, and nothing stays nothing."""
    back = _there_and_back(type_, value)
    assert back == value
    assert type(back) is type(value)


def test_bodies_are_kept_compressed():
    """What is said in every message takes room once in each, and little of it."""
    assert len(Packed().process_bind_param(b"Dear customer, " * 100, _ANY)) < 100
