from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from notifier import starter
from notifier.core.local_time import rfc3339
from notifier.daemon.door import Door, listen
from notifier.engine import Engine
from notifier.errors import Unreachable
from notifier.project import load
from notifier.store.sql import open_store
from notifier.web import Inbox, application

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)

ASKING = """
version: 1
rules:
  - {id: ask, about: order, trigger: {event: order.delivered}, send: {survey: csat_delivery}}
  - {id: shipped, about: order, trigger: {event: order.shipped}, send: {template: order_shipped}}
"""

_numbers = count(1)


@dataclass
class Shop:
    """A shop with a real database behind a real server; the time is set by hand."""

    engine: Engine
    inbox: Inbox
    door: Door
    now: datetime = NOON
    wakings: list[int] = field(default_factory=list)

    def client(self):
        return httpx.Client(base_url=self.door.address, trust_env=False, timeout=30)

    def ask(self, *, event="order.delivered", locale="en", rule="ask"):
        """Have a new customer sent a message; the message, with its number."""
        one = next(_numbers)
        customer = {"id": f"c{one}", "email": f"c{one}@example.com", "locale": locale, "first_name": "Dana"}
        told = self.event(event, {"id": f"o{one}", "number": f"{one}", "customer": customer})
        assert [receipt.status for receipt in self.engine.ingest([told])] == ["accepted"]
        self.engine.tick()
        with self.engine.store.read() as unit:
            found = unit.find_messages(subject_key=f"order:o{one}")
        return next(message for message in found if message.rule == rule and message.state == "accepted")

    def survey_link(self, **how):
        return f"/s/{self.engine.links.token('survey', self.ask(**how).number)}"

    def event(self, type_, data, **more):
        """A CloudEvent of this very moment."""
        return {
            "specversion": "1.0", "id": f"e{next(_numbers)}", "source": "/shop", "type": type_,
            "time": rfc3339(self.now), "data": data, **more,
        }  # fmt: skip

    def order(self, **data):
        """An event about an order that nobody knows yet, and that no rule is for."""
        return self.event("order.updated", {"id": f"o{next(_numbers)}", **data})

    def is_kept(self, event):
        with self.engine.store.read() as unit:
            return [one.id for one in unit.events(f"order:{event['data']['id']}")] == [event["id"]]

    @contextmanager
    def down(self):
        """While the database does not answer."""
        store, self.engine.store = self.engine.store, Down()
        try:
            yield
        finally:
            self.engine.store = store

    def messages(self, subject_key):
        with self.engine.store.read() as unit:
            return unit.find_messages(subject_key=subject_key)

    def told(self, customer, type_):
        """Events of a type that are kept with a customer."""
        with self.engine.store.read() as unit:
            return [one for one in unit.events(customer) if one.type == type_]

    def answer_to(self, message):
        with self.engine.store.read() as unit:
            return unit.answer_to(message.key)

    def counts(self):
        with self.engine.store.read() as unit:
            return dict(unit.counts())


class Down:
    """A store that does not answer."""

    def begin(self):
        raise Unreachable("the disk is full")

    read = begin


@contextmanager
def _opened(root, **inbox):
    project = load(root)
    store = open_store(project.config.database, root, create=True)
    with listen("127.0.0.1", 0) as listening, Engine(project, store, now=lambda: shop.now) as engine:
        mail = Inbox(engine.ingest, lambda: shop.wakings.append(1), **inbox)
        shop = Shop(engine, mail, Door(application(engine, mail), listening, lambda: None))
        mail.start()
        shop.door.start()
        try:
            yield shop
        finally:
            mail.close()
            shop.door.stop(5)


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("web") / "shop"
    starter.copy(root)
    (root / "rules" / "delivery.yaml").write_text(ASKING, encoding="utf-8")
    with _opened(root) as shop:
        yield shop


@pytest.fixture(scope="session")
def opened():
    """`opened(root)`: the shop of a project, its server on a free port, for as long as the block lasts."""
    return _opened


@pytest.fixture
def client(shop):
    shop.now = NOON
    with shop.client() as client:
        yield client
