"""Why a rule did not go off: derived from the kept events, by the rules that were in force when they arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier import rulebook, starter
from notifier.engine import Engine
from notifier.errors import UsageError
from notifier.explain import Account, account, explain
from notifier.project import Project, load
from notifier.store.memory import MemoryStore

RULES = """\
version: 1
topics:
  delay: {per: order, every: 24h, strongest_first: [overdue, at-risk]}
rules:
  - id: slipped
    about: order
    trigger: {change: order.eta, later_by: 1d}
    only_if: {order.total: {at_least: 50}, order.currency: EUR}
    not_if: {order.status: ready_for_pickup}
    send: {template: eta_changed}
  - id: dear
    about: order
    trigger: {becomes_true: {order.total: {at_least: 900}}}
    send: {template: eta_changed}
  - {id: cancelled, about: order, trigger: {event: order.cancelled}, send: {template: eta_changed}}
  - {id: at-risk, about: order, topic: delay, trigger: {moment: order.promised_at, at: 09:00}, send: {template: may_be_late}}
  - {id: overdue, about: order, topic: delay, trigger: {moment: order.promised_at, at: 08:00}, send: {template: delivery_late}}
  - {id: silent, about: shipment, trigger: {no_news: {of: shipment.scanned, for: 2d}}, send: {template: parcel_silent}}
  - {id: unhappy, about: customer, trigger: {event: survey.answered}, send: {template: apology}}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("replay") / "shop"
    starter.copy(root)
    for text in (root / "templates").glob("[!l]*/[!em]*.md"):
        text.unlink()
    for file in (root / "rules").rglob("*.yaml"):
        file.unlink()
    (root / "rules" / "rules.yaml").write_text(RULES, encoding="utf-8")
    return load(root)


class Shop:
    """A project on a clock that is set by hand; order 7 is placed at ten on Tuesday 10 March, an hour later in Warsaw."""

    def __init__(self, project: Project) -> None:
        self.now = datetime(2026, 3, 10, 10, tzinfo=UTC)
        self.engine = Engine(project, MemoryStore(keep_events=True), lambda: self.now, {})
        self._count = 0
        dana = {"id": "dana", "email": "dana@example.com", "locale": "en"}
        self.tell("order.placed", 10, promised_at="2026-03-13", customer=dana)

    def tell(self, type_: str, day: int, **data: Any) -> None:
        self.now = self.now.replace(day=day)
        self._count += 1
        told = {"specversion": "1.0", "id": f"e{self._count}", "source": "/shop", "type": type_}
        (receipt,) = self.engine.ingest([{**told, "time": self.now.isoformat(), "data": {"id": "7", **data}}])
        assert receipt.status == "accepted", receipt.reason

    def edit(self, day: int, before: str, after: str) -> None:
        """Other rules come into force."""
        self.now = self.now.replace(day=day)
        project = self.engine.project
        text = project.book.text["rules/rules.yaml"]
        assert before in text
        teams = tuple(project.config.teams)
        changed = {"rules/rules.yaml": text.replace(before, after)}
        book = rulebook.recall(changed, project.catalogue, project.texts.templates, teams)
        self.engine.adopt(replace(project, book=book))

    def account(self, rule: str, key: str = "order:7") -> Account:
        with self.engine.store.read() as unit:
            found = account(self.engine.project, unit, key, rule, self.now)
        assert found is not None
        return found

    def told(self, rule: str, key: str = "order:7") -> list[str]:
        return [f"{one.at:%d} {one.text}" for one in self.account(rule, key).entries if one.kind == "verdict"]

    def never(self, rule: str) -> str:
        return self.standing(rule).never

    def standing(self, rule: str) -> Any:
        with self.engine.store.read() as unit:
            explained = explain(self.engine.project, unit, "order:7", self.now)
        assert explained is not None
        return next(one for one in explained.standings if one.rule.id == rule)


@pytest.fixture
def shop(loaded: Project) -> Shop:
    return Shop(loaded)


