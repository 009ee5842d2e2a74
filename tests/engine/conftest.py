from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from notifier import rulebook, starter
from notifier.core.message import Message
from notifier.engine import Engine
from notifier.project import Project, load
from notifier.provider import Accepted, Outcome, Settings
from notifier.store import Store
from notifier.store.memory import MemoryStore
from notifier.store.record import Outgoing
from notifier.store.sql import open_store

NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)

RULES = """
version: 1
rules:
  - id: shipped
    about: order
    trigger: {event: order.shipped}
    send: {template: order_shipped}
    limit: {once_per: order}
  - id: overdue
    about: order
    trigger: {moment: order.promised_at + 1d, at: 09:00}
    send: {template: delivery_late}
    limit: {once_per: order}
    follow_up: {survey: csat_delivery, after: 2d, counted_from: order.delivered_at}
  - id: unhappy
    about: customer
    trigger: {event: survey.answered}
    only_if: {survey.score: {at_most: 2}}
    send:
      - {template: low_score_alert, to: team.support}
      - {template: apology, after: 2h}
"""

CONFIG = """
shop: {name: Example Shop, timezone: Europe/Warsaw, support_email: help@shop.example}
teams: {support: {email: support@shop.example}}
"""


class Scripted:
    """A provider that answers as a test tells it to, and keeps what it was given."""

    Settings: ClassVar[type[Settings]] = Settings
    channels: ClassVar[frozenset[str]] = frozenset({"email", "sms"})
    idempotency: ClassVar[Literal["native", "none"]] = "none"
    leaves_machine: ClassVar[bool] = False
    reports_delivery: ClassVar[bool] = False

    def __init__(self, name: str, settings: Any = None, project: Path = Path()) -> None:
        self.name = name
        self.max_in_flight = 10
        self.given: list[Message] = []
        #: Called with each message; None takes it.
        self.answer: Callable[[Message], Outcome] | None = None

    async def send(self, message: Message) -> Outcome:
        self.given.append(message)
        return self.answer(message) if self.answer else Accepted(f"{self.name}-{len(self.given)}")

    async def close(self) -> None:
        """Nothing is open."""


class Shop:
    """An engine on a clock that the test moves."""

    def __init__(self, project: Project, store: Store) -> None:
        self.now = NOON
        self.email, self.sms = Scripted("outbox"), Scripted("texts")
        self.store = store
        self.engine = Engine(project, store, lambda: self.now, {"outbox": self.email, "texts": self.sms})
        self._events = 0

    def tell(self, type_: str, **data: Any) -> None:
        """One event of now."""
        self._events += 1
        event = {
            "specversion": "1.0", "id": f"e{self._events:04}", "source": "/shop", "type": type_,
            "time": self.now.isoformat(), "data": data,
        }  # fmt: skip
        assert [one.status for one in self.engine.ingest([event])] == ["accepted"]

    def order(self, **more: Any) -> None:
        """Order 1043 comes in, promised for the 12th."""
        customer = {"id": "dana", "name": "Dana", "email": "dana@example.com", "phone": "+15005550123", "locale": "pl"}
        customer |= more.pop("customer", {})
        self.tell("order.placed", id="1043", promised_at="2026-03-12", customer=customer, **more)

    def tick(self, **later: float) -> None:
        self.now += timedelta(**later)
        self.engine.tick()

    def messages(self) -> dict[str, str]:
        """Template -> state."""
        return {one.template: one.state for one in self.outgoing()}

    def outgoing(self) -> list[Outgoing]:
        with self.store.read() as unit:
            return unit.find_messages(limit=100)

    def decisions(self, subject: str = "order:1043") -> list[tuple[str, str, str]]:
        """(template, outcome, reason) in order."""
        with self.store.read() as unit:
            rows = [row for _, rows in unit.matches_of(subject) for row in rows]
        return [(row.template, row.outcome, row.reason) for row in sorted(rows, key=lambda row: row.at)]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = (
        MemoryStore(keep_events=True)
        if request.param == "memory"
        else open_store("sqlite:///s.db", tmp_path, create=True)
    )
    yield made
    made.close()


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The starter's texts with three rules; read once, since nothing changes it."""
    root = tmp_path_factory.mktemp("small") / "shop"
    starter.copy(root)
    for path in (root / "rules").rglob("*.yaml"):
        path.unlink()
    (root / "rules" / "rules.yaml").write_text(RULES)
    (root / "config" / "notifier.yaml").write_text(CONFIG)
    return load(root)


@pytest.fixture
def shop(small_project: Project, store: Store) -> Shop:
    return Shop(small_project, store)


@pytest.fixture
def under(small_project: Project, tmp_path: Path) -> Callable[[str], Project]:
    """The small project under other rules."""

    def made(rules: str) -> Project:
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / "rules.yaml").write_text(f"version: 1\nrules:\n{rules}")
        texts, teams = small_project.texts.templates, tuple(small_project.config.teams)
        return replace(small_project, book=rulebook.load(tmp_path, small_project.catalogue, texts, teams))

    return made


@pytest.fixture
def shop_with(under: Callable[[str], Project], store: Store) -> Callable[[str], Shop]:
    return lambda rules: Shop(under(rules), store)


def work_until(shop: Shop, at: datetime) -> None:
    """Tick at each instant at which something is due, before `at`."""
    while True:
        with shop.store.read() as unit:
            due = unit.next_due()
        if due is None or due >= at:
            return
        shop.now = max(shop.now, due)
        shop.engine.tick()
