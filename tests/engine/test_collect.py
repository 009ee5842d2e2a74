"""What is collected into one message: on both stores, from the first match to the provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier import backtest, rulebook
from notifier.backtest import decision_record
from notifier.core.local_time import rfc3339
from notifier.core.policy import Mute
from notifier.project import Project
from notifier.provider import Outcome, Refused, RetryLater
from notifier.store import Store
from notifier.store.memory import MemoryStore

from .conftest import NOON, Shop, work_until

LOW = """
version: 1
rules:
  - id: low
    about: stock
    trigger: {change: stock.available, falls_below: 3}
    send: {template: low_stock, to: team.support, collect: {per: team, for: 2h}}
    limit: {at_most: 1, per: stock, in_any: 7d}
"""
MOVED = """
version: 1
rules:
  - id: moved
    about: order
    trigger: {change: order.eta, later_by: 1d}
    send: {template: moved_days, collect: {per: customer, for: 30m}}
    follow_up: {survey: csat_delivery, after: 1d}
  - id: moved-back
    about: order
    trigger: {change: order.eta, earlier_by: 1d}
    only_if: {told: {rule: moved, in_last: 9d}}
    send: {template: eta_changed}
"""
MOVED_TEXT = """---
subject: "{{ matches | length }} orders come later"
sms: "{{ matches | length }} orders come later"
---
{% for match in matches %}
- {{ match.order.number }}: {{ match.order.eta | date }}
{% endfor %}

