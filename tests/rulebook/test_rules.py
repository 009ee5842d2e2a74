from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier import rulebook
from notifier.core.catalogue import EventType, Field, standard
from notifier.core.condition import BLOCKS, OPERATORS, AllOf, AnyOf, Clause, Items, NoneOf, NumberRef, TimeRef
from notifier.core.duration import Duration
from notifier.core.listing import Listing, Order
from notifier.core.rule import ABOUT, BecomesTrue, Calendar, Change, Limit, Moment, NoNews, OnEvent
from notifier.document import parse
from notifier.errors import Faults
from notifier.project import load as load_project
from notifier.rulebook import trigger
from notifier.rulebook.reading import Reading

FIELDS = standard().fields
PROMISED, ETA, STATUS, TOTAL, PLACED, PAID, SHIPPED = (
    FIELDS[f"order.{name}"] for name in ("promised_at", "eta", "status", "total", "placed_at", "paid_at", "shipped_at")
)


@pytest.fixture
def rule(load, lines):
    """One rule from a few keys."""
    return lambda **keys: load("version: 1\nrules:\n" + lines(**keys)).rules[0]


def test_the_starters_rules_load(project):
    """The rules that come with notifier are sound, against its own texts and teams."""
    book = load_project(project).book
    assert [one.id for one in book.rules] == [
        "close-the-loop", "order-shipped", "promise-at-risk", "delivery-overdue", "eta-slipped", "very-late",
        "good-news", "parcel-silent",
        "attempt-failed", "pickup-waiting", "pickup-last-day", "held-at-customs", "payment-failed", "late-orders-report",
        "refunds-overdue-report", "low-stock", "back-in-stock", "backorder-slipped",
    ]  # fmt: skip
    assert [one.place for one in book.rules] == list(range(1, 19))
    assert {one.about for one in book.rules} == {"customer", "order", "shipment", "stock", "shop"}
    assert {one.id for one in book.rules if one.state == "watch"} == {
        "parcel-silent", "attempt-failed", "pickup-waiting", "pickup-last-day", "held-at-customs", "payment-failed",
        "refunds-overdue-report", "backorder-slipped", "very-late", "good-news",
    }  # fmt: skip
    assert book.by_id["delivery-overdue"].where == "rules/delivery.yaml:26"
    assert book.by_id["close-the-loop"].sends[0].category == "staff"
    assert book.by_id["delivery-overdue"].follow_up.send.category == "survey"