def test_each_clause_is_told_with_what_it_saw(shop: Shop) -> None:
    """Where conditions stood in the way: which was true, which false and which unknown, then and not now."""
    shop.tell("order.updated", 11, eta="2026-03-12", total=20)
    shop.tell("order.updated", 12, eta="2026-03-15")
    shop.tell("order.updated", 13, total=100)
    assert shop.told("slipped") == [
        "11 order.updated: order.eta went from unknown to 2026-03-12: from unknown it never goes off",
        "12 order.updated: order.eta went from 2026-03-12 to 2026-03-15, but its conditions stood in the way",
    ]
    verdict = [one for one in shop.account("slipped").entries if one.kind == "verdict"][-1].record
    assert [(one["in"], one["clause"], one["truth"], one["seen"]) for one in verdict["clauses"]] == [
        ("only_if", "order.total: {at_least: 50}", False, "order.total is 20"),
        ("only_if", "order.currency: EUR", None, "order.currency is unknown"),
        ("not_if", "order.status: ready_for_pickup", False, "order.status is placed"),
    ]
    assert shop.never("slipped") == (
        "it never went off; Thu 2026-03-12 11:00, order.updated: order.eta went from 2026-03-12 to 2026-03-15, but its "
        "conditions stood in the way: only_if order.total: {at_least: 50} was false, order.total is 20; "
        "only_if order.currency: EUR was unknown, order.currency is unknown"
    )


def test_a_change_that_was_none_of_its(shop: Shop) -> None:
    """What changed otherwise than the rule waits for is told with what it waits for."""
    shop.tell("order.updated", 11, eta="2026-03-12")
    shop.tell("order.updated", 12, eta="2026-03-11")
    assert shop.told("slipped")[-1] == (
        "12 order.updated: order.eta went from 2026-03-12 to 2026-03-11, and it waits for 'later by 1d'"
    )


def test_what_went_off_is_told_as_that(shop: Shop) -> None:
    """The replay and what is kept say the same, and a rule that went off has no reason why it never did."""
    shop.tell("order.updated", 11, eta="2026-03-12", total=90, currency="EUR")
    shop.tell("order.updated", 12, eta="2026-03-15")
    assert shop.told("slipped")[-1] == "12 order.updated: order.eta went from 2026-03-12 to 2026-03-15: it went off"
    assert shop.never("slipped") == ""


def test_a_time_that_moved_and_fell_away(shop: Shop) -> None:
    """Set, moved, unknown, and gone with the delivery."""
    shop.tell("order.updated", 11, promised_at="2026-03-16")
    shop.tell("order.updated", 12, promised_at=None)
    shop.tell("order.updated", 13, promised_at="2026-03-12")
    shop.tell("order.updated", 14, promised_at="2026-03-20")
    shop.tell("order.delivered", 15)
    assert shop.told("overdue") == [
        "10 order.placed: its time is set to Fri 2026-03-13 08:00",
        "11 order.updated: its time is moved from Fri 2026-03-13 08:00 to Mon 2026-03-16 08:00",
        "12 order.updated: no time is set: order.promised_at is not known",
        "13 order.updated: its time, Thu 2026-03-12 08:00, was past already: it is passed over",
        "14 order.updated: its time is moved from Thu 2026-03-12 08:00 to Fri 2026-03-20 08:00",
        "15 order.delivered: its time, Fri 2026-03-20 08:00, falls away: the order is delivered",
    ]
    assert shop.never("overdue").endswith("falls away: the order is delivered")


def test_what_must_become_true(shop: Shop) -> None:
    """It is told when that turned, with what it saw."""
    shop.tell("order.updated", 11, total=100)
    assert shop.told("dear") == [
        "11 order.updated: what must become true (order.total: {at_least: 900}) was unknown and is false now"
    ]
    shop.tell("order.updated", 12, total=1000)
    assert shop.told("dear")[-1].endswith("was false and is true now: it went off")


def test_what_never_came(shop: Shop) -> None:
    """Without any event that concerns it, that is the reason."""
    assert shop.told("cancelled") == []
    assert shop.never("cancelled") == "it never went off: no order.cancelled arrived"
    assert shop.never("slipped") == "it never went off: order.eta never changed"


def test_the_rules_of_then_count(shop: Shop) -> None:
    """What came before an edit is told by the rule as it was; that it was edited is told as well."""
    shop.tell("order.updated", 11, eta="2026-03-12", total=20, currency="EUR")
    shop.tell("order.updated", 12, eta="2026-03-15")
    shop.edit(13, "{order.total: {at_least: 50}, order.currency: EUR}", "{order.total: {at_least: 10}}")
    shop.tell("order.updated", 14, eta="2026-03-18")
    assert shop.told("slipped")[1:] == [
        "12 order.updated: order.eta went from 2026-03-12 to 2026-03-15, but its conditions stood in the way",
        "14 the rule was edited on Fri 2026-03-13 11:00",
        "14 order.updated: order.eta went from 2026-03-15 to 2026-03-18: it went off",
    ]


