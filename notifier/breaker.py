"""Who is left alone, and how long: a provider in trouble, a sender that is not allowed, a rule whose text is refused.

What is left alone burns nobody's attempts and makes no message's fate unknown. When the time is over one call goes ahead, and
the others follow once it went well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Refused, RetryLater, Unknown

__all__ = ["Breaker"]

#: Seconds for which a provider or a sender is left alone that refuses everything: somebody has to mend it.
REPAIR = 300.0
#: So many calls in a row without a clear answer, and a provider is left alone: for the first of these times in seconds, and
#: longer each time that it then fails again.
MISSES = 5
RESTS = (30.0, 60.0, 120.0, 300.0)
#: So many refusals in a row of what a rule's text says, and the rule is left alone for so many seconds: one reader's filter is not
#: the text's fault.
REFUSED_TEXTS = 3
TEXT_RESTS = (3600.0,)
#: Seconds until the others look again while one call is going ahead; and how long that may stay without word.
_FOLLOW = 5.0
_GOING_AHEAD = 60.0

_NEVER = float("-inf")

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Circuit:
    misses: int = 0
    #: How often it was opened since something last went well.
    rests: int = 0
    #: Until when it is left alone, because of what happened and because it asked for it; on the clock of the breaker.
    until: float = _NEVER
    asked_until: float = _NEVER
    #: Until when there may be no word of the one that goes ahead.
    ahead_until: float = _NEVER


@dataclass(slots=True)
class Breaker:
    """Of all providers of one process; what it knows ends with the process, and is soon learned again."""

    #: Seconds, since whenever.
    clock: Callable[[], float]
    _circuits: dict[_Key, _Circuit] = field(default_factory=dict)

    def wait(self, name: str, message: Message) -> float:
        """Seconds for which this message must wait; with 0 it goes, and `learn` or `stayed` must follow."""
        now, met = self.clock(), self._met(name, message)
        wait = max((max(one.until, one.asked_until) - now for one in met), default=0.0)
        if wait > 0:
            return wait
        if any(one.rests and one.ahead_until > now for one in met):
            return _FOLLOW
        for one in met:
            one.ahead_until = now + _GOING_AHEAD
        return 0.0

    def stayed(self, name: str, message: Message) -> None:
        """It was let go and did not go: another may go ahead."""
        for one in self._met(name, message):
            one.ahead_until = _NEVER

    def learn(self, name: str, message: Message, outcome: Outcome) -> float:
        """What an answer says about whom; seconds for which one of them is left alone from now on, 0 where none is."""
        provider, sender, text = _keys(name, message)
        match outcome:
            case Refused(_, "provider"):
                return self._rest(provider, REPAIR)
            case Refused(_, "sender"):
                self._well(provider)
                return self._rest(sender, REPAIR)
            case Refused(_, "content"):
                self._well(provider, sender)
                return self._missed(text, REFUSED_TEXTS, TEXT_RESTS)
            case RetryLater(after, _, False) if after is not None:
                return self._throttled(provider, after.total_seconds())
            case RetryLater(_, _, False) | Unknown():
                return self._missed(provider, MISSES, RESTS)
            case Accepted():
                self._well(provider, sender, text)
            case _:
                self._well(provider, sender)
        return 0.0

    def _met(self, name: str, message: Message) -> list[_Circuit]:
        return [self._circuits[key] for key in _keys(name, message) if key in self._circuits]

    def _well(self, *keys: _Key) -> None:
        """What a provider asked for stays: other calls were on their way when it did."""
        for key in keys:
            if (one := self._circuits.get(key)) is not None:
                self._circuits[key] = _Circuit(asked_until=one.asked_until)

    def _throttled(self, key: _Key, seconds: float) -> float:
        one = self._circuits.setdefault(key, _Circuit())
        one.asked_until = max(one.asked_until, self.clock() + seconds)
        return seconds

    def _rest(self, key: _Key, seconds: float) -> float:
        one = self._circuits.setdefault(key, _Circuit())
        one.rests += 1
        one.until, one.ahead_until = self.clock() + seconds, _NEVER
        return seconds

    def _missed(self, key: _Key, at_most: int, rests: tuple[float, ...]) -> float:
        one = self._circuits.setdefault(key, _Circuit())
        one.misses += 1
        # Calls that were on their way when it was opened say nothing new.
        if one.misses < at_most or one.until > self.clock():
            return 0.0
        return self._rest(key, rests[min(one.rests, len(rests) - 1)])


def _keys(name: str, message: Message) -> tuple[_Key, _Key, _Key]:
    """The provider, the sender with it, and the rule with it."""
    return (name, "", ""), (name, "sender", message.sender), (name, "rule", message.rule)
