"""The time, asked for in one place and passed on as an argument."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from notifier.core.value import YEARS
from notifier.errors import UsageError

__all__ = ["Clock", "clock", "rehearsing"]

#: Gives the present instant, aware, in UTC.
Clock = Callable[[], datetime]

_VARIABLE = "NOTIFIER_NOW"


def rehearsing(environ: Mapping[str, str] = os.environ) -> bool:
    """True where `NOTIFIER_NOW` sets the time: nothing may leave the machine then."""
    return bool(environ.get(_VARIABLE))


def clock(environ: Mapping[str, str] = os.environ) -> Clock:
    """The computer's clock, or one that stands at `NOTIFIER_NOW`; raises UsageError where that is not a time."""
    text = environ.get(_VARIABLE)
    if not text:
        return lambda: datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year not in YEARS:
        raise UsageError(
            f"{_VARIABLE} is not a time with a zone; write it like 2026-03-13T22:00:00Z, years {YEARS[0]} to {YEARS[-1]}"
        )
    fixed = moment.astimezone(UTC)
    return lambda: fixed