def test_a_rule_that_is_gone_can_still_be_asked(shop: Shop) -> None:
    """By its old text; and one that is new was not there yet."""
    shop.tell("order.updated", 11, eta="2026-03-12")
    shop.edit(12, "id: slipped", "id: moved")
    shop.tell("order.updated", 13, eta="2026-03-15", total=90)
    assert shop.told("slipped") == [
        "11 order.updated: order.eta went from unknown to 2026-03-12: from unknown it never goes off",
        "13 the rule was taken out on Thu 2026-03-12 11:00",
    ]
    assert shop.account("slipped").standing is None
    assert shop.told("moved")[:2] == [
        "10 there was no such rule yet",
        "13 the rule came into force on Thu 2026-03-12 11:00",
    ]


def test_rules_that_cannot_be_read_any_more(shop: Shop, loaded: Project) -> None:
    """A field that is declared no more: what stood in force then is not guessed at."""
    shop.tell("order.updated", 11, eta="2026-03-12")
    shop.edit(12, "order.total: {at_least: 50}, ", "")
    fields = {path: one for path, one in loaded.catalogue.fields.items() if path != "order.total"}
    shop.edit(
        13,
        "dear\n    about: order\n    trigger: {becomes_true: {order.total: {at_least: 900}}}",
        "dear\n    about: order\n    trigger: {event: order.paid}",
    )
    shop.engine.project = replace(shop.engine.project, catalogue=replace(loaded.catalogue, fields=fields))
    (first,) = shop.told("slipped")
    assert first.startswith("10 the rules of then cannot be read any more: rules/rules.yaml:")
    assert "unknown field 'order.total'" in first


def test_what_was_before_anything_was_kept(shop: Shop) -> None:
    """A database from before says so, and the first kept rules stand in."""
    assert shop.account("slipped").known_since is None
    with shop.engine.store.begin() as unit:
        (kept,) = unit.rules_texts()
        unit._rules_texts[:] = [replace(kept, since=kept.since.replace(day=12))]
    assert shop.account("slipped").known_since == datetime(2026, 3, 12, 10, tzinfo=UTC)
    assert shop.told("overdue") == ["10 order.placed: its time is set to Fri 2026-03-13 08:00"]


def test_a_parcel_of_the_order_is_told_with_it(shop: Shop) -> None:
    """Of a rule about parcels, `--rule` tells what it made of each of the order's."""
    shop.tell("shipment.scanned", 11, id="P1", order_id="7")
    shop.tell("order.delivered", 12)
    assert shop.told("silent") == ["11 shipment.scanned of shipment:P1: its time is set to Fri 2026-03-13 11:00"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("slippd", "there is no rule 'slippd', and never was - did you mean 'slipped'?"),
        (
            "unhappy",
            "rule 'unhappy' is about a person, and order:7 has none; try 'notifier explain customer:dana --rule unhappy'",
        ),
    ],
)
def test_a_rule_that_cannot_be_asked(shop: Shop, rule: str, said: str) -> None:
    """A slip, or a rule about something else."""
    with pytest.raises(UsageError) as raised:
        shop.account(rule)
    assert str(raised.value) == said


def test_of_two_rules_of_a_topic_one_is_foreseen_to_be_silent(shop: Shop) -> None:
    """Both are due on the same morning: the stronger tells first, and the weaker gives way."""
    assert shop.standing("overdue").reason == ""
    weaker = shop.standing("at-risk")
    assert (weaker.outlook, weaker.reason) == (
        "due Fri 2026-03-13 09:00; then, as things are now, it would not be sent - topic_told: overdue will have told of delay "
        "Fri 2026-03-13 08:00",
        "topic_told",
    )
    shop.edit(11, "08:00", "10:00")
    assert (shop.standing("overdue").reason, shop.standing("at-risk").reason) == ("", "")


def test_the_text_of_rules_is_kept_once_for_each_change(shop: Shop) -> None:
    """Not at each start, but whenever other rules come into force."""
    project = shop.engine.project
    Engine(project, shop.engine.store, lambda: shop.now, {}).arm_new_rules()
    shop.edit(11, "08:00", "10:00")
    shop.edit(12, "10:00", "08:00")
    with shop.engine.store.read() as unit:
        kept = unit.rules_texts()
    assert [one.since.day for one in kept] == [10, 11, 12]
    assert kept[0].hash == kept[2].hash != kept[1].hash
