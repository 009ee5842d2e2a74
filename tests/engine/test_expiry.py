"""What was kept for long enough is deleted, once a day, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.core.event import named
from notifier.store.record import Quarantined, State
from notifier.store.sql import SqlStore, open_store
from notifier.testing.store_samples import telling

from .conftest import NOON, Shop

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """In memory nothing lasts for so long."""
    made = open_store("sqlite:///s.db", tmp_path, create=True)
    yield made
    made.close()


@pytest.fixture
def finished(shop: Shop) -> Shop:
    """Order 1043 was shipped, told about and delivered."""
    shop.order(tracking_number="ZX1")
    shop.tell("order.shipped", id="1043")
    shop.tick()
    shop.tell("order.delivered", id="1043")
    shop.tick(hours=1)
    return shop


def rows(store: Any, table: str) -> int:
    with store.read() as unit:
        unit.session.say(f"SELECT count(*) FROM {table}")
        return int(unit.session._cursor.fetchone()[0])


def on(shop: Shop, day: int) -> None:
    """Tick at noon of that day since the beginning."""
    shop.now = NOON + day * DAY
    shop.engine.tick()
    shop.engine.clear_out()


def test_words_go_first_then_events_then_the_order(finished: Shop, store: SqlStore) -> None:
    """Each after its own time; what is left can still be explained."""
    on(finished, 29)
    assert (rows(store, "message_body"), rows(store, "event"), rows(store, "seen")) == (1, 4, 4)  # one is our own
    on(finished, 32)
    assert (rows(store, "message_body"), rows(store, "event")) == (0, 4)
    assert finished.messages() == {"order_shipped": "accepted"}
    on(finished, 179)
    assert rows(store, "event") == 4
    on(finished, 182)
    assert (rows(store, "event"), rows(store, "seen")) == (0, 0)
    assert finished.decisions() == [("order_shipped", "send", "")]
    on(finished, 364)
    assert rows(store, "rule_match") == 1
    on(finished, 367)
    for table in ("rule_match", "decision", "message", "attempt", "subject_ref"):
        assert rows(store, table) == 0, table
    with store.read() as unit:
        assert not unit.load(["order:1043"])["order:1043"].known
        assert unit.load(["customer:dana"])["customer:dana"].known
    assert rows(store, "limit_slot") == 1  # what may be said once is not said again


def test_what_the_configuration_says_counts(finished: Shop, store: SqlStore) -> None:
    """A shop may keep things shorter."""
    project = finished.engine.project
    kept = project.config.retention.model_copy(update={"finished_orders": "3d", "events": "2d"})
    config = project.config.model_copy(update={"retention": kept})
    finished.engine.project = type(project)(project.root, config, project.catalogue, project.texts, project.book, b"")
    on(finished, 1)
    assert (rows(store, "event"), rows(store, "rule_match")) == (4, 1)
    on(finished, 4)
    assert (rows(store, "event"), rows(store, "rule_match")) == (0, 0)


def test_an_order_that_is_not_finished_is_kept(shop: Shop, store: SqlStore) -> None:
    """However long nothing was heard of it."""
    shop.order()
    on(shop, 400)
    with store.read() as unit:
        assert unit.load(["order:1043"])["order:1043"].facts["order.number"] == "1043"


def test_an_order_of_which_something_was_heard_is_kept(finished: Shop, store: SqlStore) -> None:
    """The year counts from the last news."""
    finished.now = NOON + 200 * DAY
    finished.tell("order.updated", id="1043", total=5)
    on(finished, 380)
    assert rows(store, "rule_match") == 1
    on(finished, 570)
    assert rows(store, "rule_match") == 0


@pytest.mark.parametrize(
    ("state", "kept"), [("held", 1), ("posting", 1), ("unknown", 1), ("accepted", 0), ("failed", 0)]
)
def test_a_message_under_way_keeps_its_words_and_its_order(
    finished: Shop, store: SqlStore, state: State, kept: int
) -> None:
    """As long as it is not at its end."""
    (message,) = finished.outgoing()
    with store.begin() as unit:
        unit.put([replace(message, state=state)])
    long_after = NOON + 500 * DAY
    store.expire(finished.engine.project.expiry(long_after), long_after)
    assert [rows(store, table) for table in ("message_body", "message", "rule_match")] == [kept] * 3


def test_an_event_that_comes_again_after_all_that_time_is_old_news(finished: Shop, store: SqlStore) -> None:
    """It is taken, since nobody knows it any more; what it would tell is too old."""
    told = finished.now
    on(finished, 400)
    event = {
        "specversion": "1.0", "id": "e2", "source": "/shop", "type": "order.shipped",
        "time": told.isoformat(), "data": {"id": "1043", "customer": {"id": "dana", "email": "dana@example.com"}},
    }  # fmt: skip
    assert [one.status for one in finished.engine.ingest([event])] == ["accepted"]
    finished.tick()
    assert len(finished.email.given) == 1
    assert finished.decisions()[-1][1:] in {("drop", "stale"), ("drop", "already_sent")}


def test_only_once_a_day(finished: Shop, store: SqlStore) -> None:
    """A tick every minute does not look through everything every minute."""
    on(finished, 40)
    refused(store, NOON)
    finished.now += timedelta(hours=1)
    assert finished.engine.clear_out() == {}
    assert rows(store, "quarantine") == 1
    finished.now += DAY
    assert finished.engine.clear_out() == {"refused events": 1}
    assert rows(store, "quarantine") == 0


def refused(store: SqlStore, at: datetime) -> None:
    with store.begin() as unit:
        unit.quarantine([Quarantined(at, "/shop", "is not JSON", b"{")])


def test_many_pages(shop: Shop, store: SqlStore) -> None:
    """All that is old, and nothing of what came after."""
    old, new = NOON, NOON + 100 * DAY
    events = [telling(f"{number}", time=old if number < 1203 else new) for number in range(1210)]
    events = [one._replace(name_digest=named(one.source, one.id)) for one in events]
    with store.begin() as unit:
        unit.append(events)
    for number in range(1210):
        refused(store, old if number < 1203 else new)
    now = NOON + 110 * DAY
    expiry = shop.engine.project.expiry(now)
    deleted = store.expire(type(expiry)(now, now - 20 * DAY, now, now - 20 * DAY), now)
    assert (deleted["events"], deleted["refused events"]) == (1203, 1203)
    assert (rows(store, "event"), rows(store, "seen"), rows(store, "quarantine")) == (7, 7, 7)
