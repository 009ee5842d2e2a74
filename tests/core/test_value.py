from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.value import TYPES, read_id, reader, shown

WARSAW = ZoneInfo("Europe/Warsaw")
CHOICES = ("web", "phone")


def read(kind, value):
    return reader(kind, CHOICES, WARSAW)(value)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


READ = [
    ("text", "Dana", "Dana"),
    ("text", "", ""),
    ("text", 5, "5"),
    ("text", 1.5, "1.5"),
    ("text", "a\0b\x1b[31m", "ab[31m"),
    ("text", "zażółć 😀\u200d\u202e\n", "zażółć 😀\u200d\u202e\n"),
    ("text", "\ud800x", "x"),
    ("number", 0, 0),
    ("number", -3, -3),
    ("number", "13.0", 13),
    ("number", " 7.25 ", 7.25),
    ("number", "+.5", 0.5),
    ("number", "۵", 5),
    ("number", 12.0, 12),
    ("number", 0.1, 0.1),
    ("number", 2**53, 2**53),
    ("money", "9.95", 9.95),
    ("bool", True, True),
    ("bool", False, False),
    ("country", " pl ", "PL"),
    ("country", "NO", "NO"),
    ("currency", "huf", "HUF"),
    ("currency", "XXX", "XXX"),
    ("currency", "DEM", "DEM"),
    ("locale", "hu_HU", "hu_HU"),
    ("timezone", "Nowhere/Else", "Nowhere/Else"),
    ("choice", "web", "web"),
    ("list", ["a", None, 5, "b\0"], ["a", 5, "b"]),
    ("list", [], []),
    ("time", "2026-03-13", date(2026, 3, 13)),
    ("time", "20260313", date(2026, 3, 13)),
    ("time", "2026-W11", date(2026, 3, 9)),
    ("time", "2026-03-13T22:00:00Z", utc(2026, 3, 13, 22)),
    ("time", "2026-03-13T22:00:00.5+01:00", datetime(2026, 3, 13, 21, 0, 0, 500_000, UTC)),
    ("time", "2026-03-13 22:00", utc(2026, 3, 13, 21)),
    ("time", "20260313T220000Z", utc(2026, 3, 13, 22)),
    # Without an offset it is on the shop's clock: before a gap, in a fold the first of two.
    ("time", "2026-03-29T02:30:00", utc(2026, 3, 29, 1, 30)),
    ("time", "2026-10-25T02:30:00", utc(2026, 10, 25, 0, 30)),
    ("time", "2026-03-13T24:00:00+01:00", utc(2026, 3, 13, 23)),
    ("time", "2026-12-31T24:00Z", utc(2027, 1, 1)),
    ("time", "2016-12-31T23:59:60Z", utc(2016, 12, 31, 23, 59, 59)),
    ("time", "2016-12-31T23:59:60.000+00:00", utc(2016, 12, 31, 23, 59, 59)),
    ("time", "1900-01-01", date(1900, 1, 1)),
    ("time", "2999-12-31T23:59:59-12:00", utc(3000, 1, 1, 11, 59, 59)),
]


@pytest.mark.parametrize(("kind", "value", "expected"), READ)
def test_read(kind, value, expected):
    """Each type makes of what senders write what the rest of the engine works with."""
    found = read(kind, value)
    assert found == expected
    assert type(found) is type(expected)


