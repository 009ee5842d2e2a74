"""Triggers as a shop meets them: told to the engine, on both stores, until the message is with the provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from notifier import backtest
from notifier.backtest import decision_record
from notifier.core.local_time import rfc3339
from notifier.project import Project
from notifier.store import Store

from .conftest import NOON, Shop, work_until

SILENT = """
  - id: silent
    about: shipment
    trigger: {no_news: {of: shipment.scanned, for: 2d, counted_from: shipment.created_at}}
    send: {template: may_be_late}
"""
WORSE = """
  - id: worse
    about: order
    trigger: {becomes_true: {order.eta: {after: order.promised_at + 1d}}}
    still_true_after: 2h
    send: {template: eta_changed}
"""
MOVED = """
  - id: moved
    owner: support
    about: order
    trigger: {change: order.eta, later_by: 1h}
    send: {template: delivery_late}
    brake: {hold_all_if_over: 2, in: 3d}
"""
LOW = """
  - id: low
    about: stock
    trigger: {change: stock.available, falls_below: 3, ready_again: {above: 5}}
    send: {template: low_stock, to: team.support}
"""
LATE = """
  - id: late
    about: shop
    trigger: {every: weekday, at: 08:00}
    list: {orders: {order.promised_at: {before: now}}, sort: order.number}
    send: {template: late_orders_report, to: team.support}
"""


def test_a_silent_parcel(shop_with: Callable[[str], Shop]) -> None:
    """Two days after its last scan a parcel is told of, once; after another scan and another silence, again."""
    shop = shop_with(SILENT)
    shop.order()
    shop.tell("shipment.created", id="P1", order_id="1043")
    shop.tick(days=1)
    shop.tell("shipment.scanned", id="P1", order_id="1043")
    shop.tick(days=1, hours=23)
    assert shop.messages() == {}
    shop.tick(hours=1)
    assert shop.messages() == {"may_be_late": "accepted"}
    shop.tick(days=9)
    shop.tell("shipment.scanned", id="P1", order_id="1043")
    shop.tick(days=2)
    assert len(shop.outgoing()) == 2


def test_a_parcel_that_speaks_again_before_the_message_leaves(shop_with: Callable[[str], Shop]) -> None:
    """What was due and waits is needless once the parcel was seen again."""
    shop = shop_with(SILENT.replace("may_be_late}", "may_be_late, after: 3h}"))
    shop.order()
    shop.tell("shipment.created", id="P1", order_id="1043")
    shop.tick(days=2)
    assert shop.messages() == {"may_be_late": "held"}
    shop.tell("shipment.scanned", id="P1", order_id="1043")
    shop.tick(hours=3)
    assert shop.messages() == {"may_be_late": "dropped"}
    assert shop.decisions("shipment:P1")[-1] == ("may_be_late", "drop", "superseded")


def test_only_a_delay_that_lasts(shop_with: Callable[[str], Shop]) -> None:
    """An expected day that is taken back within two hours is nobody's news; one that stays is."""
    shop = shop_with(WORSE)
    shop.order()
    shop.tell("order.updated", id="1043", eta="2026-03-14")
    shop.tick(hours=1)
    shop.tell("order.updated", id="1043", eta="2026-03-12")
    shop.tick(hours=3)
    assert shop.messages() == {}
    shop.tell("order.updated", id="1043", eta="2026-03-15")
    shop.tick(hours=1)
    shop.tell("order.updated", id="1043", eta="2026-03-16")
    shop.tick(hours=1)
    assert shop.messages() == {"eta_changed": "accepted"}
    shop.tell("order.updated", id="1043", eta="2026-03-20")
    shop.tick(hours=3)
    assert len(shop.outgoing()) == 1