TRIGGERS = [
    ("{event: order.shipped}", OnEvent(("order.shipped",))),
    ("{event: [order.cancelled, order.refunded]}", OnEvent(("order.cancelled", "order.refunded"))),
    ("{moment: order.promised_at}", Moment(TimeRef("order.promised_at", PROMISED))),
    ("{moment: order.promised_at + 1d, at: 9:00}",
     Moment(TimeRef("order.promised_at + 1d", PROMISED, Duration(1)), time(9))),
    ("{moment: order.promised_at - 2 business days, at: 18:30}",
     Moment(TimeRef("order.promised_at - 2 business days", PROMISED, Duration(0, -2)), time(18, 30))),
    ("{moment: 2026-12-01, at: 09:00}", Moment(TimeRef("2026-12-01", date(2026, 12, 1)), time(9))),
    ("{moment: '2026-12-01 - 1w', at: 09:00}",
     Moment(TimeRef("2026-12-01 - 1w", date(2026, 12, 1), Duration(-7)), time(9))),
    ("{moment: 2026-12-01T10:00:00+01:00}",
     Moment(TimeRef("2026-12-01T10:00:00+01:00", datetime(2026, 12, 1, 9, tzinfo=UTC)))),
    ("{moment: '2026-12-01T10:00-05:00 + 90m'}",
     Moment(TimeRef("2026-12-01T10:00-05:00 + 90m", datetime(2026, 12, 1, 15, tzinfo=UTC),
                    Duration(elapsed=timedelta(minutes=90))))),
    ("{moment: order.promised_at + 2 business days, calendar: destination}",
     Moment(TimeRef("order.promised_at + 2 business days", PROMISED, Duration(0, 2), "destination"))),
    ("{no_news: {of: order.shipped, for: 3d}}", NoNews(("order.shipped",), (SHIPPED,), Duration(3))),
    ("{no_news: {of: [order.paid, order.shipped], for: 3 business days, counted_from: order.placed_at}, calendar: carrier}",
     NoNews(("order.paid", "order.shipped"), (PAID, SHIPPED), Duration(0, 3), PLACED, "carrier")),
    ("{becomes_true: {order.total: {at_least: 5}}}",
     BecomesTrue(Clause(TOTAL, "at_least", NumberRef("5", None, 5), "order.total: {at_least: 5}"),
                 "order.total: {at_least: 5}")),
    ("{change: order.total, falls_below: 5, ready_again: {above: order.total + 3}}",
     Change(TOTAL, falls_below=NumberRef("5", None, 5), ready_again=Clause(
         TOTAL, "more_than", NumberRef("order.total + 3", TOTAL, 3.0), "order.total above order.total + 3"))),
    ("{change: order.total, rises_above: 5, ready_again: {below: 2}}",
     Change(TOTAL, rises_above=NumberRef("5", None, 5),
            ready_again=Clause(TOTAL, "less_than", NumberRef("2", None, 2), "order.total below 2"))),
    ("{change: order.eta, later_by: 1d}", Change(ETA, later_by=Duration(1))),
    ("{change: order.eta, earlier_by: PT2H}", Change(ETA, earlier_by=Duration(elapsed=timedelta(hours=2)))),
    ("{change: order.total, rises_above: 0}", Change(TOTAL, rises_above=NumberRef("0", None, 0))),
    ("{change: order.total, falls_below: 9.5}", Change(TOTAL, falls_below=NumberRef("9.5", None, 9.5))),
    ("{every: day, at: 08:00}", Calendar("every day at 08:00", (time(8),), every="day")),
    ("{every: friday, at: 8:30, timezone: Asia/Tehran, skip_holidays: true}",
     Calendar("every friday at 08:30", (time(8, 30),), ZoneInfo("Asia/Tehran"), "friday", True, frozenset({4}))),
    ("{cron: '0 7,19 1 */6 *', timezone: Asia/Tehran, skip_holidays: true}",
     Calendar("cron 0 7,19 1 */6 *", (time(7), time(19)), ZoneInfo("Asia/Tehran"), "", True,
              days=frozenset({1}), months=frozenset({1, 7}))),
    ("{cron: '15 8 13 * fri'}",
     Calendar("cron 15 8 13 * fri", (time(8, 15),), weekdays=frozenset({4}), days=frozenset({13}), either=True)),
    ("{change: order.status, to: delivered}", Change(STATUS, to=("delivered",))),
    ("{change: order.status, from: [paid, packed], to: shipped}",
     Change(STATUS, to=("shipped",), from_=("paid", "packed"))),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), TRIGGERS)
def test_triggers(rule, written, expected):
    """Each trigger is read as what it says."""
    about = {"about": "shop", "send": "{template: note, to: team.support}"} if isinstance(expected, Calendar) else {}
    assert rule(trigger=written, **about).trigger == expected


def test_a_line_may_be_a_field(rule):
    """Give or take a number."""
    trigger = "{change: stock.available, falls_below: stock.reorder_point - 3}"
    found = rule(about="stock", trigger=trigger, send="{template: note, to: team.support}").trigger
    point = FIELDS["stock.reorder_point"]
    assert found == Change(FIELDS["stock.available"], falls_below=NumberRef("stock.reorder_point - 3", point, -3))


def test_every_kind_of_trigger_and_way_of_changing_is_tried():
    """No trigger and no way in which a field can change is left out of the table."""
    tried = {name for text, _ in TRIGGERS for name in trigger.TRIGGERS if text.startswith(f"{{{name}:")}
    beside = {(name, one) for name, keys in trigger.TRIGGERS.items() for one in keys}
    assert tried == set(trigger.TRIGGERS)
    assert beside == {
        pair for text, _ in TRIGGERS for pair in beside if text.startswith(f"{{{pair[0]}:") and f" {pair[1]}:" in text
    }


def condition(text, scopes=("order", "customer", "stock")):
    reading = Reading(parse(text, "rules/x.yaml"), standard())
    found = reading.condition((), reading.document.data, scopes)
    assert not reading.problems, reading.problems
    return found


