"""Whatever happens, and wherever the process dies: the queue is fair, and no unit is promised twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from notifier import starter
from notifier.core.audience import owed
from notifier.core.message import Message
from notifier.project import Project, load
from notifier.provider import Accepted
from notifier.store.memory import MemoryStore
from notifier.store.sql import open_store

from .conftest import CONFIG, Shop

RULES = """
version: 1
rules:
  - id: back
    about: {people_waiting_for: stock.sku, up_to: stock.available, wave: {size: 2, every: 1h}, keep_for: 5h}
    trigger: {change: stock.available, rises_above: 0}
    send: {template: back_in_stock, after: 10m}
    limit: {once_per: waitlist_entry}
"""
NAMES = st.sampled_from("abcdef")
DEATHS = st.none() | st.integers(0, 60)
_project: list[Project] = []


def project() -> Project:
    """Read once for all."""
    if not _project:
        with TemporaryDirectory() as directory:
            root = Path(directory) / "shop"
            starter.copy(root)
            (root / "config" / "notifier.yaml").write_text(CONFIG)
            for path in (root / "rules").rglob("*.yaml"):
                path.unlink()
            (root / "rules" / "rules.yaml").write_text(RULES)
            _project.append(load(root))
    return _project[0]


class Crash(BaseException):
    """The process is gone."""


class Mortal:
    """A store whose process dies at the so-manieth thing that is asked of it."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.left: int | None = None

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash

    @contextmanager
    def begin(self) -> Iterator[Any]:
        with self.store.begin() as unit:
            yield _Watched(unit, self.step)
        self.step()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class _Watched:
    def __init__(self, unit: Any, step: Any) -> None:
        self._unit, self._step = unit, step

    def __getattr__(self, name: str) -> Any:
        self._step()
        return getattr(self._unit, name)