def test_a_new_rule_tells_no_old_news(under: Callable[[str], Project], store: Store) -> None:
    """Events of orders that met the condition before the rule was there set nothing off, also before the first tick."""
    before = Shop(under(SILENT), store)
    before.order(eta="2026-03-14")
    shop = Shop(
        replace(before.engine.project, book=under(WORSE.replace("still_true_after: 2h", "owner: us")).book), store
    )
    shop.now, shop._events = before.now + timedelta(hours=1), 10
    shop.tell("order.updated", id="1043", eta="2026-03-15")
    shop.tick(hours=1)
    assert shop.messages() == {}
    shop.tell("order.updated", id="1043", eta="2026-03-12")
    shop.tell("order.updated", id="1043", eta="2026-03-16")
    shop.tick(hours=1)
    assert shop.messages() == {"eta_changed": "accepted"}


def test_stock_that_wavers(shop_with: Callable[[str], Shop]) -> None:
    """Staff is told of low stock once, and again after it was well filled."""
    shop = shop_with(LOW)
    shop.now += timedelta(minutes=1)
    for units in (9, 2, 4, 1, 8, 2):
        shop.tell("stock.changed", sku="A", available=units)
        shop.tick(minutes=1)
    assert len(shop.outgoing()) == 2


DELAYS = """
  - id: worst
    about: order
    topic: delay
    trigger: {becomes_true: {order.eta: {after: order.promised_at + 5d}}}
    send: {template: delivery_late}
  - id: mild
    about: order
    topic: delay
    trigger: {change: order.eta, later_by: 1d}
    send: {template: eta_changed}
  - id: parcel
    about: shipment
    topic: delay
    trigger: {event: shipment.exception}
    send: {template: may_be_late}
  - id: better
    about: order
    trigger: {change: order.eta, earlier_by: 1d}
    only_if: {told: {topic: delay, in_last: 2d}}
    send: {template: order_shipped}
topics:
  delay: {per: order, every: 24h, strongest_first: [worst, parcel, mild]}
"""


def test_of_one_delay_it_is_told_once(shop_with: Callable[[str], Shop]) -> None:
    """Within a day only something worse is told again; who was silenced, and by whom, is on record."""
    shop = shop_with(DELAYS)
    shop.order(eta="2026-03-12")
    shop.tell("order.updated", id="1043", eta="2026-03-13")
    shop.tick(minutes=5)
    assert shop.messages() == {"eta_changed": "accepted"}
    shop.tell("order.updated", id="1043", eta="2026-03-14")
    shop.tell("shipment.exception", id="P1", order_id="1043")
    shop.tick(minutes=5)
    assert shop.messages() == {"eta_changed": "accepted", "may_be_late": "accepted"}
    assert shop.decisions()[-1] == ("eta_changed", "drop", "topic_told")
    shop.tick(hours=25)
    shop.tell("order.updated", id="1043", eta="2026-03-15")
    shop.tick(minutes=5)
    assert len(shop.outgoing()) == 3


def test_of_what_comes_together_the_strongest_is_told(shop_with: Callable[[str], Shop]) -> None:
    """One event sets two rules of a topic off: the stronger tells, whichever stands first, and the other says why not."""
    shop = shop_with(DELAYS)
    shop.order(eta="2026-03-12")
    shop.tell("order.updated", id="1043", eta="2026-03-25")
    shop.tick(minutes=5)
    assert shop.messages() == {"delivery_late": "accepted"}
    assert ("eta_changed", "drop", "topic_told") in shop.decisions()


def test_a_weaker_message_that_waits_gives_way(shop_with: Callable[[str], Shop]) -> None:
    """What is held is dropped when something worse was told meanwhile."""
    shop = shop_with(DELAYS.replace("eta_changed}", "eta_changed, after: 3h}"))
    shop.order(eta="2026-03-12")
    shop.tell("order.updated", id="1043", eta="2026-03-13")
    shop.tick(hours=1)
    shop.tell("shipment.exception", id="P1", order_id="1043")
    shop.tick(hours=3)
    assert shop.messages() == {"may_be_late": "accepted", "eta_changed": "dropped"}
    assert shop.decisions()[-1] == ("eta_changed", "drop", "topic_told")