_TIME = "is a time like 2026-03-13T22:00:00Z or a date, got"
_COUNTRY = "is a two-letter country code (ISO 3166), got"
_CURRENCY = "is a three-letter currency code (ISO 4217), got"
REFUSED = [
    ("text", True, "is text, got true"),
    ("text", ["a"], "is text, got a list"),
    ("text", {}, "is text, got an object"),
    ("text", "x" * 10_001, "is longer than 10,000 characters"),
    ("number", "lots", "is a number, got 'lots'"),
    ("number", "", "is a number, got ''"),
    ("number", "1.234,56", "is a number, got '1.234,56'"),
    ("number", "1_0", "is a number, got '1_0'"),
    ("number", "²", "is a number, got '²'"),
    ("number", "1e3", "is a number, got '1e3'"),
    ("number", "nan", "is a number, got 'nan'"),
    ("number", "Infinity", "is a number, got 'Infinity'"),
    ("number", "5 EUR", "is a number, got '5 EUR'"),
    ("number", True, "is a number, got true"),
    ("number", [], "is a number, got a list"),
    ("number", float("nan"), "is a number between -2^53 and 2^53, got nan"),
    ("number", float("inf"), "is a number between -2^53 and 2^53, got inf"),
    ("number", 2**53 + 1, "is a number between -2^53 and 2^53, got 9007199254740993"),
    ("number", "9" * 400, "is a number between -2^53 and 2^53, got inf"),
    ("money", "9,95", "is a number, got '9,95'"),
    ("bool", "yes", "is true or false, got 'yes'"),
    ("bool", 1, "is true or false, got 1"),
    ("country", "Poland", f"{_COUNTRY} 'Poland'"),
    ("country", "POL", f"{_COUNTRY} 'POL'"),
    ("country", "EU", f"{_COUNTRY} 'EU'"),
    ("country", "ZZ", f"{_COUNTRY} 'ZZ'"),
    ("country", 48, f"{_COUNTRY} 48"),
    ("currency", "€", f"{_CURRENCY} '€'"),
    ("currency", "EURO", f"{_CURRENCY} 'EURO'"),
    ("choice", "fax", "is one of web, phone, got 'fax'"),
    ("choice", "Web", "is one of web, phone, got 'Web'"),
    ("choice", ["web"], "is one of web, phone, got ['web']"),
    ("list", "vip", "is a list, got 'vip'"),
    ("list", {"a": 1}, "is a list, got an object"),
    ("list", ["a"] * 10_001, "has more than 10,000 entries"),
    ("time", 1741600000, f"{_TIME} 1741600000"),
    ("time", 1741600000000, f"{_TIME} 1741600000000"),
    ("time", True, f"{_TIME} true"),
    ("time", "", f"{_TIME} ''"),
    ("time", "soon", f"{_TIME} 'soon'"),
    ("time", "13.03.2026", f"{_TIME} '13.03.2026'"),
    ("time", "2026-02-30", f"{_TIME} '2026-02-30'"),
    ("time", "2026-02-30T10:00:00Z", f"{_TIME} '2026-02-30T10:00:00Z'"),
    ("time", "2026-03-13T25:00:00Z", f"{_TIME} '2026-03-13T25:00:00Z'"),
    ("time", "2026-03-13T24:30:00Z", f"{_TIME} '2026-03-13T24:30:00Z'"),
    ("time", "2026-03-13T10:60", f"{_TIME} '2026-03-13T10:60'"),
    ("time", "2026-03-13T10:00:61Z", f"{_TIME} '2026-03-13T10:00:61Z'"),
    ("time", "33658-03-13T10:00:00Z", f"{_TIME} '33658-03-13T10:00:00Z'"),
    ("time", "0001-01-01T00:00:00Z", "is a time between the years 1900 and 2999, got '0001-01-01T00:00:00Z'"),
    ("time", "9999-12-31", "is a time between the years 1900 and 2999, got '9999-12-31'"),
    ("time", "9999-12-31T24:00:00Z", f"{_TIME} '9999-12-31T24:00:00Z'"),
]


@pytest.mark.parametrize(("kind", "value", "reason"), REFUSED)
def test_refused(kind, value, reason):
    """What a type does not take it refuses with a text that reads on from the field's name."""
    with pytest.raises(ValueError) as caught:
        read(kind, value)
    assert str(caught.value) == reason


IDS = [
    ("1043", "1043"),
    (1043, "1043"),
    ("001", "001"),
    (" a b ", "a b"),
    ("a\0b", "ab"),
    ("x" * 128, "x" * 128),
    ("é" * 128, "é" * 128),
    ("", "is an id of 1 to 128 characters, got 0"),
    (" \0 ", "is an id of 1 to 128 characters, got 0"),
    ("x" * 129, "is an id of 1 to 128 characters, got 129"),
    (1.0, "is an id (text or a whole number), got 1.0"),
    (True, "is an id (text or a whole number), got true"),
    (None, "is an id (text or a whole number), got None"),
    ({"id": 1}, "is an id (text or a whole number), got an object"),
]


@pytest.mark.parametrize(("value", "found"), IDS, ids=range(len(IDS)))
def test_ids(value, found):
    """An id is text of 1 to 128 characters, trimmed; numbers become text, zeros stay."""
    try:
        assert read_id(value) == found
    except ValueError as error:
        assert str(error) == found


def test_every_type_is_tried():
    """No type is left out of the tables, but `items`, which the reader of events knows."""
    assert {kind for kind, *_ in READ} == {kind for kind, *_ in REFUSED} | {"locale", "timezone"}
    assert {kind for kind, *_ in READ} | {"items"} == set(TYPES)


_anything = st.recursive(
    st.none().map(lambda _: "") | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.from_regex(r"[0-9]{4}-?[01][0-9]-?[0-3][0-9]([T ][0-2][0-9]:?[0-6][0-9](:[0-6][0-9])?(Z|[+-][0-2][0-9]:00)?)?",
                    fullmatch=True),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.sampled_from([kind for kind in TYPES if kind != "items"]), _anything)
def test_a_reader_takes_or_refuses(kind, value):
    """Whatever it is given, a reader gives a value that can be stored, or raises ValueError with one line; nothing else."""
    try:
        found = read(kind, value)
    except ValueError as error:
        assert str(error)
        assert "\n" not in str(error)
        str(error).encode()
    else:
        if isinstance(found, str):
            assert "\0" not in found
            found.encode()
        if kind == "time" and isinstance(found, datetime):
            assert found.tzinfo is UTC


@given(st.decimals(-(10**9), 10**9, places=2))
def test_amounts_keep_their_digits(amount):
    """Cents are not lost, neither as a number nor in a text."""
    for told in (float(amount), str(amount)):
        assert Decimal(repr(read("money", told))) == amount


def test_values_in_a_reason_are_short_and_clean():
    """A value is quoted by its first characters, with nothing in it that could not be printed or stored."""
    assert shown("x" * 99) == f"'{'x' * 36}…"
    assert shown("\ud800\n") == r"'\ud800\n'"
