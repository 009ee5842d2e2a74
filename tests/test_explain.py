from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier import rulebook, starter
from notifier.config import Promise
from notifier.core.policy import Mute
from notifier.engine import Engine
from notifier.explain import Explanation, explain, near, trigger_words
from notifier.project import Project, load
from notifier.provider import Accepted, RetryLater
from notifier.store.memory import MemoryStore

RULES = """\
version: 1
rules:
  - id: shipped
    about: order
    trigger: {event: order.shipped}
    send: {template: order_shipped}
    limit: {once_per: order}
  - id: at-risk
    about: order
    trigger: {moment: order.promised_at - 1d, at: 18:00}
    not_if: {order.status: [out_for_delivery, ready_for_pickup]}
    send: {template: may_be_late}
  - id: overdue
    about: order
    trigger: {moment: order.promised_at + 1d, at: 09:00}
    only_if: {order.total: {at_least: 50}}
    send: {template: delivery_late}
    follow_up: {survey: csat_delivery, after: 2d, counted_from: order.delivered_at}
  - id: slipped
    about: order
    trigger: {change: order.eta, later_by: 1d}
    send: {template: eta_changed}
  - id: unhappy
    about: customer
    trigger: {event: survey.answered}
    only_if: {survey.score: {at_most: 2}}
    send: {template: low_score_alert, to: team.support}
  - id: pickup
    about: shipment
    trigger: {event: shipment.ready_for_pickup}
    send: {template: eta_changed}
  - id: silent
    about: shipment
    trigger: {no_news: {of: shipment.scanned, for: 2d, counted_from: shipment.created_at}}
    send: {template: may_be_late}
  - id: lasting
    about: order
    trigger: {change: order.promised_at, later_by: 1d}
    still_true_after: 2h
    send: {template: eta_changed}
  - id: dear
    about: order
    trigger: {becomes_true: {order.total: {at_least: 900}}}
    send: {template: eta_changed}
  - id: idea
    about: stock
    state: draft
    trigger: {change: stock.available, falls_below: 3}
    send: {template: low_stock, to: team.purchasing}
  - id: tried-out
    about: stock
    state: watch
    trigger: {change: stock.available, to: 0}
    send: {template: low_stock, to: team.purchasing}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Project:
    root = tmp_path_factory.mktemp("explain") / "shop"
    starter.copy(root)
    for text in (root / "templates").glob("[!l]*/[!em]*.md"):
        text.unlink()
    return with_rules(load(root), RULES)


def with_rules(project: Project, text: str) -> Project:
    """The project under other rules."""
    for file in (project.root / "rules").glob("*.yaml"):
        file.unlink()
    (project.root / "rules" / "rules.yaml").write_text(text, encoding="utf-8")
    book = rulebook.load(project.root, project.catalogue, project.texts.templates, tuple(project.config.teams))
    return replace(project, book=book)


class Postman:
    """A provider that answers as it is told, and else takes everything."""

    channels = frozenset({"email"})
    max_in_flight = 1
    idempotency = "none"
    leaves_machine = False

    def __init__(self) -> None:
        self.answers: list[Any] = []

    async def send(self, message: Any) -> Any:
        return self.answers.pop(0) if self.answers else Accepted(message.id)

    async def close(self) -> None:
        """Nothing is open."""


class Shop:
    """A project on a clock that is set by hand."""

    def __init__(self, project: Project) -> None:
        self.now = at("2026-03-10T10:00")
        self.postman = Postman()
        store = MemoryStore(keep_events=True)
        self.engine = Engine(project, store, lambda: self.now, {"outbox": self.postman, "texts": self.postman})
        self._count = 0

    def tell(self, type_: str, time: str = "", **data: Any) -> None:
        """An event that happens, and arrives, now; or that happened at `time`."""
        self._count += 1
        happened = at(time) if time else self.now
        receipts = self.engine.ingest([
            {
                "specversion": "1.0", "id": f"e{self._count}", "source": "/shop", "type": type_,
                "time": happened.isoformat(), "data": data,
            }
        ])  # fmt: skip
        assert receipts[0].status == "accepted", receipts[0].reason

    def until(self, time: str) -> None:
        self.now = at(time)
        self.engine.tick()

    def explain(self, key: str = "order:7") -> Explanation:
        with self.engine.store.read() as unit:
            found = explain(self.engine.project, unit, key, self.now)
        assert found is not None
        return found

    def told(self, key: str = "order:7") -> list[str]:
        return [f"{one.at:%m-%d %H:%M} {one.text}" for one in self.explain(key).entries if one.told]

    def outlook(self, rule: str, key: str = "order:7") -> tuple[str, str]:
        return next((one.outlook, one.reason) for one in self.explain(key).standings if one.rule.id == rule)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def shop(loaded) -> Shop:
    return Shop(loaded)


@pytest.fixture
def placed(shop) -> Shop:
    """Order 7 of Dana's, promised for Friday 13 March."""
    dana = {"id": "dana", "email": "dana@example.com", "locale": "en"}
    shop.tell("order.placed", id="7", total=90, promised_at="2026-03-13", customer=dana)
    return shop