[Write to us]({{ links.contact }}){button}
"""
SENT, ALONG = ("accepted", ""), ("collected", "")


@pytest.fixture(scope="module")
def with_rules(small_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """The small project with one text more, under other rules."""
    from shutil import copytree

    from notifier.project import load

    root = tmp_path_factory.mktemp("collecting") / "shop"
    copytree(small_project.root, root)
    folder = root / "templates" / "moved_days"
    folder.mkdir()
    (folder / "message.yaml").write_text("category: transactional\nabout: order\n")
    (folder / "en.md").write_text(MOVED_TEXT)
    project = load(root)

    def made(rules: str) -> Project:
        (root / "rules" / "rules.yaml").write_text(rules)
        texts, teams = project.texts.templates, tuple(project.config.teams)
        return replace(project, book=rulebook.load(root, project.catalogue, texts, teams))

    return made


@pytest.fixture
def shop_with(with_rules: Callable[[str], Project], store: Store) -> Callable[[str], Shop]:
    return lambda rules: Shop(with_rules(rules), store)


def _stock(shop: Shop, sku: str, *units: int) -> None:
    for count in units:
        shop.tell("stock.changed", sku=sku, name=sku, available=count)


def _ends(shop: Shop) -> list[tuple[str, str]]:
    return [(one.state, one.reason) for one in reversed(shop.outgoing())]


def test_one_message_for_all_that_comes_in_the_window(shop_with: Callable[[str], Shop]) -> None:
    """The window opens with the first match and does not move; what comes after its end opens another."""
    shop = shop_with(LOW)
    _stock(shop, "A", 9, 2)
    shop.tick(hours=1, minutes=59)
    _stock(shop, "B", 9, 1)
    assert shop.email.given == []
    assert _ends(shop) == [("held", "collecting"), ALONG]
    shop.tick(minutes=1)
    (message,) = shop.email.given
    assert message.subject == "Low stock: 2 items"
    assert "A (A): 2 left" in message.text
    assert "B (B): 1 left" in message.text
    assert _ends(shop) == [SENT, ALONG]
    assert shop.decisions("stock:A") == [("low_stock", "hold", "collecting"), ("low_stock", "send", "")]
    assert shop.decisions("stock:B") == [("low_stock", "hold", "collecting"), ("low_stock", "send", "collected")]
    _stock(shop, "C", 9, 1)
    shop.tick(minutes=119)
    assert len(shop.email.given) == 1
    shop.tick(minutes=1)
    assert len(shop.email.given) == 2


@pytest.mark.parametrize("gone", ["A", "B", "C"])
def test_each_match_falls_out_alone(shop_with: Callable[[str], Shop], gone: str) -> None:
    """At the end each is decided again; what is no longer so is dropped, gives back its place, and the rest goes."""
    shop = shop_with(LOW)
    for sku in "ABC":
        _stock(shop, sku, 9, 2)
    _stock(shop, gone, 9)
    shop.tick(hours=2)
    (message,) = shop.email.given
    assert message.subject == "Low stock: 2 items"
    assert f"{gone} ({gone})" not in message.text
    assert shop.decisions(f"stock:{gone}")[-1] == ("low_stock", "drop", "superseded")
    assert sorted(_ends(shop)) == sorted([SENT, ALONG, ("dropped", "superseded")])
    _stock(shop, gone, 2)
    shop.tick(hours=2)
    assert len(shop.email.given) == 2


def test_the_same_is_told_once(shop_with: Callable[[str], Shop]) -> None:
    """What goes off twice in a window stands in the message once, as it is now; the earlier match gives way."""
    shop = shop_with(LOW.replace("\n    limit: {at_most: 1, per: stock, in_any: 7d}", ""))
    for units in (2, 1):
        _stock(shop, "A", 9, units)
        _stock(shop, "B", 9, units)
        shop.tick(minutes=5)
    shop.tick(hours=2)
    (message,) = shop.email.given
    assert message.subject == "Low stock: 2 items"
    assert message.text.count("(A)") == 1
    assert _ends(shop) == [("dropped", "superseded")] * 2 + [SENT, ALONG]


def test_nothing_is_sent_where_all_fell_out(shop_with: Callable[[str], Shop]) -> None:
    """A window that ends with nothing in it makes no message."""
    shop = shop_with(LOW)
    for sku in "AB":
        _stock(shop, sku, 9, 2, 9)
    shop.tick(hours=2)
    assert shop.email.given == []
    assert _ends(shop) == [("dropped", "superseded")] * 2


def test_what_holds_one_holds_it_alone(shop_with: Callable[[str], Shop]) -> None:
    """An article that an operator has paused waits by itself; the first one as well, and the rest goes in its place."""
    shop = shop_with(LOW)
    for sku in "ABC":
        _stock(shop, sku, 9, 2)
    with shop.store.begin() as unit:
        unit.add_mute(Mute("pause", "sku:A"), shop.now)
    shop.tick(hours=2)
    assert _ends(shop) == [("held", "paused"), SENT, ALONG]
    with shop.store.begin() as unit:
        unit.lift_mute("pause", "sku:A")
        unit.wake("paused", shop.now)
    shop.tick()
    assert _ends(shop) == [SENT, SENT, ALONG]
    assert [message.subject for message in shop.email.given] == ["Low stock: 2 items", "Low stock: A"]


def test_what_holds_all_keeps_them_together(shop_with: Callable[[str], Shop]) -> None:
    """Where everything is paused at the end of the window, one message goes once it is not."""
    shop = shop_with(LOW)
    for sku in "ABC":
        _stock(shop, sku, 9, 2)
    with shop.store.begin() as unit:
        unit.add_mute(Mute("pause", "all"), shop.now)
    shop.tick(hours=2)
    assert _ends(shop) == [("held", "paused"), ALONG, ALONG]
    _stock(shop, "B", 9)
    with shop.store.begin() as unit:
        unit.lift_mute("pause", "all")
        unit.wake("paused", shop.now)
    shop.tick()
    assert [message.subject for message in shop.email.given] == ["Low stock: 2 items"]


def test_a_rule_that_is_gone_sends_nothing_of_it(shop_with: Callable[[str], Shop]) -> None:
    """At the end the rule as it is then decides: where there is none, all of it is dropped."""
    shop = shop_with(LOW)
    for sku in "ABC":
        _stock(shop, sku, 9, 2)
    shop.engine.adopt(shop_with(MOVED).engine.project)
    shop.tick(hours=2)
    assert _ends(shop) == [("dropped", "superseded")] * 3


def test_an_edit_does_not_close_the_window(shop_with: Callable[[str], Shop]) -> None:
    """A window that is open keeps its end when rules change."""
    shop = shop_with(LOW)
    _stock(shop, "A", 9, 2)
    shop.engine.adopt(shop_with(LOW.replace("for: 2h", "for: 5h")).engine.project)
    shop.tick(minutes=119)
    assert shop.email.given == []
    shop.tick(minutes=1)
    assert len(shop.email.given) == 1


def test_another_try_sends_the_same(shop_with: Callable[[str], Shop]) -> None:
    """A provider that was busy gets the same words again, whatever came since."""
    shop = shop_with(LOW)
    answers: list[Outcome | None] = [RetryLater(timedelta(minutes=5), "busy"), None]
    shop.email.answer = lambda _: answers.pop(0)  # type: ignore[assignment, return-value]
    _stock(shop, "A", 9, 2)
    _stock(shop, "B", 9, 2)
    shop.tick(hours=2)
    _stock(shop, "C", 9, 2)
    shop.email.answer = None
    shop.tick(minutes=5)
    first, second = shop.email.given
    assert first == second
    assert _ends(shop) == [SENT, ALONG, ("held", "collecting")]


def test_what_cannot_be_sent_fails_with_all_of_it(shop_with: Callable[[str], Shop]) -> None:
    """Nothing that was collected passes for told, and each may be told again."""
    shop = shop_with(LOW)
    shop.email.answer = lambda _: Refused("no such mailbox", "address")
    _stock(shop, "A", 9, 2)
    _stock(shop, "B", 9, 2)
    shop.tick(hours=2)
    assert [state for state, _ in _ends(shop)] == ["failed", "failed"]
    shop.email.answer = None
    _stock(shop, "B", 9, 2)
    shop.tick(hours=2)
    assert [message.subject for message in shop.email.given][1:] == ["Low stock: B"]


def test_a_window_closes_once(shop_with: Callable[[str], Shop]) -> None:
    """Who dies after the mark leaves nothing that could be sent as a second message; who dies before it, all."""
    shop = shop_with(LOW)
    for sku in "AB":
        _stock(shop, sku, 9, 2)
    shop.now += timedelta(hours=2)
    dispatch = shop.engine.dispatch
    dispatch.prepare(dispatch.claim(shop.now), shop.now)
    shop.engine.take_over()
    assert [one.lead for one in shop.outgoing()] == [shop.outgoing()[-1].key] * 2
    claimed = dispatch.claim(shop.now)
    (marked,) = dispatch.mark(dispatch.prepare(claimed, shop.now), shop.engine.carriers(), shop.now)
    assert dispatch.claim(shop.now) == []
    shop.engine.take_over()
    shop.tick(hours=1)
    # The fate of the call was unknown, and staff is told once more: the same, with both.
    (message,) = shop.email.given
    assert message == marked.message
    assert _ends(shop) == [SENT, ALONG]


def _orders(shop: Shop, *numbers: int, customer: str = "dana") -> None:
    for number in numbers:
        who = {"id": customer, "email": f"{customer}@example.com", "locale": "en"}
        shop.tell("order.placed", id=str(number), eta="2026-03-12", customer=who)


def test_each_customer_gets_one(shop_with: Callable[[str], Shop]) -> None:
    """What is for another person is another message."""
    shop = shop_with(MOVED)
    _orders(shop, 1, 2)
    _orders(shop, 3, customer="eve")
    for number in (1, 2, 3):
        shop.tell("order.updated", id=str(number), eta="2026-03-14")
    shop.tick(minutes=30)
    assert sorted((one.to, one.subject) for one in shop.email.given) == [
        ("dana@example.com", "2 orders come later"), ("eve@example.com", "1 orders come later"),
    ]  # fmt: skip


def test_it_is_followed_up_once(shop_with: Callable[[str], Shop]) -> None:
    """One message, one question; but every order knows that it was told of."""
    shop = shop_with(MOVED)
    _orders(shop, 1, 2)
    for number in (1, 2):
        shop.tell("order.updated", id=str(number), eta="2026-03-14")
    shop.tick(minutes=30)
    for number in (1, 2):
        shop.tell("order.updated", id=str(number), eta="2026-03-12")
    shop.tick(days=1)
    told = [one.template for one in shop.outgoing()]
    assert told.count("survey:csat_delivery") == 1
    assert told.count("eta_changed") == 2


def test_it_counts_once_for_the_brake(shop_with: Callable[[str], Shop]) -> None:
    """What joins a message is no message more."""
    shop = shop_with(MOVED.replace("    follow_up:", "    brake: {hold_all_if_over: 1, in: 1d}\n    follow_up:"))
    _orders(shop, 1, 2)
    _orders(shop, 3, customer="eve")
    for number in (1, 2, 3):
        shop.tell("order.updated", id=str(number), eta="2026-03-14")
    shop.tick(minutes=30)
    assert _ends(shop)[:3] == [SENT, ALONG, ("held", "brake")]


def test_by_a_field(shop_with: Callable[[str], Shop]) -> None:
    """What has the same value goes together; what nobody knows goes by itself."""
    shop = shop_with(MOVED.replace("per: customer", "per: order.carrier"))
    for number, carrier in enumerate(["GLS", "DHL", "GLS", None, None], 1):
        _orders(shop, number)
        shop.tell("order.updated", id=str(number), eta="2026-03-14", carrier=carrier)
    shop.tick(minutes=30)
    assert sorted(one.subject for one in shop.email.given) == ["1 orders come later"] * 3 + ["2 orders come later"]


def test_until_a_time_at_which_the_team_is_at_work(shop_with: Callable[[str], Shop]) -> None:
    """The weekend's news is one message, on Monday; where the team is never there at that time, the hours decide."""
    shop = shop_with(LOW.replace("for: 2h", "until: 16:00"))
    hours = replace(shop.engine.project.policy.teams["support"], hours=_hours("mon-fri 08:00-18:00"))
    shop.engine.project.__dict__["policy"] = replace(shop.engine.project.policy, teams={"support": hours})
    shop.now = datetime.fromisoformat("2026-03-13T15:30:00Z")
    _stock(shop, "A", 9, 2)
    shop.tick(days=1)
    _stock(shop, "B", 9, 2)
    (first, second) = reversed(shop.outgoing())
    assert (rfc3339(first.due_at), first.key, second.lead) == ("2026-03-16T15:00:00Z", first.key, first.key)


