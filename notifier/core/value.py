# ruff: noqa: TRY004 - a reader raises ValueError for whatever it cannot take, and nothing else
"""The types that a field can have: what they accept, and what they make of it.

A reader takes a JSON value, never None, and returns the typed value or raises ValueError with a text that reads on from
the field's name: "order.total" + " is a number, got 'lots'".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import list_currencies

__all__ = [
    "TYPES", "YEARS", "Reader", "choice_reader", "country_codes", "currency_codes", "read_id", "reader", "shown", "time_reader",
]  # fmt: skip

Reader = Callable[[Any], Any]

#: Every type that a field may be declared with.
TYPES = (
    "text", "number", "money", "bool", "time", "country", "currency", "locale", "timezone", "choice", "list", "items",
)  # fmt: skip

_LONGEST_TEXT = 10_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_LARGEST = 1 << 53
_LEAP_SECOND = re.compile(r"(?<=:\d\d):60(?:\.0+)?(Z|[+-]\d\d:?\d\d)?$")
#: What lies beyond stands for "none" in somebody's system (0001-01-01, 9999-12-31) and cannot be counted from.
YEARS = range(1900, 3000)


@cache
def country_codes() -> frozenset[str]:
    """ISO 3166-1 alpha-2, as the CLDR lists them."""
    codes = {str(code) for code in Locale("en").territories.keys() - {"ZZ", "EU", "UN"}}
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha())


@cache
def currency_codes() -> frozenset[str]:
    """ISO 4217, past ones included: old orders name them."""
    return frozenset(list_currencies())


def shown(value: Any) -> str:
    """A value as a reason may quote it: short, and with nothing in it that could not be stored or printed."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def read_text(value: Any) -> str:
    if type(value) is str and len(value) <= _LONGEST_TEXT and value.isprintable():
        return value
    if isinstance(value, str):
        text = _CONTROL.sub("", value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is text, got {_kind(value)}")
    else:
        text = str(value)
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"is longer than {_LONGEST_TEXT:,} characters")
    return text


def read_id(value: Any) -> str:
    """An identifier: text or a whole number, 1 to 128 characters once trimmed. `"001"` and `1` are different."""
    if type(value) is str and 0 < len(value) <= 128 and value.isprintable() and " " not in value:
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"is an id (text or a whole number), got {_kind(value)}")
    text = read_text(value).strip()
    if not 1 <= len(text) <= 128:
        raise ValueError(f"is an id of 1 to 128 characters, got {len(text)}")
    return text


def read_number(value: Any) -> int | float:
    """A finite number. A float carries the decimal digits that were sent: `repr` gives them back."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            raise ValueError(f"is a number, got {shown(value)}")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is a number, got {_kind(value)}")
    if not -_LARGEST <= value <= _LARGEST:  # also refuses nan
        raise ValueError(f"is a number between -2^53 and 2^53, got {shown(value)}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, got {shown(value)}")
    return value


def read_country(value: Any) -> str:
    if isinstance(value, str) and value.strip().upper() in country_codes():
        return value.strip().upper()
    raise ValueError(f"is a two-letter country code (ISO 3166), got {shown(value)}")


def read_currency(value: Any) -> str:
    if isinstance(value, str) and value.strip().upper() in currency_codes():
        return value.strip().upper()
    raise ValueError(f"is a three-letter currency code (ISO 4217), got {shown(value)}")


def read_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"is a list, got {_kind(value)}")
    if len(value) > 10_000:
        raise ValueError("has more than 10,000 entries")
    return [read_text(one) if isinstance(one, str) else one for one in value if one is not None]


def choice_reader(choices: tuple[str, ...]) -> Reader:
    known = frozenset(choices)

    def read_choice(value: Any) -> str:
        if isinstance(value, str) and value in known:
            return value
        raise ValueError(f"is one of {', '.join(choices)}, got {shown(value)}")

    return read_choice


def time_reader(zone: ZoneInfo) -> Reader:
    """Read RFC 3339 to an instant in UTC, a plain date to a date. A time without an offset is on the shop's clock."""

    @lru_cache(maxsize=64)  # an event tends to tell one time under several names
    def parsed(value: Any) -> datetime | date:
        if not isinstance(value, str):
            raise ValueError(f"is a time like 2026-03-13T22:00:00Z or a date, got {_kind(value)}")
        try:
            # Whatever is as short as this has no time of day, also `20260313`.
            moment = date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
        except ValueError:
            moment = _odd_time(value)
        if moment.year not in YEARS:
            raise ValueError(f"is a time between the years {YEARS[0]} and {YEARS[-1]}, got {shown(value)}")
        if not isinstance(moment, datetime) or moment.tzinfo is UTC:
            return moment
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)

    def read_time(value: Any) -> datetime | date:
        try:
            return parsed(value)
        except TypeError:  # an object or a list
            raise ValueError(f"is a time like 2026-03-13T22:00:00Z or a date, got {_kind(value)}") from None

    return read_time


def _odd_time(value: str) -> datetime:
    """Midnight written as 24:00 and leap seconds, which ISO 8601 has and `datetime` has not."""
    try:
        if "T24:00" in value:
            morning = datetime.fromisoformat(value.replace("T24:00", "T00:00"))
            return morning + _DAY
        if _LEAP_SECOND.search(value):
            return datetime.fromisoformat(_LEAP_SECOND.sub(r":59\1", value))
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"is a time like 2026-03-13T22:00:00Z or a date, got {shown(value)}")


_DAY = date(2000, 1, 2) - date(2000, 1, 1)

_READERS: dict[str, Reader] = {
    "text": read_text,
    "number": read_number,
    "money": read_number,
    "bool": read_bool,
    "country": read_country,
    "currency": read_currency,
    "locale": read_text,
    "timezone": read_text,
    "list": read_list,
}


def reader(kind: str, choices: tuple[str, ...], zone: ZoneInfo) -> Reader:
    """The reader for a type; `choices` is for `choice`, `zone` (the shop's) for `time`."""
    if kind == "choice":
        return choice_reader(choices)
    if kind == "time":
        return time_reader(zone)
    return _READERS[kind]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return shown(value)