OPERANDS = [
    ("order.status: paid", "is", ("paid",)),
    ("order.status: [paid, packed]", "is", ("paid", "packed")),
    ("order.status: {is: paid}", "is", ("paid",)),
    ("order.status: {not: [paid]}", "not", ("paid",)),
    ("customer.country: no", "is", ("NO",)),
    ("order.currency: [eur, PLN]", "is", ("EUR", "PLN")),
    ("customer.timezone: Europe/Warsaw", "is", ("Europe/Warsaw",)),
    ("order.number: '01234'", "is", ("01234",)),
    ("order.number: 01234", "is", ("01234",)),
    ("order.total: 5", "is", (5,)),
    ("order.total: {at_least: 5.5}", "at_least", NumberRef("5.5", None, 5.5)),
    ("order.total: {at_most: -5}", "at_most", NumberRef("-5", None, -5)),
    ("order.total: {more_than: order.total + 1}", "more_than", NumberRef("order.total + 1", TOTAL, 1.0)),
    ("order.total: {less_than: order.total - 0.5}", "less_than", NumberRef("order.total - 0.5", TOTAL, -0.5)),
    ("order.eta: {before: now}", "before", TimeRef("now", None)),
    ("order.eta: {after: now - 2h}", "after", TimeRef("now - 2h", None, Duration(elapsed=timedelta(hours=-2)))),
    ("order.eta: {after: order.promised_at+1d}", "after", TimeRef("order.promised_at+1d", PROMISED, Duration(1))),
    ("order.eta: {before: 2026-03-29}", "before", TimeRef("2026-03-29", date(2026, 3, 29))),
    ("order.eta: {in_last: 7d}", "in_last", Duration(7)),
    ("order.eta: {in_next: 2 business days}", "in_next", Duration(0, 2)),
    ("customer.tags: {contains: vip}", "contains", "vip"),
    ("order.number: {starts_with: B2B}", "starts_with", "B2B"),
    ("order.eta: {exists: false}", "exists", False),
]


@pytest.mark.parametrize(("text", "operator", "operand"), OPERANDS)
def test_operators(text, operator, operand):
    """Each operator with the operands that it takes: numbers, times and names stay what they are in YAML 1.2."""
    clause = condition(text)
    assert (type(clause), clause.operator, clause.operand) == (Clause, operator, operand)


def test_every_operator_is_tried():
    """No operator is left out of the table."""
    assert {operator for _, operator, _ in OPERANDS} == {*OPERATORS, "exists"}


def test_blocks():
    """Blocks and lists of items are read as groups; a single entry needs none."""
    assert type(condition("order.total: 5")) is Clause
    assert type(condition("order.total: 5\norder.status: paid")) is AllOf
    kinds = {"all": AllOf, "any": AnyOf, "none": NoneOf}
    assert kinds.keys() == set(BLOCKS)
    for name, kind in kinds.items():
        for block in ("{order.total: 5}", "[{order.total: 5}, {order.status: paid}]"):
            assert type(condition(f"{name}: {block}")) is kind
        items = condition(f"order.items: {{{name}: {{sku: A}}}}")
        assert (type(items), items.quantifier) == (Items, name)


def test_a_whole_rule(rule):
    """Every key of a rule arrives where the engine looks for it."""
    one = rule(
        id="late-1_a", description="Too late.", owner="ops", about="order", state="watch",
        trigger="{moment: order.promised_at + 1d, at: 09:00}", if_already_past="send_now", include_closed="true",
        only_if="{order.total: 5}", not_if="{order.status: paid}", if_unknown="skip",
        limit="{at_most: 3, per: [order, customer, order.carrier], in_any: 7d}",
        send="[{template: note, channels: [preferred, sms], category: critical, after: 2h, useless_after: 1d, "
             "only_if: {order.total: 6}, not_if: {order.total: 7}}, {template: advert, to: team.support}, {survey: nps}]",
        follow_up="{survey: csat, after: 2d, counted_from: order.delivered_at, channels: email}",
    )  # fmt: skip
    assert (one.id, one.description, one.owner, one.state, one.about) == (
        "late-1_a",
        "Too late.",
        "ops",
        "watch",
        "order",
    )
    assert (one.send_if_already_past, one.include_closed, one.if_unknown_skip) == (True, True, True)
    assert (one.only_if.text, one.not_if.text) == ("order.total: 5", "order.status: paid")
    assert one.limit == Limit(("order", "customer", "order.carrier"), 3, Duration(7))
    first, second, third = one.sends
    assert (first.index, first.template, first.survey, first.category, first.to) == (
        0,
        "note",
        False,
        "critical",
        "customer",
    )
    assert (first.channels, first.after, first.useless_after) == (
        ("preferred", "sms"), Duration(elapsed=timedelta(hours=2)), Duration(1),
    )  # fmt: skip
    assert (first.only_if.text, first.not_if.text) == ("order.total: 6", "order.total: 7")
    assert (second.index, second.to, second.category, second.label) == (1, "team.support", "staff", "advert")
    assert (third.survey, third.category, third.label) == (True, "survey", "survey:nps")
    assert (one.follow_up.send.index, one.follow_up.send.label, one.follow_up.send.channels) == (
        3,
        "survey:csat",
        ("email",),
    )
    assert (one.follow_up.after, one.follow_up.counted_from.path) == (Duration(2), "order.delivered_at")


