"""The kinds of text that a configuration holds: each checked as it is read, and kept as it was written.

A check returns the text in its usual form, or raises ValueError with a sentence for the person who wrote it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import time
from email.headerregistry import Address
from email.policy import SMTP
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from notifier.core import catalogue
from notifier.core.duration import Duration
from notifier.core.policy import Cap
from notifier.core.quiet_hours import OfficeHours, QuietHours
from notifier.core.value import country_codes, currency_codes
from notifier.document import suggest

__all__ = [
    "CapText",
    "ClockTime",
    "Country",
    "Currency",
    "DurationText",
    "EmailAddress",
    "EventName",
    "FieldPath",
    "HolidayCalendar",
    "HoursText",
    "Language",
    "LinkName",
    "OfficeHoursText",
    "Phone",
    "Sender",
    "ShownText",
    "SmsSender",
    "TimeField",
    "TimeZone",
    "Url",
    "is_loopback",
    "read_cap",
]  # fmt: skip

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

#: Three-letter names stand for a fixed distance from Greenwich, or for one of many places.
_ABBREVIATIONS = {
    "EST": "America/New_York", "EDT": "America/New_York", "EST5EDT": "America/New_York",
    "CST": "America/Chicago", "CDT": "America/Chicago", "CST6CDT": "America/Chicago",
    "MST": "America/Denver", "MDT": "America/Denver", "MST7MDT": "America/Denver",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PST8PDT": "America/Los_Angeles",
    "HST": "Pacific/Honolulu", "GMT": "Europe/London", "BST": "Europe/London", "WET": "Europe/Lisbon",
    "CET": "Europe/Paris", "CEST": "Europe/Paris", "MET": "Europe/Paris", "EET": "Europe/Athens",
    "MSK": "Europe/Moscow", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo",
}  # fmt: skip


#: Zones by name that are none: this computer's, whichever that is, and where nothing was set.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})


def read_cap(text: str) -> Cap:
    """Read `5 per day` (the local day), `1 per 30d` or `2 per 7 days` (any such stretch); raises ValueError."""
    found = re.fullmatch(r"\s*(\d{1,6})\s+(?:per|in any|a)\s+(.+?)\s*", text)
    if found is None or int(found[1]) == 0:
        raise ValueError(f"'{text}' is not a limit; write it like '5 per day' or '1 per 30d'")
    return Cap(int(found[1]), None if found[2] == "day" else Duration.parse(found[2]))


def is_loopback(host: str) -> bool:
    """True where nothing but this computer can reach `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _clock(text: str) -> time:
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text.strip()}' is not a time of day; write it like 08:00")
    return time(int(found[1]), int(found[2]))


def _duration(text: Any) -> str:
    duration = Duration.parse(text)
    if not duration:
        raise ValueError(f"'{text}' is no time at all")
    return str(text).strip()


def _quiet_hours(text: Any) -> Any:
    if isinstance(text, dict) and text.keys() == {"from", "to"}:
        text = f"{text['from']}-{text['to']}"
    if not isinstance(text, str):
        return text
    start, _, end = text.replace(" ", "").partition("-")
    if (start, end) == ("00:00", "24:00"):
        raise ValueError(f"'{text}' leaves no hour of the day; start and end must differ")
    window = QuietHours.parse(f"{start}-00:00" if end == "24:00" else text)
    return f"{window.start:%H:%M}-{window.end:%H:%M}"


def _time_zone(name: str) -> str:
    if name in _ABBREVIATIONS:
        raise ValueError(f"'{name}' does not name a place - did you mean '{_ABBREVIATIONS[name]}'?")
    try:
        if name in _NO_PLACES or name.startswith(("posix/", "right/")):
            raise ValueError  # noqa: TRY301 - as one that there is not
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = suggest(name, available_timezones()) if name else ""
        raise ValueError(f"'{name}' is not a time zone{hint or '; write it like Europe/Warsaw'}") from None
    return name


def _language(tag: str) -> str:
    try:
        return str(Locale.parse(tag.replace("_", "-"), sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        known = [identifier.replace("_", "-") for identifier in locale_identifiers()]
        english = {name: code for code, name in Locale("en").languages.items()}
        hint = f" - did you mean '{english[tag.title()]}'?" if tag.title() in english else suggest(tag, known)
        raise ValueError(f"'{tag}' is not a language; write it like pl or pt-BR{hint}") from None


def _country(code: str) -> str:
    if code.upper() in country_codes():
        return code.upper()
    names = {name.casefold(): short for short, name in Locale("en").territories.items() if short in country_codes()}
    short = {"uk": "GB"}.get(code.casefold()) or names.get(code.casefold())
    hint = f" - did you mean '{short}'?" if short else suggest(code, country_codes())
    raise ValueError(f"'{code}' is not a country; write two letters such as PL{hint}")


def _currency(code: str) -> str:
    if code.upper() in currency_codes():
        return code.upper()
    names = {name.casefold(): short for short, name in Locale("en").currencies.items()}
    hint = (
        f" - did you mean '{names[code.casefold()]}'?" if code.casefold() in names else suggest(code, currency_codes())
    )
    raise ValueError(f"'{code}' is not a currency; write three letters such as EUR{hint}")


def _holiday_calendar(code: str) -> str:
    import holidays
    from holidays.registry import EntityLoader

    country, dash, part = code.partition("-")
    known = set(EntityLoader.get_country_codes(include_aliases=False))
    if country not in known:
        raise ValueError(f"no holidays are known for '{country}'; write a country such as PL{suggest(country, known)}")
    # To ask for the parts of one country is to import the holidays of all: a third of a second and a dozen megabytes.
    if dash and part not in (parts := list(getattr(holidays, country).subdivisions)):
        raise ValueError(f"'{part}' is no part of {country}{suggest(part, parts)}" + _some(parts))
    return code


def _some(parts: list[str]) -> str:
    return f"; known: {', '.join(parts[:20])}" if parts else "; its holidays are the same everywhere"


def _email(text: str) -> str:
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"'{_clean(text)}' is not an e-mail address: {_lower(str(error).rstrip('.'))}") from None


def _sender(text: str) -> str:
    """`Example Shop <orders@shop.example>`: one address, nothing that could start another header."""
    if _CONTROL.search(text):
        raise ValueError("a sender is one line: delete the line breaks and control characters")
    header: Any = SMTP.header_factory("from", text)
    if len(header.addresses) != 1 or header.defects:
        raise ValueError(f"'{text}' is not one sender; write it like Example Shop <orders@shop.example>")
    name = header.addresses[0].display_name
    local, _, domain = _email(header.addresses[0].addr_spec).rpartition("@")
    return str(Address(name, local, domain)) if name else f"{local}@{domain}"


def _phone(text: str) -> str:
    number = re.sub(r"[\s().\-]", "", text)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise ValueError("a phone number starts with + and the country's code, like +15005550006")
    return number


def _sms_sender(text: str) -> str:
    if re.fullmatch(r"[0-9]{3,8}", text):
        return text
    if re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9 ._&-]{1,11}", text):
        return text
    if text.startswith("+"):
        return _phone(text)
    raise ValueError("a sender of SMS is a number such as +15005550006, a short code, or a name of at most 11 letters")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.netloc:
        raise ValueError("a web address names no user: delete what stands before the '@'")
    if parts.scheme not in {"http", "https"} or not parts.hostname or _CONTROL.search(text) or " " in text:
        raise ValueError(f"'{_clean(text)}' is not a web address; write it like https://shop.example")
    return text


def _shown_name(text: str) -> str:
    """What customers read: something that they can see, and nothing that no letter can hold."""
    if _UNREADABLE.search(text):
        raise ValueError("there is a control character in it; delete it")
    if not any(letter.isprintable() and not letter.isspace() for letter in text):
        raise ValueError("there is nothing in it that anybody could read")
    return text


def _link_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
        raise ValueError(f"'{_clean(name)[:80]}' is not a name; write it like faq_delay")
    return name


def _event_name(name: str) -> str:
    return _declared(name, catalogue.standard().events)


def _field_path(name: str) -> str:
    if _declared(name, catalogue.standard().fields).split(".")[1] in {"attributes", "customer"}:
        raise ValueError(f"'{name}' is where events have something else; choose another name")
    return name


def _declared(name: str, taken: Mapping[str, object]) -> str:
    """A name that a project may add to those of the catalogue."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", name) or len(name) > 128:
        raise ValueError(f"'{name}' is not a name; write it like order.gift_wrapped")
    if name in taken:
        raise ValueError(f"'{name}' is in the catalogue already; choose another name")
    family, families = name.partition(".")[0], {known.partition(".")[0] for known in taken}
    if family not in families:
        hint = suggest(family, families) or f"; known: {', '.join(sorted(families))}"
        raise ValueError(f"'{family}' is nothing that events are about{hint}")
    return name


def _time_field(path: str) -> str:
    fields = {
        name
        for name, field in catalogue.standard().fields.items()
        if field.type == "time" and name.startswith("order.")
    }
    if path not in fields:
        raise ValueError(f"'{path}' is not a time of an order{suggest(path, fields)}")
    return path


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text)


def _shaped(kind: str) -> dict[str, Any]:
    """For editors: a kind of text of which `config.schema` says more."""
    return {"type": "string", "format": kind}


DurationText = Annotated[str, BeforeValidator(_duration), WithJsonSchema(_shaped("duration"))]
HoursText = Annotated[str, BeforeValidator(_quiet_hours)]
CapText = Annotated[str, AfterValidator(lambda text: text if read_cap(text) else "")]
ClockTime = Annotated[str, AfterValidator(lambda text: f"{_clock(text):%H:%M}"), WithJsonSchema(_shaped("clock"))]
OfficeHoursText = Annotated[str, AfterValidator(lambda text: text if OfficeHours.parse(text) else "")]
TimeZone = Annotated[str, AfterValidator(_time_zone), WithJsonSchema(_shaped("timezone"))]
Language = Annotated[str, AfterValidator(_language)]
Country = Annotated[str, AfterValidator(_country), WithJsonSchema(_shaped("country"))]
Currency = Annotated[str, AfterValidator(_currency), WithJsonSchema(_shaped("currency"))]
HolidayCalendar = Annotated[str, AfterValidator(_holiday_calendar)]
EmailAddress = Annotated[str, AfterValidator(_email)]
Sender = Annotated[str, AfterValidator(_sender)]
Phone = Annotated[str, AfterValidator(_phone)]
SmsSender = Annotated[str, AfterValidator(_sms_sender)]
ShownText = Annotated[str, AfterValidator(lambda text: _shown_name(text) if text else text)]
LinkName = Annotated[str, AfterValidator(_link_name)]
Url = Annotated[str, AfterValidator(_url)]
TimeField = Annotated[str, AfterValidator(_time_field), WithJsonSchema(_shaped("time_of_an_order"))]
EventName = Annotated[str, AfterValidator(_event_name)]
FieldPath = Annotated[str, AfterValidator(_field_path)]
