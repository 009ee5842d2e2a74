"""A language that messages are written in: its name, its direction, and which texts will do for whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from babel import Locale, UnknownLocaleError

__all__ = ["Direction", "Language", "chain", "language", "normalised"]

Direction = Literal["ltr", "rtl"]

_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:[.@_-].*)?", re.IGNORECASE)

#: Babel knows which digits a language is written with, but not how they look.
_ZEROS = {"arab": "٠", "arabext": "۰", "beng": "০", "deva": "०", "mymr": "၀"}


@dataclass(frozen=True, slots=True)
class Language:
    """`code` is BCP 47, as in the names of the files (`pt-BR`)."""

    code: str
    locale: Locale
    #: ASCII digits -> the digits that this language is written with; empty where those are the same.
    digits: Mapping[int, str]

    @property
    def direction(self) -> Direction:
        return "rtl" if self.locale.character_order == "right-to-left" else "ltr"

    @property
    def persian_calendar(self) -> bool:
        """In Iran a shop that writes 12 March is read as a foreign one."""
        return self.locale.language == "fa" and self.locale.territory in {None, "IR"}


def normalised(tag: str) -> str | None:
    """`hu_HU`, `HU-hu` and `hu_HU.UTF-8` are `hu-HU`; None for what is no language tag."""
    found = _TAG.fullmatch(tag.strip())
    if found is None:
        return None
    name, script, region = found.groups()
    return "-".join(filter(None, (name.lower(), script and script.title(), region and region.upper())))


def chain(tag: str) -> list[str]:
    """The tag and what it falls back to, best first: `zh-Hant-TW`, `zh-Hant`, `zh`; empty for nonsense."""
    parts = (normalised(tag) or "").split("-")
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1) if parts[0]]


@cache
def language(code: str) -> Language:
    """The language by its BCP 47 name; raises ValueError where the CLDR has never heard of it."""
    try:
        locale = Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"'{code}' is not a language that is known") from None
    return Language(code, locale, _digits(locale))


def _digits(locale: Locale) -> Mapping[int, str]:
    zero = _ZEROS.get(locale.default_numbering_system)
    return {ord("0") + n: chr(ord(zero) + n) for n in range(10)} if zero else {}