def _hours(text: str) -> Any:
    from notifier.core.quiet_hours import OfficeHours

    return OfficeHours.parse(text)


Times = st.lists(st.tuples(st.sampled_from("ABCDEF"), st.integers(0, 100)), max_size=15)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Times)
def test_windows_on_any_day(with_rules: Callable[[str], Project], steps: list[tuple[str, int]]) -> None:
    """Whatever comes when: each match is told once, no later than its window's end, and windows never overlap."""
    rules = LOW.replace("\n    limit: {at_most: 1, per: stock, in_any: 7d}", "")
    shop = Shop(with_rules(rules), MemoryStore())
    end, expected = None, list[list[object]]()
    for sku, minutes in steps:
        work_until(shop, shop.now + timedelta(minutes=minutes))
        shop.now += timedelta(minutes=minutes, seconds=1)
        work_until(shop, shop.now)
        _stock(shop, sku, 9)
        _stock(shop, sku, 2)
        if end is None or end <= shop.now:
            end = shop.now + timedelta(hours=2)
            expected.append([end, []])
        expected[-1][1].append(sku)  # type: ignore[attr-defined]
    work_until(shop, shop.now + timedelta(hours=3))
    assert [one.written_at for one in shop.email.given] == [moment for moment, _ in expected]
    for message, (_, skus) in zip(shop.email.given, expected, strict=True):
        assert sum(f"({sku})" in message.text for sku in "ABCDEF") == len(set(skus))  # type: ignore[call-overload]