class FairQueue(RuleBasedStateMachine):
    """Six people and one article."""

    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        where = Path(self.directory.name)
        kept = MemoryStore() if self.kind == "memory" else open_store("sqlite:///s.db", where, create=True)
        self.store = Mortal(kept)
        self.shop = Shop(project(), self.store)  # type: ignore[arg-type]
        #: Who has asked and neither left nor ordered: name -> (place, units, by which event).
        self.waiting: dict[str, tuple[int, int, str]] = {}
        self.asked, self.orders, self.available = 0, 0, 0
        self.broken: list[str] = []

    def teardown(self) -> None:
        self.shop.engine.close()
        self.directory.cleanup()

    # what happens ---------------------------------------------------------------------------------------------------

    @initialize(asked=st.lists(st.tuples(NAMES, st.integers(1, 4)), min_size=3, max_size=6))
    def sold_out(self, asked: list[tuple[str, int]]) -> None:
        self.tell("stock.changed", sku="A", name="Tent", available=0)
        for name, units in asked:
            self.join(name, units)

    def tell(self, type_: str, **data: Any) -> None:
        self.shop.now += timedelta(seconds=1)
        self.shop.tell(type_, **data)

    @rule(name=NAMES, units=st.integers(1, 4))
    def join(self, name: str, units: int) -> None:
        self.asked += 1
        self.tell("waitlist.joined", customer_id=name, email=f"{name}@example.com", sku="A", quantity=units)
        self.waiting[name] = (self.asked, units, f"/shop#e{self.shop._events:04}")

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        self.tell("waitlist.left", customer_id=name, sku="A")
        self.waiting.pop(name, None)

    @rule(name=NAMES, units=st.integers(1, 3), backordered=st.booleans())
    def order(self, name: str, units: int, backordered: bool) -> None:
        self.orders += 1
        items = [{"sku": "A", "quantity": units, "backordered": backordered}]
        self.tell("order.placed", id=str(self.orders), items=items, customer={"id": name})
        self.waiting.pop(name, None)

    @rule(number=st.integers(1, 5))
    def cancel(self, number: int) -> None:
        if number <= self.orders:
            self.tell("order.cancelled", id=str(number))

    @rule(available=st.sampled_from([0, 0, 1, 2, 3, 5, 8]))
    def count(self, available: int) -> None:
        self.tell("stock.changed", sku="A", available=available)
        self.available = available

    @rule(available=st.integers(1, 6), dies_after=DEATHS)
    def come_in(self, available: int, dies_after: int | None) -> None:
        """All that was there is sold, and more comes."""
        self.count(0)
        self.count(available)
        self.work(0, dies_after)
        self.work(10, None)

    @rule(minutes=st.sampled_from([0, 1, 20, 61, 300]), dies_after=DEATHS)
    def work(self, minutes: int, dies_after: int | None) -> None:
        self.shop.now += timedelta(minutes=minutes)
        promised = self.promises()
        self.shop.email.answer = self.leaves
        self.store.left = dies_after
        try:
            self.shop.engine.tick()
        except Crash:
            self.store.left = None
            now, events = self.shop.now, self.shop._events
            self.shop = Shop(project(), self.store)  # type: ignore[arg-type]
            self.shop.now, self.shop._events = now, events
            self.shop.engine.take_over()
        self.store.left = None
        assert self.broken == []
        self.fair(promised)

    # what must be so ------------------------------------------------------------------------------------------------

    def promises(self) -> list[Any]:
        """In the order in which they were made."""
        with self.store.read() as unit:
            made = [one for name in "abcdef" for one in unit.promises(customer_key=f"customer:{name}")]
            numbers = unit.messages([one.key for one in made])
        return sorted(made, key=lambda one: numbers[one.key].number)

    def leaves(self, message: Message) -> Accepted:
        """At each call of the provider, what is promised and has not lapsed is there."""
        promised = sum(one.units for one in self.promises() if one.until is not None and one.until > self.shop.now)
        if promised > self.free:
            self.broken.append(f"{promised} are promised, with this to {message.to}, and {self.free} are there")
        mine = [one for one in self.promises() if one.key.hex() == message.id]
        if [one.until for one in mine] != [self.shop.now + timedelta(hours=5)]:
            self.broken.append(f"{mine} is not kept for five hours")
        return Accepted(message.id)

    @property
    def free(self) -> float:
        """Units that no order waits for."""
        with self.store.read() as unit:
            orders = unit.load(f"order:{number}" for number in range(1, self.orders + 1)).values()
        return self.available - sum(owed(one).get("A", 0) for one in orders)

    def fair(self, before: list[Any]) -> None:
        """Of what was promised just now: there was enough, and nobody who came first had to see others served."""
        now = self.shop.now
        after = self.promises()
        entries = [one.entry for one in after]
        assert len(entries) == len(set(entries)), "somebody was promised twice for one time that they asked"
        standing = [one for one in before if one.key in {two.key for two in after}]
        served = {one.entry for one in standing}
        queue = {name: wish for name, wish in self.waiting.items() if wish[2] not in served}
        left = self.free - sum(one.units for one in standing if one.until is None or one.until > now)
        for one in after[len(standing) :]:
            place, units, entry = queue.pop(one.customer_key.removeprefix("customer:"))
            assert (one.entry, one.units) == (entry, units)
            assert units <= left, "more was promised than there is"
            assert all(other[1] > left for other in queue.values() if other[0] < place), "somebody was passed over"
            left -= units

    @rule()
    def everybody_is_served_in_the_end(self) -> None:
        """When there is plenty, all who wait are told within as many waves as it takes."""
        self.count(0)
        self.work(0, None)
        self.count(500)
        for _ in range(5):
            self.work(61, None)
        promised = {one.entry for one in self.promises()}
        assert all(entry in promised for _, _, entry in self.waiting.values())
        self.count(0)


class FairQueueInSqlite(FairQueue):
    kind = "sqlite"


TestFairQueue = FairQueue.TestCase
TestFairQueue.settings = settings(max_examples=120, stateful_step_count=20, deadline=None)
TestFairQueueInSqlite = FairQueueInSqlite.TestCase
TestFairQueueInSqlite.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