def test_nothing_is_known_of_a_stranger(shop):
    """A subject that no event told of has no timeline."""
    with shop.engine.store.read() as unit:
        assert explain(shop.engine.project, unit, "order:7", shop.now) is None


def test_events_say_what_they_changed(placed):
    """Each event is told with what it changed, from what to what, and not with what anybody can see."""
    placed.now = at("2026-03-11T10:00")
    placed.tell("order.updated", id="7", promised_at="2026-03-14")
    assert placed.told()[:2] == [
        "03-10 10:00 order.placed: promised_at 2026-03-13, total 90, status placed",
        "03-11 10:00 order.updated: promised_at 2026-03-13 -> 2026-03-14",
    ]


def test_articles_are_told_by_name(placed):
    """What an order holds is told in words, and a long list by its beginning."""
    placed.tell("order.updated", id="7", items=[{"sku": "S", "name": "Wool socks", "quantity": 2}, {"sku": "BOOT-42"}])
    assert "03-10 10:00 order.updated: items [2 x Wool socks, BOOT-42]" in placed.told()
    placed.tell("order.updated", id="8", items=[{"sku": f"A{number}"} for number in range(9)])
    assert placed.told("order:8")[0].endswith("items [A0, A1, A2, A3, A4, ...]")


def test_a_late_arrival_is_said_to_be_one(placed):
    """What happened on Monday and arrived on Wednesday stands on Monday, with the day of its arrival."""
    placed.now = at("2026-03-12T10:00")
    placed.tell("order.updated", time="2026-03-10T12:00", id="7", carrier="GLS")
    assert "03-10 12:00 order.updated: carrier GLS (arrived Thu 2026-03-12 11:00)" in placed.told()


def test_an_order_tells_of_its_parcels(placed):
    """What happens to a parcel is part of its order's story, as far as it changes the order."""
    placed.tell("shipment.scanned", tracking_number="Z1", order_id="7", eta="2026-03-15")
    line = next(line for line in placed.told() if "shipment.scanned" in line)
    assert line == "03-10 10:00 shipment.scanned: status placed -> in_transit, eta 2026-03-15, tracking_number Z1"


def test_an_order_tells_of_the_messages_about_its_parcels(placed):
    """What a rule about parcels made of one is told with its order, by the parcel's name."""
    placed.tell("shipment.ready_for_pickup", tracking_number="Z1", order_id="7")
    placed.until("2026-03-10T10:00")
    assert placed.told()[2:5] == [
        "03-10 10:00 pickup, about shipment:Z1, went off: shipment.ready_for_pickup",
        "03-10 10:00 message 1 goes to customer:dana by email in 'en' (eta_changed)",
        "03-10 10:00 message 1: outbox took it",
    ]
    assert [one.subject_key for one in placed.explain().messages] == ["shipment:Z1"]