def test_what_is_not_written(rule):
    """A rule that says only what it must is live, sends at once to the customer, and as often as it fires."""
    one = rule()
    assert (one.state, one.limit, one.follow_up, one.only_if, one.not_if) == ("live", None, None, None, None)
    assert (one.send_if_already_past, one.include_closed, one.if_unknown_skip) == (False, False, False)
    (send,) = one.sends
    assert (send.to, send.channels, send.category, send.useless_after) == ("customer", (), "transactional", None)
    assert not send.after


@pytest.mark.parametrize(
    ("send", "category"),
    [
        ("{template: note}", "transactional"),
        ("{template: advert}", "marketing"),
        ("{template: advert, category: requested}", "requested"),
        ("{template: note, to: team.support}", "staff"),
        ("{survey: csat}", "survey"),
        ("{template: broken}", "transactional"),
    ],
)
def test_categories(rule, send, category):
    """The send's own word, else staff for a team, survey for a survey, else the template's."""
    assert rule(send=send).sends[0].category == category


@pytest.mark.parametrize(
    ("limit", "read"),
    [
        ("{once_per: order}", Limit(("order",))),
        ("{once_per: [order, order.promised_at]}", Limit(("order", "order.promised_at"))),
        ("{at_most: 2, per: customer, in_any: 30d}", Limit(("customer",), 2, Duration(30))),
    ],
)
def test_limits(rule, limit, read):
    """One key or several; once for all or so many in a stretch."""
    assert rule(limit=limit).limit == read


def test_texts_know_what_their_rule_knows(rule):
    """A text may speak of what its rule's subject, the event and the change bring along."""
    rule(send="{template: order_text}")
    rule(trigger="{change: order.status, to: shipped}", send="{template: change_text}")
    rule(about="customer", trigger="{event: survey.answered}", send="{template: score_text}")
    rule(about="customer", trigger="{event: ticket.opened}", send="{template: order_text}")


def test_every_event_has_a_rule_that_hears_it(rule):
    """Of each event at least one kind of rule can be made; of each kind of subject at least one event."""
    heard = set()
    for name in standard().events:
        for about in ABOUT:
            to = "{template: note, to: team.support}"
            try:
                rule(about=about, trigger=f"{{event: {name}}}", send=to, include_closed="true")
            except Faults:
                continue
            heard.add((name, about))
    assert {name for name, _ in heard} == set(standard().events)
    assert {about for _, about in heard} == set(ABOUT) - {"shop"}


LISTS = [
    ("{orders: {}}", Listing("orders")),
    ("{stock: {stock.available: {at_most: 0}}, sort: [stock.name, -stock.available], most: 5, when_empty: send}",
     Listing("stock", Clause(FIELDS["stock.available"], "at_most", NumberRef("0", None, 0), "stock.available: {at_most: 0}"),
             (Order(FIELDS["stock.name"]), Order(FIELDS["stock.available"], falling=True)), 5, send_empty=True)),
    ("{orders: {order.status: returned}, sort: -customer.name}",
     Listing("orders", Clause(STATUS, "is", ("returned",), "order.status: returned"),
             (Order(FIELDS["customer.name"], falling=True),), finished=True)),
    ("{shipments: {}}", Listing("shipments")),
    ("{customers: {}}", Listing("customers")),
]  # fmt: skip
REPORT = {"about": "shop", "trigger": "{every: day, at: 08:00}", "send": "{template: note, to: team.support}"}


@pytest.mark.parametrize(("written", "expected"), LISTS)
def test_lists(rule, written, expected):
    """A list says of what, in which order and how much; one that asks for the end has the finished ones."""
    assert rule(**REPORT, list=written).listing == expected


def test_a_list_of_all_the_finished(rule):
    """include_closed counts for what is listed."""
    assert rule(**REPORT, list="{orders: {}}", include_closed="true").listing.finished


def test_a_reminder_needs_no_list(rule):
    """By the calendar, or once on a day, a team can be reminded of something without a list."""
    assert rule(**REPORT).listing is None
    once = rule(**{**REPORT, "trigger": "{moment: 2026-12-01, at: 09:00}"})
    assert once.trigger.at == time(9)


