"""How a language says dates, times, amounts and numbers: the filters of the texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal
from persiantools.jdatetime import MONTH_NAMES_FA, WEEKDAY_NAMES_FA, JalaliDate

from notifier.render.language import Language

__all__ = ["DATE_FORMS", "Hole", "Speech", "Unfit"]

DATE_FORMS = ("long", "full", "medium", "short", "day", "weekday")

_MARKS = str.maketrans("", "", "\u200e\u200f\u061c")


class Hole(Exception):
    """A value that is needed is not known."""


class Unfit(Exception):
    """A value of the wrong kind; says what is wrong with it, to follow the words of the text."""


class Speech:
    """One language's way of saying things. Every method raises Hole for None, and Unfit for what it cannot say."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.locale = language.locale

    def date(self, value: Any, form: str, zone: ZoneInfo) -> str:
        """`long` March 12, 2026; `day` March 12; `weekday` Thursday, March 12; also `full`, `medium`, `short`.

        An instant is said as the day that it is in the zone; a plain date is that day everywhere.
        """
        day = _day(value, zone)
        if form not in DATE_FORMS:
            raise Unfit(f"has no form '{form}' of a date; there are {', '.join(DATE_FORMS)}")
        if self.language.persian_calendar:
            return self._native(_persian(day, form))
        if form == "day":
            return self._native(format_skeleton("MMMMd", day, locale=self.locale))
        pattern = _weekday_pattern(self.locale) if form == "weekday" else form
        return self._native(format_date(day, pattern, locale=self.locale))

    def time(self, value: Any, zone: ZoneInfo) -> str:
        """The time of day in the zone, as `2:30 PM` or `14:30`."""
        if not isinstance(_known(value), datetime):
            raise Unfit("is a day without a time of day" if isinstance(value, date) else "is no time")
        return self._native(format_time(value.astimezone(zone), "short", locale=self.locale))

    def relative(self, value: Any, now: datetime | None, zone: ZoneInfo) -> str:
        """`in 3 days`, `2 hours ago`; a plain date is days away, or ends today."""
        day = _day(value, zone)
        if now is None:
            raise Unfit("cannot be said relative to now: the time of writing is not known here")
        moment = value if isinstance(value, datetime) else datetime.combine(day, time.max, zone)
        distance, days = moment - now, day - now.astimezone(zone).date()
        if days and (abs(distance) >= timedelta(days=1) or not isinstance(value, datetime)):
            distance = days
        return self._native(
            format_timedelta(distance, locale=self.locale, add_direction=True, threshold=1.5, granularity="minute")
        )

    def money(self, value: Any, currency: str) -> str:
        """An amount with the sign of its currency (ISO 4217), in this language's way."""
        amount = _number(value)
        text = format_currency(amount, currency, locale=self.locale, numbering_system="default")
        return self._native(text)

    def number(self, value: Any) -> str:
        """A number with this language's digits and separators."""
        return self._native(format_decimal(_number(value), locale=self.locale, numbering_system="default"))

    def plural(self, value: Any, forms: dict[str, str]) -> str:
        """The form for a count, by CLDR category; `#` in it becomes the number."""
        count = _number(value)
        form = forms.get(self.locale.plural_form(count), forms.get("other", ""))
        return form.replace("#", self.number(count)) if "#" in form else form

    @property
    def plural_forms(self) -> tuple[str, ...]:
        """The categories that counts of everyday size need in this language, and `other`, last, for all else."""
        needed = {self.locale.plural_form(count) for count in range(200)}
        return (*(tag for tag in ("zero", "one", "two", "few", "many") if tag in needed), "other")

    def listed(self, texts: Iterable[str]) -> str:
        """`a, b and c`."""
        return format_list(list(texts), locale=self.locale).translate(_MARKS)

    def _native(self, text: str) -> str:
        text = text.translate(_MARKS)
        return text.translate(self.language.digits) if self.language.digits else text


def _known(value: Any) -> Any:
    if value is None:
        raise Hole
    return value


def _day(value: Any, zone: ZoneInfo) -> date:
    if value is None:
        raise Hole
    if isinstance(value, datetime):
        return value.astimezone(zone).date()
    if isinstance(value, date):
        return value
    raise Unfit("is no time")


def _number(value: Any) -> int | float:
    if isinstance(_known(value), bool) or not isinstance(value, int | float):
        raise Unfit("is no number")
    return value


def _persian(day: date, form: str) -> str:
    jalali = JalaliDate(day)  # type: ignore[no-untyped-call]
    if form == "short":
        return f"{jalali.year}/{jalali.month:02}/{jalali.day:02}"
    weekday = WEEKDAY_NAMES_FA[jalali.weekday()]
    text = f"{jalali.day} {MONTH_NAMES_FA[jalali.month]}"
    if form in {"weekday", "full"}:
        text = f"{weekday} {text}"
    return text if form in {"day", "weekday"} else f"{text} {jalali.year}"


@cache
def _weekday_pattern(locale: Locale) -> str:
    """The full date of a language without its year; with it where the year stands in the middle."""
    pattern: str = locale.date_formats["full"].pattern
    without = re.sub(r"^y+(?:[^\w']|年|년)*|(?:[,،、\s]|'[^']*')*\by+\b.*$", "", pattern)
    return without if "d" in without and "EEEE" in without else pattern