def test_a_customer_tells_of_their_orders(placed):
    """All that happened to a customer's orders and parcels, what was sent about them and what is to come, in one line of
    time; consents among it.
    """
    placed.tell("order.placed", id="8", customer={"id": "ola", "email": "ola@example.com"})
    placed.now = at("2026-03-10T11:00")
    placed.tell("consent.changed", customer_id="dana", channel="email", purpose="survey", state="revoked")
    placed.tell("order.shipped", id="7", carrier="GLS")
    placed.tell("shipment.ready_for_pickup", tracking_number="Z1", order_id="7")
    placed.until("2026-03-10T11:00")
    assert placed.told("customer:dana") == [
        "03-10 10:00 order.placed of order:7: promised_at 2026-03-13, total 90, status placed, email d***@e***, locale en",
        "03-10 11:00 consent.changed: consent to survey by email revoked",
        "03-10 11:00 order.shipped of order:7: status placed -> shipped, carrier GLS",
        "03-10 11:00 shipment.ready_for_pickup of order:7: status shipped -> ready_for_pickup, tracking_number Z1",
        "03-10 11:00 shipped, about order:7, went off: order.shipped",
        "03-10 11:00 message 1 goes to customer:dana by email in 'en' (order_shipped)",
        "03-10 11:00 message 1: outbox took it",
        "03-10 11:00 pickup, about shipment:Z1, went off: shipment.ready_for_pickup",
        "03-10 11:00 message 2 goes to customer:dana by email in 'en' (eta_changed)",
        "03-10 11:00 message 2: outbox took it",
        "03-12 17:00 at-risk, about order:7, is due",
        "03-14 08:00 overdue, about order:7, is due",
    ]
    assert [one.subject_key for one in placed.explain("customer:dana").messages] == ["order:7", "shipment:Z1"]


def test_a_promise_that_was_reckoned(loaded):
    """Where the shop sends no date, the one that rules go by is told, with how it was come by and when it moved."""
    leads = (Promise(**{"from": "order.paid_at", "transit": "2 business days"}),)
    shop = Shop(replace(loaded, config=loaded.config.model_copy(update={"promises": leads})))
    shop.tell("order.placed", id="7")
    shop.tell("order.paid", id="7")
    reckoned = "reckoned from order.paid_at, 1 business day until it leaves, 2 business days on its way"
    assert shop.told()[:2] == [
        "03-10 10:00 order.placed: status placed",
        f"03-10 10:00 order.paid: status placed -> paid, promised_at 2026-03-13 ({reckoned})",
    ]
    change = shop.explain().entries[1].record["changes"][-1]
    assert change == {"field": "order.promised_at", "before": None, "after": "2026-03-13", "reckoned": reckoned}
    shop.tell("order.updated", id="7", promised_at="2026-03-16")
    assert "03-10 10:00 order.updated: promised_at 2026-03-13 -> 2026-03-16" in shop.told()


def test_addresses_are_masked(placed):
    """An explanation can be passed on: addresses in it are masked."""
    placed.tell("customer.updated", id="dana", email="dana@example.org", phone="+15550100142")
    explained = placed.explain("customer:dana")
    whole = repr([(one.text, one.record) for one in explained.entries])
    assert "d***@e***" in whole
    assert whole.count("phone ***0142") == 1
    assert "dana@" not in whole
    assert "15550100142" not in whole
    assert "dana@" not in repr(placed.explain().entries)


def test_an_event_that_would_be_refused_today_stays_in_the_story(placed, loaded, monkeypatch):
    """A catalogue that changed since hides nothing that happened."""
    catalogue = replace(loaded.catalogue, fields={
        path: replace(one, type="number") if path == "order.promised_at" else one
        for path, one in loaded.catalogue.fields.items()
    })  # fmt: skip
    placed.engine.project = replace(loaded, catalogue=catalogue)
    assert placed.told()[0] == "03-10 10:00 order.placed: (it would be refused today)"


