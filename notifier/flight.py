"""The messages of one claim on their way to the providers.

A message is marked no sooner than its provider has a place free for it, and settled as soon as it is back: whenever the
process dies, only what was in flight may or may not have been sent. What is back and what goes next share a commit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from notifier.carriers import CALL_LIMIT, Carriers
from notifier.clock import Clock
from notifier.dispatch import LEASE, Dispatch, Ready
from notifier.errors import Unreachable
from notifier.provider import Outcome

__all__ = ["Flight"]

_log = logging.getLogger(__name__)

#: Seconds between tries to write down what was sent; together less than a lease.
SETTLE_WAITS: tuple[float, ...] = (0.2, 1, 3, 10, 20)
_SAID = {
    "Accepted": "sent", "RetryLater": "to be tried again", "Refused": "refused", "Unknown": "of unknown fate",
    "stayed": "held, dropped or left for later",
}  # fmt: skip
#: Seconds of a lease that are counted on.
_SAFE = LEASE.total_seconds() * 0.8


class Flight:
    """Made with the claim. Once `may_go_on` says no, nothing more begins, and what has not begun is left to a later round."""

    def __init__(self, dispatch: Dispatch, carriers: Carriers, now: Clock, may_go_on: Callable[[], bool]) -> None:
        self._dispatch = dispatch
        self._carriers = carriers
        self._now = now
        self._may_go_on = may_go_on
        self._claimed_until = time.monotonic() + _SAFE
        self._waiting: list[Ready] = []
        self._flying: set[asyncio.Task[None]] = set()
        self._back: list[tuple[Ready, Outcome]] = []
        self._came_of: Counter[str] = Counter()

    async def carry(self, ready: Sequence[Ready]) -> None:
        """Until each has left and come back, or was found not to leave."""
        self._waiting = list(ready)
        try:
            while self._waiting or self._flying or self._back:
                boarding = self._board()
                if boarding or self._back:
                    await self._turn(boarding)
                elif self._waiting or self._flying:
                    await self._carriers.landing()
                self._flying = {call for call in self._flying if not call.done()}
        except asyncio.CancelledError:
            for call in self._flying:
                call.cancel()
            raise
        finally:
            await asyncio.gather(*self._flying, return_exceptions=True)
            if self._back:
                await self._turn([])
        self._say(len(ready))

    def _say(self, claimed: int) -> None:
        """What came of this page, in a line without names."""
        counts = self._came_of
        counts["stayed"] = claimed - counts.total()
        _log.info("messages: %s", ", ".join(f"{counts[name]} {word}" for name, word in _SAID.items() if counts[name]))

    def _board(self) -> list[Ready]:
        """Those that may go now, each with a place that is held for it, and those that will need none.

        What has to leave its provider alone is left to a later round.
        """
        if self._waiting and not (time.monotonic() < self._claimed_until and self._may_go_on()):
            self._dispatch.let_go(self._waiting, self._now())
            self._waiting = []
        boarding: list[Ready] = []
        waiting: list[Ready] = []
        left: list[tuple[Ready, float]] = []
        for one in self._waiting:
            seconds = self._carriers.take_place(one.message) if one.message is not None else 0.0
            if seconds is None:
                waiting.append(one)
            elif seconds:
                left.append((one, seconds))
            else:
                boarding.append(one)
        self._waiting = waiting
        self._leave(left)
        return boarding

    def _leave(self, left: Sequence[tuple[Ready, float]]) -> None:
        """By channel: those of one provider wait for the same."""
        for channel in {one.message.channel for one, _ in left if one.message is not None}:
            theirs = [(one, wait) for one, wait in left if one.message is not None and one.message.channel == channel]
            until = self._now() + timedelta(seconds=min(wait for _, wait in theirs))
            self._dispatch.let_go([one for one, _ in theirs], until, self._carriers.trouble(channel))

    async def _turn(self, boarding: Sequence[Ready]) -> None:
        """Write down who is back and who goes, and let them go."""
        going: list[Ready] = []
        try:
            going = await self._written_down(boarding)
        finally:
            marked = {one.outgoing.key for one in going}
            for one in boarding:
                if one.message is not None and one.outgoing.key not in marked:
                    self._carriers.give_back(one.message)
        latest = time.monotonic() + _SAFE - CALL_LIMIT
        self._flying |= {asyncio.create_task(self._call(one, latest)) for one in going}

    async def _written_down(self, boarding: Sequence[Ready]) -> list[Ready]:
        """Again and again while the database is away, as long as somebody is back: what was sent is known only here."""
        for wait in SETTLE_WAITS:
            try:
                return self._write_down(boarding)
            except Unreachable:
                if not self._back:
                    raise
                _log.warning("the database does not answer; %s calls are settled again in %s s", len(self._back), wait)
            await asyncio.sleep(wait)
        return self._write_down(boarding)

    def _write_down(self, boarding: Sequence[Ready]) -> list[Ready]:
        going = self._dispatch.settle_and_mark(self._back, boarding, self._carriers, self._now())
        self._back = []
        return going

    async def _call(self, one: Ready, latest: float) -> None:
        assert one.message is not None
        outcome = await self._carriers.send(one.outgoing.provider, one.message, latest)
        self._back.append((one, outcome))
        self._came_of[type(outcome).__name__] += 1
