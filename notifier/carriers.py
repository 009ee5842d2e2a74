"""The project's providers on one event loop: so many calls at a time as each of them takes, and none that lasts too long."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from traceback import extract_tb

from notifier.breaker import Breaker
from notifier.clock import Clock
from notifier.core.message import Message
from notifier.project import Project
from notifier.provider import Accepted, Outcome, Provider, Refused, RetryLater, Unknown

__all__ = ["CALL_LIMIT", "Carriers"]

_log = logging.getLogger(__name__)

#: No call takes longer, in seconds.
CALL_LIMIT = 40.0
#: Seconds before a provider's trouble is said again, however many messages run into it.
_SAID_FOR = 300.0


class Carriers:
    """Whoever wants to call takes a place first; each call that ends, ends with a place given back."""

    def __init__(self, project: Project, providers: Mapping[str, Provider], now: Clock) -> None:
        """`now` is the clock that messages come due by."""
        self._project = project
        self._providers = providers
        self._free = {name: one.max_in_flight for name, one in providers.items()}
        self._landing = asyncio.Event()
        self._breaker = Breaker(lambda: now().timestamp())
        #: By provider, why it takes nothing; gone once it has taken something.
        self.troubles: dict[str, str] = {}
        self._said: dict[str, float] = {}
        #: True where no call may begin any more.
        self.closing = False

    def name_for(self, channel: str) -> str:
        return self._project.config.channels.providers(channel)[0]

    def take_place(self, message: Message) -> float | None:
        """0 where the call may begin now: its place is then held for it. None where no place is free; else the seconds for
        which its provider is to be left alone, with this message at least.
        """
        name = self.name_for(message.channel)
        if not self._free[name]:
            return None
        wait = self._breaker.wait(name, message)
        self._free[name] -= not wait
        return wait

    def trouble(self, channel: str) -> str:
        """Why the channel's provider takes nothing, empty where nothing is known against it."""
        return self.troubles.get(self.name_for(channel), "")

    def give_back(self, message: Message) -> None:
        """A place that was taken and is not needed."""
        name = self.name_for(message.channel)
        self._breaker.stayed(name, message)
        self._vacate(name)

    async def landing(self) -> None:
        """Until the next call ends, whosesoever it is."""
        await self._landing.wait()

    async def send(self, name: str, message: Message, latest: float) -> Outcome:
        """One call, on a place taken before; it begins by `latest` on the monotonic clock or not at all."""
        if time.monotonic() > latest:
            self._vacate(name)
            return RetryLater(None, "its turn came too late", counted=False)
        try:
            outcome = await self._call(name, message)
        finally:
            self._vacate(name)
        self._learn(name, message, outcome)
        return outcome

    async def _call(self, name: str, message: Message) -> Outcome:
        try:
            return await asyncio.wait_for(self._providers[name].send(message), CALL_LIMIT)
        except TimeoutError:
            return Unknown(f"no answer within {CALL_LIMIT:.0f} s")
        except Exception as error:  # noqa: BLE001 - a fault of the provider's code: nobody knows how far it got
            if os.environ.get("NOTIFIER_DEBUG"):
                _log.exception("provider %s", name)
            place = extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(place.filename)}, line {place.lineno}"  # noqa: PTH119 - it need not be a path
            return Unknown(f"{type(error).__name__} in the provider's code ({where})")

    def _learn(self, name: str, message: Message, outcome: Outcome) -> None:
        """Say that a provider is in trouble, and that it is over; not of each message anew, and never to whom it goes."""
        rest = self._breaker.learn(name, message, outcome)
        if isinstance(outcome, Accepted):
            if self.troubles.pop(name, None) and self._said.pop(name, None):
                _log.info("provider %s takes messages again", name)
            return
        reason = outcome.reason.replace(message.to, "…")
        if isinstance(outcome, Refused) and outcome.scope == "content" and rest:
            _log.error("provider %s refuses what rule %s says: %s; its messages wait", name, message.rule, reason)
            return
        if isinstance(outcome, Refused) and outcome.scope in ("sender", "provider"):
            level, what = logging.ERROR, "everything" if outcome.scope == "provider" else "this sender"
            said = f"refuses {what}: {reason}"
        elif isinstance(outcome, Unknown):
            level, said = logging.WARNING, f"{reason}; whether it was sent is not known"
        elif isinstance(outcome, RetryLater) and not outcome.counted:
            level, said = logging.WARNING, f"{reason}; its messages are tried again"
        else:
            return
        if rest:
            said = f"{said}; it is left alone for {rest:.0f} s"
        self.troubles[name] = reason
        if time.monotonic() - self._said.get(name, float("-inf")) > _SAID_FOR:
            self._said[name] = time.monotonic()
            _log.log(level, "provider %s: %s", name, said)

    def stop(self) -> None:
        """Begin no more calls."""
        self.closing = True
        self._announce()

    def _vacate(self, name: str) -> None:
        self._free[name] += 1
        self._announce()

    def _announce(self) -> None:
        self._landing.set()
        self._landing = asyncio.Event()

    async def close(self) -> None:
        for provider in self._providers.values():
            await provider.close()