def test_a_message_from_cause_to_effect(placed):
    """A rule goes off, its message goes out, the provider refuses once and then takes it."""
    placed.postman.answers = [RetryLater(None, "451 try later")]
    placed.tell("order.shipped", id="7", carrier="GLS")
    placed.until("2026-03-10T10:00")
    placed.until("2026-03-10T10:05")
    assert placed.told()[2:6] == [
        "03-10 10:00 shipped went off: order.shipped",
        "03-10 10:00 message 1 goes to customer:dana by email in 'en' (order_shipped)",
        "03-10 10:00 message 1: outbox did not take it and may be asked again: 451 try later",
        "03-10 10:05 message 1: outbox took it",
    ]


def test_a_change_says_from_what_to_what(placed):
    """A rule about a change is told with both values."""
    placed.tell("order.updated", id="7", eta="2026-03-13")
    placed.tell("order.updated", id="7", eta="2026-03-15")
    assert "03-10 10:00 slipped went off: order.eta went from 2026-03-13 to 2026-03-15" in placed.told()


def test_why_nothing_was_sent(placed):
    """A drop has its code and says in words what it means."""
    placed.tell("order.updated", id="7", total=20)
    placed.until("2026-03-14T08:00")
    assert (
        "03-14 08:00 delivery_late is not sent - condition_false: order.total is 20, and only_if asks for"
        " order.total: {at_least: 50}"
    ) in placed.told()


def test_what_follows_up(placed):
    """A survey after the message waits for the delivery, has a time once that is known, and then follows."""
    placed.until("2026-03-14T08:00")
    assert next(one.follow_up for one in placed.explain().standings if one.rule.id == "overdue") == (
        "survey:csat_delivery waits until order.delivered_at is known"
    )
    placed.tell("order.delivered", id="7")
    assert next(one.follow_up for one in placed.explain().standings if one.rule.id == "overdue") == (
        "survey:csat_delivery follows Mon 2026-03-16 09:00"
    )
    assert placed.told()[-1] == "03-16 08:00 overdue follows up"
    placed.until("2026-03-16T08:00")
    assert "03-16 08:00 overdue follows up: due Mon 2026-03-16 09:00" in placed.told()


def test_what_is_to_come(placed):
    """Armed times stand at the end, at the instant when they come."""
    assert placed.told()[1:] == ["03-12 17:00 at-risk is due", "03-14 08:00 overdue is due"]


def test_an_answer_belongs_to_its_order(placed):
    """What the customer answered, and what came of it, is told with the order that the question was about."""
    placed.tell("survey.answered", id="s1", name="csat_delivery", score=1, order_id="7", customer_id="dana")
    told = placed.told()
    assert "03-10 10:00 survey.answered: name csat_delivery, score 1" in told
    assert "03-10 10:00 unhappy went off: survey.answered" in told
    placed.tell("survey.answered", id="s2", name="csat_delivery", score=1, order_id="8", customer_id="dana")
    assert placed.told() == told


def test_an_armed_rule_says_what_it_will_do(placed):
    """Its time, and what would come of it as things are now."""
    assert placed.outlook("overdue") == (
        "due Sat 2026-03-14 09:00; then, as things are now, it would be sent by email in 'en'", ""
    )  # fmt: skip


def test_conditions_are_told_clause_by_clause(placed):
    """Each clause with what it found: true, false or unknown."""
    clauses = {one.rule.id: one.clauses for one in placed.explain().standings}
    [(where, finding)] = clauses["overdue"]
    assert (where, finding.truth, finding.seen) == ("only_if", True, "order.total is 90")
    placed.tell("order.updated", id="7", total=None)
    [(_, finding)] = next(one.clauses for one in placed.explain().standings if one.rule.id == "overdue")
    assert (finding.truth, finding.seen) == (None, "order.total is unknown")
    assert placed.outlook("overdue")[1] == "condition_unknown"