def test_a_projects_own_names(load, lines):
    """Declared events and fields are known to rules like the rest, with did-you-mean and all."""
    own = standard().declare([EventType("order.wrapped", "")], [Field("order.gift", "choice", "", ("box", "bag"))])
    text = "version: 1\nrules:\n" + lines(trigger="{event: order.wrapped}", only_if="{order.gift: box}")
    assert load(text, own).rules[0].trigger == OnEvent(("order.wrapped",))
    with pytest.raises(Faults) as caught:
        load(text.replace("order.gift: box", "order.gift: bax"), own)
    assert "order.gift is never 'bax'; it is one of box, bag" in str(caught.value)


# --- files and versions ----------------------------------------------------------------------------------------------


def test_files_are_read_in_order(load, lines, tmp_path):
    """Rules keep the order of their files' names and of their lines; what lies under `rules/tests/` is not read."""
    rules = {name: "version: 1\nrules:\n" + lines(id=name) for name in ("b", "a", "c")}
    (tmp_path / "rules" / "tests").mkdir(parents=True)
    (tmp_path / "rules" / "tests" / "t.yaml").write_text("tests: []")
    (tmp_path / "rules" / "deep").mkdir()
    (tmp_path / "rules" / "deep" / "d.yml").write_text("version: 1\nrules:\n" + lines(id="d"))
    book = load(None, **rules)
    assert [(one.id, one.place) for one in book.rules] == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
    assert [one.where for one in book.rules][-1] == "rules/deep/d.yml:3"
    assert len(rulebook.files(tmp_path)) == 4


def test_a_hash_is_of_what_is_written(rule):
    """The hash of a rule changes with its words, and not with its layout, comments or place."""
    plain = rule(description="A")
    assert rule(description="B").hash != plain.hash
    assert rule(description="A", state="watch").hash != plain.hash
    assert rule(description="A  # as agreed").hash == plain.hash
    assert rule(send="\n      template: note", description="'A'").hash == plain.hash


def test_a_books_hash_is_of_all_its_rules(load, lines):
    """The book's hash changes with any rule, and with their order."""

    def hash_of(*ids, **keys):
        return load("version: 1\nrules:\n" + "".join(lines(id=one, **keys) for one in ids)).hash

    hashes = [hash_of("a"), hash_of("a", "b"), hash_of("b", "a"), hash_of("a", state="paused")]
    assert len(set(hashes)) == 4
    assert hash_of("a") == hashes[0]


def test_a_draft_is_checked_and_filed_nowhere(load, lines):
    """A draft has its faults found, and nothing sets it off."""
    book = load(
        "version: 1\nrules:\n" + lines(state="draft") + lines(id="b", trigger="{moment: order.eta}", state="draft")
    )
    assert len(book.rules) == 2
    assert (book.on_event, book.timed, book.on_change, book.watched) == ({}, {}, {}, {})


def test_rules_are_filed_by_what_sets_them_off(load, lines):
    """By event and subject, by the field that changes, by moments."""
    book = load(
        "version: 1\nrules:\n"
        + lines(id="a", trigger="{event: [order.paid, order.shipped]}")
        + lines(id="b", trigger="{change: order.eta, later_by: 1d}")
        + lines(id="c", trigger="{moment: order.eta}", follow_up="{survey: csat, after: 1d}")
        + lines(id="e", trigger="{no_news: {of: order.paid, for: 1d}}")
        + lines(id="f", trigger="{becomes_true: {order.total: 5}}", still_true_after="1h", not_if="{order.carrier: x}")
        + lines(id="g", trigger="{change: order.total, falls_below: 5, ready_again: {above: 8}}")
        + lines(id="d", about="stock", trigger="{event: stock.changed}", send="{template: note, to: team.support}")
    )
    assert {key: [one.id for one in rules] for key, rules in book.on_event.items()} == {
        ("order", "order.paid"): ["a"], ("order", "order.shipped"): ["a"], ("stock", "stock.changed"): ["d"],
    }  # fmt: skip
    assert [one.id for one in book.on_change["order"]["order.eta"]] == ["b"]
    assert [one.id for one in book.timed["order"]] == ["c", "e"]
    assert [one.id for one in book.turning["order"]] == ["f", "g"]
    assert [one.id for one in book.follow_ups("order")] == ["c"]
    assert book.watched == {
        "order": {"order.eta", "order.paid_at", "order.total", "order.carrier"}, "stock": frozenset(),
    }  # fmt: skip
    one = book.by_id["c"]
    assert (one.send_at(0), one.send_at(1), one.send_at(2)) == (one.sends[0], one.follow_up.send, None)
    assert (one.follows_up(one.sends[0]), one.follows_up(one.follow_up.send)) == (False, True)