def _history(chance: Random) -> list[dict[str, Any]]:
    now, told = NOON, []

    def tell(type_: str, **data: Any) -> None:
        told.append({
            "specversion": "1.0", "id": str(len(told)), "source": "/shop", "type": type_, "time": rfc3339(now), "data": data,
        })  # fmt: skip

    for number in range(4):
        who = {"id": f"c{number % 2}", "email": f"c{number % 2}@example.com"}
        tell("order.placed", id=str(number), eta="2026-03-12", customer=who)
    for _ in range(40):
        now += timedelta(minutes=chance.choice([1, 1, 7, 29, 60, 150]))
        if chance.random() < 0.5:
            tell("stock.changed", sku=chance.choice("ABC"), available=chance.randint(0, 6))
        else:
            tell("order.updated", id=str(chance.randrange(4)), eta=f"2026-03-{chance.randint(10, 20)}")
    return told


@pytest.mark.parametrize("seed", range(8))
def test_live_decides_as_a_backtest_does(
    with_rules: Callable[[str], Project], store: Store, tmp_path: Path, seed: int
) -> None:
    """Whatever is collected, and whatever falls out: the engine live comes to what the backtest says."""
    brake = "    brake: {hold_all_if_over: 3, in: 1d}\n    follow_up:"
    project = with_rules(LOW + MOVED.partition("rules:\n")[2].replace("    follow_up:", brake))
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
    subjects = [*(f"order:{number}" for number in range(4)), *(f"stock:{sku}" for sku in "ABC"), "rule:moved"]
    with store.read() as unit:
        live = [
            decision_record(match, row)
            for key in subjects
            for match, rows in unit.matches_of(key)
            for row in rows
            if row.reason != "collected"
        ]

    def order(one: dict[str, Any]) -> tuple[str, ...]:
        return one["at"], one["subject"], one["rule"], one["outcome"]

    expected = list(backtest.run(project, file).decisions())
    assert any(one["reason"] == "collecting" for one in expected)
    assert sorted(live, key=order) == sorted(expected, key=order)