def test_once_is_once(placed):
    """A rule whose limit is used up says so."""
    placed.tell("order.shipped", id="7")
    assert placed.outlook("shipped") == (
        "if it went off now, it would not be sent - already_sent: the rule has told this before, or is about to",
        "already_sent",
    )  # fmt: skip


def test_a_moment_that_went_off(placed):
    """A rule that has gone off for its time says what it would need to do so again."""
    placed.until("2026-03-12T17:00")
    assert placed.outlook("at-risk") == (
        "it went off for Thu 2026-03-12 18:00, and does so again only for a later time", "fired"
    )  # fmt: skip


def test_a_moment_that_was_past(shop):
    """A time that lay in the past when it became known is not made up for, and that is said."""
    shop.tell("order.placed", id="7", promised_at="2026-03-01")
    assert shop.outlook("overdue") == ("its time, Mon 2026-03-02 09:00, was past when it first became known", "past")


def test_a_moment_that_nobody_knows(shop):
    """Without its field a moment cannot come; the field is named."""
    shop.tell("order.placed", id="7")
    assert shop.outlook("overdue") == ("it cannot go off: order.promised_at is not known", "condition_unknown")


def test_a_finished_order(placed):
    """Nothing more goes off for an order that is delivered."""
    placed.tell("order.delivered", id="7")
    assert {placed.outlook(rule) for rule in ("shipped", "at-risk", "slipped")} == {
        ("it cannot go off: the order is delivered", "superseded")
    }


def test_states_of_rules(shop):
    """A draft cannot go off, a watching rule would send nothing."""
    shop.tell("stock.changed", sku="B", available=9)
    assert shop.outlook("idea", "stock:B") == ("it cannot go off: it is a draft, which is only checked", "draft")
    assert shop.outlook("tried-out", "stock:B")[1] == "watching"


def test_an_operators_word_counts(placed):
    """What is paused or muted now is said of each rule that it stops."""
    with placed.engine.store.begin() as unit:
        unit.add_mute(Mute("pause", "rule:slipped", at("2026-03-11T00:00")), placed.now)
        unit.add_mute(Mute("mute", "rule:shipped", None, "wrong text"), placed.now)
    assert placed.outlook("slipped") == (
        "if it went off now, it would be held until Wed 2026-03-11 01:00"
        " - paused: rule slipped is paused since Tue 2026-03-10 11:00 until Wed 2026-03-11 01:00",
        "paused",
    )
    assert placed.outlook("shipped")[1] == "muted"


def test_a_message_that_is_paused_says_by_whom_it_waits(placed):
    """A pause without an end holds until it is lifted, and is told with when and why it was begun."""
    with placed.engine.store.begin() as unit:
        unit.add_mute(Mute("pause", "rule:shipped", None, "wrong text"), placed.now)
    placed.tell("order.shipped", id="7")
    held = "03-10 10:00 message 1 is held until resumed, or dropped Thu 2026-03-12 11:00 - paused: "
    assert held + "rule shipped is paused since Tue 2026-03-10 11:00 until resumed: wrong text" in placed.told()
    with placed.engine.store.begin() as unit:
        unit.lift_mute("pause", "rule:shipped")
        unit.wake("paused", placed.now)
    assert "03-10 10:00 message 1 is held until the next tick - paused: " in "\n".join(placed.told())


