"""Where everything comes together: a project, its store, its providers and a clock.

engine = Engine.open(root)
engine.ingest(events)      one batch at the door
engine.tick()              everything that is due, decided and sent, until nothing is
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from notifier.carriers import Carriers
from notifier.clock import Clock, clock, rehearsing
from notifier.core.decide import HOLDING
from notifier.dispatch import PAGE, Dispatch
from notifier.errors import UsageError
from notifier.flight import Flight
from notifier.ingest import arm_shop, come_due, rearm_page
from notifier.intake import Receipt, receive
from notifier.links import Links
from notifier.project import Project, load
from notifier.provider import Provider, find
from notifier.store import Store
from notifier.store.record import RulesText

__all__ = ["Engine", "build_providers"]

_log = logging.getLogger(__name__)


def build_providers(project: Project) -> dict[str, Provider]:
    """The providers that the project's channels name; raises UsageError where one may not run now."""
    names = {name for channel in ("email", "sms") for name in project.config.channels.providers(channel)}
    built: dict[str, Provider] = {}
    for name in sorted(names):
        settings = project.config.providers[name]
        kind = find(settings.type)
        if kind.leaves_machine and rehearsing():
            raise UsageError(
                f"NOTIFIER_NOW is set, and provider '{name}' would really send; unset it, or use an outbox"
            )
        built[name] = kind(name, settings, project.root)
    return built


class Engine:
    """Everything needed to take events and send messages; one at a time for a SQLite project."""

    def __init__(
        self, project: Project, store: Store, now: Clock | None = None, providers: Mapping[str, Provider] | None = None
    ) -> None:
        self.project = project
        self.store = store
        self.now = now or clock()
        self._providers = providers if providers is not None else build_providers(project)
        self.troubles: Mapping[str, str] = {}
        self._take_up(project)

    @classmethod
    def open(cls, root: Path, now: Clock | None = None) -> Engine:
        """The engine of the project at `root`; raises Faults, UsageError or Unreachable."""
        from notifier.store.sql import open_store

        project = load(root)
        return cls(project, open_store(project.config.database, root, create=True), now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_up(self, project: Project) -> None:
        self._armed = False
        self.links = Links(project)
        self.reader = project.reader()
        repeatable = {name for name, one in self._providers.items() if one.idempotency == "native"}
        self.dispatch = Dispatch(project, self.store, self.links, repeatable=repeatable)

    def adopt(self, project: Project) -> None:
        """Put another reading of the project in force: rules and texts now, times that lie ahead armed page by page."""
        self.project = project
        self._take_up(project)
        self.arm_new_rules()

    def arm_new_rules(self) -> None:
        """Where rules or configuration say something new, arm what lies ahead, never what is past, and wake what is held:
        what held it may be no more.
        """
        self._armed = True
        with self.store.read() as unit:
            in_force, kept = unit.note("rulebook"), unit.note("rules")
        if kept != self.project.book.hash:
            self._keep_rules()
        if in_force == self.project.word:
            return
        with self.store.begin() as unit:
            # Kept only while a rule asks for it: what there is may be old.
            unit.forget_lines()
        last = ""
        while True:
            with self.store.begin() as unit:
                last = rearm_page(self.project, unit, self.now(), last)
            if not last:
                break
        with self.store.begin() as unit:
            arm_shop(self.project, unit, self.now())
            unit.set_note("rulebook", self.project.word)
            for reason in HOLDING:
                unit.wake(reason, self.now())

    def _keep_rules(self) -> None:
        """Write down which rules are in force from now on: `explain` says what they made of what happened meanwhile."""
        book = self.project.book
        with self.store.begin() as unit:
            unit.add_rules_text(RulesText(self.now(), book.hash, orjson.dumps(book.text)))
            unit.set_note("rules", book.hash)

    def take_over(self) -> None:
        """Go on at once with what a process left that died at work. Only for who holds the project, before any call."""
        while self.dispatch.reconcile(self.now(), alone=True):
            pass

    def ingest(self, arrived: Sequence[bytes | dict[str, Any]]) -> list[Receipt]:
        """Take one batch in one transaction; durable once this returns. Fires no timers, sends nothing."""
        if not self._armed:
            # First of all, or what was so before the rules were new would pass for news.
            self.arm_new_rules()
        return receive(self.project, self.store, self.reader, arrived, self.now())

    def fire(self) -> int:
        """Decide about one page of what has come due; how many subjects there were."""
        with self.store.begin() as unit:
            fired = come_due(self.project, unit, self.now())
        if fired:
            _log.info("times: due for %d subjects", fired)
        return fired

    async def send_page(self, carriers: Carriers) -> int:
        """Take one page of messages through to the providers; how many were claimed."""
        dispatch = self.dispatch

        def may_go_on() -> bool:
            """What was written by rules and texts that are no longer in force is written again."""
            return dispatch is self.dispatch and not carriers.closing

        claimed = dispatch.claim(self.now(), PAGE)
        if claimed:
            flight = Flight(dispatch, carriers, self.now, may_go_on)
            await flight.carry(dispatch.prepare(claimed, self.now()))
        return len(claimed)

    async def work(self, carriers: Carriers) -> int:
        """One round of everything: what is due, what is to be sent, what was left lying."""
        fired = self.fire()
        sent = await self.send_page(carriers)
        return fired + sent + self.dispatch.reconcile(self.now())

    def provider(self, name: str) -> Provider | None:
        """By the project's name for it; None where no channel has it."""
        return self._providers.get(name)

    def carriers(self) -> Carriers:
        """The providers, for use on the running event loop."""
        return Carriers(self.project, self._providers, self.now)

    def tick(self) -> int:
        """Work until nothing is due; how much was done. `troubles` is then why providers took nothing, by name."""
        self.arm_new_rules()

        async def rounds() -> int:
            carriers = self.carriers()
            total = 0
            try:
                while done := await self.work(carriers):
                    total += done
            finally:
                self.troubles = carriers.troubles
                await carriers.close()
            return total

        return asyncio.run(rounds())

    def clear_out(self) -> Counter[str]:
        """Once a day, by the shop's calendar, delete what was kept for as long as the configuration says; how much of each."""
        now, project = self.now(), self.project
        today = now.astimezone(project.zone).date().isoformat()
        with self.store.read() as unit:
            if unit.note("cleared_out") >= today:
                return Counter()
        cleared = self.store.expire(project.expiry(now), now)
        with self.store.begin() as unit:
            unit.set_note("cleared_out", today)
        return +cleared

    def idle_for(self, at_most: timedelta) -> timedelta:
        """How long there is nothing to do, at most so long."""
        with self.store.read() as unit:
            due = unit.next_due()
        left = at_most if due is None else due - self.now()
        return min(max(left, timedelta()), at_most)

    def close(self) -> None:
        self.store.close()
