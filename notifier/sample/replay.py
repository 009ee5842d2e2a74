"""Two weeks in a few seconds: the real engine on the real database, with a clock that is set instead of waited for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier import feedback
from notifier.core.message import Message
from notifier.engine import Engine, build_providers
from notifier.project import Project
from notifier.provider import Accepted, Outcome, Provider
from notifier.sample.account import Account
from notifier.sample.history import Calendar, Envelope
from notifier.sample.shop import ANSWERS, Answer
from notifier.store.record import Outgoing
from notifier.store.sql import open_store

__all__ = ["replay"]


@dataclass(slots=True)
class _SetClock:
    """Shows the time that it was set to."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


class _Overheard:
    """A provider that also tells the account what it carried."""

    def __init__(self, provider: Provider, account: Account) -> None:
        self.name = provider.name
        self.max_in_flight = provider.max_in_flight
        self.channels = provider.channels
        self.idempotency = provider.idempotency
        self.leaves_machine = provider.leaves_machine
        self.reports_delivery = provider.reports_delivery
        self._provider = provider
        self._account = account

    async def send(self, message: Message) -> Outcome:
        outcome = await self._provider.send(message)
        if isinstance(outcome, Accepted):
            self._account.sent(message)
        return outcome

    async def close(self) -> None:
        await self._provider.close()


def replay(project: Project, events: list[Envelope], calendar: Calendar, now: datetime, account: Account) -> None:
    """Let the events happen one by one, each at its own time, and everything that comes due between them until `now`."""
    clock = _SetClock(datetime.fromisoformat(events[0]["time"]))
    with _engine(project, clock, account) as engine:
        for at, happening in _in_order(events, calendar, now):
            _work_until(engine, clock, at)
            clock.at = at
            if isinstance(happening, Answer):
                _answer(engine, happening, at)
                account.answered(happening, at)
            else:
                engine.ingest([happening])
            _work_until(engine, clock, at)
        _work_until(engine, clock, now)
        account.close(engine.store)


@contextmanager
def _engine(project: Project, clock: _SetClock, account: Account) -> Iterator[Engine]:
    providers: Mapping[str, Any] = {
        name: _Overheard(provider, account) for name, provider in build_providers(project).items()
    }
    store = open_store(project.config.database, project.root, create=True)
    with Engine(project, store, clock, providers) as engine:
        yield engine


def _in_order(events: list[Envelope], calendar: Calendar, now: datetime) -> list[tuple[datetime, Envelope | Answer]]:
    told: list[tuple[datetime, Envelope | Answer]] = [(datetime.fromisoformat(one["time"]), one) for one in events]
    told += [(at, one) for one in ANSWERS if (at := calendar.at(one.at)) <= now]
    return sorted(told, key=lambda pair: pair[0])


def _work_until(engine: Engine, clock: _SetClock, moment: datetime) -> None:
    """Go from one due instant to the next, so that everything happens when it would have happened."""
    while True:
        with engine.store.read() as unit:
            due = unit.next_due()
        if due is None or due > moment:
            return
        clock.at = max(clock.at, due)
        engine.tick()


def _answer(engine: Engine, answer: Answer, at: datetime) -> None:
    """Answer a survey by the link in it, as its reader would."""
    asked = _survey_about(engine, answer.order)
    if asked is not None:
        token = engine.links.token("survey", asked.number)
        feedback.answer(engine, token, answer.score, answer.comment, at)


def _survey_about(engine: Engine, order: str) -> Outgoing | None:
    with engine.store.read() as unit:
        found = unit.find_messages(states=["accepted"], subject_key=f"order:{order}")
    return next((one for one in found if one.template.startswith("survey:")), None)