def test_what_holds_a_message_now(placed, loaded):
    """Beside what was decided stands what would be decided now: a pause that is over, another that came, a rule that went."""
    slot = (Mute("pause", "rule:shipped", None, "wrong text"), Mute("pause", "all", at("2026-03-10T12:00"), "strike"))
    with placed.engine.store.begin() as unit:
        unit.add_mute(slot[0], placed.now)
    placed.tell("order.shipped", id="7")

    def outlook():
        explained = placed.explain()
        return explained.outlooks[explained.messages[0].key]

    assert outlook().startswith("until resumed, or dropped Thu 2026-03-12 11:00 - paused: rule shipped is paused since")
    with placed.engine.store.begin() as unit:
        unit.lift_mute("pause", "rule:shipped")
        unit.add_mute(slot[1], placed.now)
    assert outlook() == (
        "until Tue 2026-03-10 13:00 - paused: everything is paused since Tue 2026-03-10 11:00 until Tue 2026-03-10 13:00: strike"
    )
    with placed.engine.store.begin() as unit:
        unit.lift_mute("pause", "all")
    assert outlook() == "it goes out at the next look"
    placed.tell("order.cancelled", id="7")
    assert outlook() == "at the next look it is dropped - superseded: the order is cancelled"
    try:
        placed.engine.project = with_rules(loaded, RULES.replace("id: shipped", "id: sent"))
        assert outlook() == "its rule is gone: it will be dropped"
    finally:
        with_rules(loaded, RULES)


def test_what_was_told_before_may_still_be_held(placed):
    """`already_sent` names the earlier message and where that one stands."""
    with placed.engine.store.begin() as unit:
        unit.add_mute(Mute("pause", "rule:shipped"), placed.now)
    placed.tell("order.shipped", id="7")
    placed.tell("order.shipped", id="7", carrier="GLS")
    assert (
        "03-10 10:00 order_shipped is not sent - already_sent: the rule has told this with message 1, which is held"
    ) in placed.told()


def test_an_address_that_is_none(placed):
    """An address that is there and cannot be written to is not called unknown."""
    placed.tell("customer.updated", id="dana", email="dana.example")
    placed.tell("order.shipped", id="7")
    assert (
        "03-10 10:00 order_shipped is not sent - no_address: ***mple is not a valid e-mail address"
        " and no phone number of the customer is known"
    ) in placed.told()


def test_a_rule_about_events_is_asked_with_the_last_one(placed):
    """Conditions on what an event brings are looked at with the newest such event."""
    placed.tell("survey.answered", id="s1", name="csat_delivery", score=5, customer_id="dana")
    [standing] = placed.explain("customer:dana").standings
    assert [(finding.truth, finding.seen) for _, finding in standing.clauses] == [(False, "survey.score is 5")]
    assert standing.reason == "condition_false"


def test_a_time_whose_rule_is_gone(placed, loaded):
    """A time that is armed for a rule that was taken away says that nothing will come of it."""
    rules = RULES.replace("id: overdue", "id: too-late")
    try:
        placed.engine.project = with_rules(loaded, rules)
        assert "03-14 08:00 overdue is due - but the rule is gone, and nothing will come of it" in placed.told()
        assert placed.outlook("too-late") == ("its time is armed at the next tick, if it still lies ahead", "not_armed")
    finally:
        with_rules(loaded, RULES)


def test_a_silence(placed):
    """When a parcel's silence is told, that it was, and what ends it."""
    placed.tell("shipment.created", id="P1", order_id="7")
    assert "03-12 10:00 silent is due" in placed.told("shipment:P1")
    assert placed.outlook("silent", "shipment:P1")[0].startswith("due Thu 2026-03-12 11:00; then")
    placed.until("2026-03-12T10:00")
    went_off = "it went off for Thu 2026-03-12 11:00, and does so again only after the next news"
    assert placed.outlook("silent", "shipment:P1") == (went_off, "fired")
    placed.tell("shipment.created", id="P2")
    assert "it cannot go off" not in placed.outlook("silent", "shipment:P2")[0]


