"""What an answer means: the classes that the tables of all providers speak of, and what each is to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from notifier.provider import Outcome, Refused, RetryLater, Unknown

__all__ = ["Verdict", "comes_to", "told_to_wait"]

#: What comes of a message. `later`, `greylisted`: another try may help. `throttled`: the provider wants to be left alone.
#: `message`, `address`, `content`, `sender`, `provider`: it is refused, and what is to blame. `unknown`: it may have gone.
Verdict = Literal[
    "later", "greylisted", "throttled", "message", "address", "content", "sender", "provider", "unknown"
]  # fmt: skip

#: Greylisting servers want to see the message again, but not at once.
_GREYLISTED_FOR = timedelta(minutes=5)
#: How long a provider is left alone that asks for it: at least, at most, and where it does not say how long.
_SHORTEST, _LONGEST, _UNTOLD = timedelta(seconds=1), timedelta(minutes=15), timedelta(seconds=30)
#: When a limit is over, in seconds since 1970.
_RESETS = ("X-RateLimit-Reset", "RateLimit-Reset")


def comes_to(verdict: Verdict, reason: str, wait: timedelta | None = None) -> Outcome:
    """The answer to the engine; `wait` is how long a provider that throttles wants to be left alone."""
    match verdict:
        case "later":
            return RetryLater(None, reason)
        case "greylisted":
            return RetryLater(_GREYLISTED_FOR, reason)
        case "throttled":
            return RetryLater(wait, reason, counted=False)
        case "unknown":
            return Unknown(reason)
        case scope:
            return Refused(reason, scope)


def told_to_wait(headers: Mapping[str, str], now: datetime) -> timedelta:
    """What `Retry-After` (seconds, or a date) or a limit's reset says; a sensible time where it says nothing sensible."""
    wait = _retry_after(headers.get("Retry-After", ""), now)
    for name in _RESETS:
        wait = wait if wait is not None else _until(headers.get(name, ""), now)
    return min(max(wait, _SHORTEST), _LONGEST) if wait is not None else _UNTOLD


def _retry_after(value: str, now: datetime) -> timedelta | None:
    if seconds := _number(value):
        return timedelta(seconds=seconds)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now


def _until(value: str, now: datetime) -> timedelta | None:
    seconds = _number(value)
    return timedelta(seconds=seconds - now.timestamp()) if seconds else None


def _number(value: str) -> int | None:
    """A number of seconds, of so many digits that it can be one."""
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 12 else None