def test_news_for_staff_is_not_told(shop_with: Callable[[str], Shop]) -> None:
    """`told` asks what the customer heard."""
    shop = shop_with(DELAYS.replace("send: {template: eta_changed}", "send: {template: eta_changed, to: team.support}"))
    shop.order(eta="2026-03-12")
    shop.tell("order.updated", id="1043", eta="2026-03-14")
    shop.tick(minutes=5)
    shop.tell("order.updated", id="1043", eta="2026-03-12")
    shop.tick(minutes=5)
    assert [one.recipient for one in shop.outgoing()] == ["team:support"]


def test_good_news_only_for_those_who_had_bad(shop_with: Callable[[str], Shop]) -> None:
    """`told` knows what has left about this order, and for how long that counts."""
    shop = shop_with(DELAYS)
    shop.order(eta="2026-03-16")
    shop.tell("order.updated", id="1043", eta="2026-03-14")
    shop.tick(minutes=5)
    assert shop.messages() == {}
    shop.tell("order.updated", id="1043", eta="2026-03-15")
    shop.tick(minutes=5)
    shop.tell("order.updated", id="1043", eta="2026-03-13")
    shop.tick(minutes=5)
    assert shop.messages() == {"eta_changed": "accepted", "order_shipped": "accepted"}
    shop.tick(days=3)
    shop.tell("order.updated", id="1043", eta="2026-03-12")
    shop.tick(minutes=5)
    assert len(shop.outgoing()) == 2


def _history(chance: Random) -> list[dict[str, Any]]:
    """Some days of two orders, their parcels and an article, in which all these rules find something."""
    customer = {"id": "dana", "email": "dana@example.com"}
    now, told = NOON, []

    def tell(type_: str, **data: Any) -> None:
        told.append({
            "specversion": "1.0", "id": str(len(told)), "source": "/shop", "type": type_, "time": rfc3339(now), "data": data,
        })  # fmt: skip

    for number in ("1", "2"):
        tell("order.placed", id=number, promised_at="2026-03-12", customer=customer)
        tell("shipment.created", id=f"P{number}", order_id=number)
    for _ in range(30):
        now += timedelta(minutes=chance.choice([1, 7, 60, 150, 700, 2900]))
        number = chance.choice("12")
        match chance.randrange(5):
            case 0:
                name = chance.choice(["scanned", "scanned", "exception"])
                tell(f"shipment.{name}", id=f"P{number}", order_id=number)
            case 1 | 2:
                tell("order.updated", id=number, eta=f"2026-03-{chance.randint(10, 20)}")
            case 3:
                tell("stock.changed", sku="A", available=chance.randint(0, 9))
            case 4:
                tell("order.updated", id=number, promised_at=chance.choice(["2026-03-12", "2026-03-15", None]))
    return told


@pytest.mark.parametrize("seed", range(12))
def test_live_decides_as_a_backtest_does(
    under: Callable[[str], Project], store: Store, tmp_path: Path, seed: int
) -> None:
    """Whatever happens in a shop, the engine live, ticked when something is due, decides what the backtest says."""
    project = under(LATE + SILENT + WORSE + LOW + MOVED + DELAYS)
    history = _history(Random(seed))
    file = tmp_path / "history.ndjson"
    file.write_bytes(b"\n".join(map(orjson.dumps, history)))
    shop = Shop(project, store)
    for event in history:
        at = datetime.fromisoformat(event["time"])
        work_until(shop, at)
        shop.now = at
        shop.engine.ingest([event])
    work_until(shop, shop.now + timedelta(microseconds=1))
    subjects = ["order:1", "order:2", "shipment:P1", "shipment:P2", "stock:A", "rule:moved", "shop"]
    with store.read() as unit:
        live = [decision_record(match, row) for key in subjects for match, rows in unit.matches_of(key) for row in rows]

    def order(one: dict[str, Any]) -> tuple[str, ...]:
        return one["at"], one["subject"], one["rule"], one["outcome"]

    expected = list(backtest.run(project, file).decisions())
    assert expected
    assert sorted(live, key=order) == sorted(expected, key=order)
    assert list(backtest.run_kept(project, store).decisions()) == expected