def test_a_wait_whether_it_lasts(placed):
    """Before, during and after it."""
    assert placed.outlook("lasting")[0] == "if it went off now, it would be sent by email in 'en'"
    placed.tell("order.updated", id="7", promised_at="2026-03-16")
    assert "03-10 12:00 lasting is looked at again" in placed.told()
    assert placed.outlook("lasting")[0].startswith(
        "due Tue 2026-03-10 13:00; then, as things are now, it would be sent"
    )
    placed.until("2026-03-10T12:00")
    assert "lasting went off: order.promised_at went from 2026-03-13 to 2026-03-16" in "".join(placed.told())


def test_what_must_be_ready_again(placed):
    """A condition that was true and told says so until it was false."""
    assert placed.outlook("dear") == ("if it went off now, it would be sent by email in 'en'", "")
    placed.tell("order.updated", id="7", total=950)
    assert placed.outlook("dear") == ("it went off, and waits until it is ready again", "fired")


def test_near(placed):
    """An id that is nearly right is suggested, of the same kind only."""
    with placed.engine.store.read() as unit:
        assert near(unit, "order:77") == " - did you mean 'order:7'?"
        assert near(unit, "customer:dan") == " - did you mean 'customer:dana'?"
        assert near(unit, "stock:7") == ""


def test_triggers_in_words(loaded):
    """A trigger is said in one line."""
    words = {rule.id: trigger_words(rule.trigger) for rule in loaded.book.rules}
    assert words == {
        "shipped": "order.shipped",
        "at-risk": "order.promised_at - 1d at 18:00",
        "overdue": "order.promised_at + 1d at 09:00",
        "slipped": "order.eta later by 1d",
        "unhappy": "survey.answered",
        "pickup": "shipment.ready_for_pickup",
        "silent": "no shipment.scanned for 2d since shipment.created_at",
        "lasting": "order.promised_at later by 1d",
        "dear": "it becomes true that order.total: {at_least: 900}",
        "idea": "stock.available falls below 3",
        "tried-out": "stock.available to 0",
    }


REPORT = """\
version: 1
rules:
  - id: late
    about: shop
    trigger: {every: day, at: 08:00}
    list: {orders: {order.promised_at: {before: now}}}
    send: {template: late_orders_report, to: team.purchasing}
  - id: empty
    about: shop
    trigger: {cron: "0 9 * * *"}
    list: {orders: {order.total: {at_least: 900}}}
    send: {template: late_orders_report, to: team.purchasing}
  - id: tried-out
    about: shop
    state: watch
    trigger: {every: day, at: 10:00}
    list: {orders: {}, most: 1}
    send: {template: late_orders_report, to: team.purchasing}
"""


def test_the_shop_itself(loaded):
    """Of the shop it is told which reports went out, what they listed, what is to come, and what they would list now."""
    shop = Shop(with_rules(loaded, REPORT))
    for number in ("1", "2"):
        shop.tell("order.placed", id=number, promised_at="2026-03-09")
    shop.until("2026-03-11T07:00")
    explained = shop.explain("shop")
    told = [entry.text for entry in explained.entries if entry.told]
    assert "message 1 goes to team:purchasing by email in 'en' (late_orders_report): 2 orders" in told
    assert told[-3:] == ["empty is due", "tried-out is due", "late is due"]
    outlooks = {one.rule.id: (one.outlook.partition("; ")[2], one.reason) for one in explained.standings}
    assert outlooks == {
        "late": ("then, as things are now, it would be sent by email in 'en'; it would list 2 orders", ""),
        "empty": ("as things are now, it would not be sent - list_empty: there is nothing to list", "list_empty"),
        "tried-out": (
            "then, as things are now, it would not be sent - watching: the rule only watches; "
            "it would list 2 orders, the first 1 listed", "watching",
        ),
    }  # fmt: skip


def test_nothing_in_the_shop(loaded):
    """Before the first event a report tells when it will come, and that it would be empty."""
    shop = Shop(with_rules(loaded, REPORT))
    (late, *_) = shop.explain("shop").standings
    assert late.outlook == "its time is armed at the next tick, if it still lies ahead"
