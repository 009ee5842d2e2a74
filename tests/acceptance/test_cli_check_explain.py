from __future__ import annotations

import pytest

HEAD = "version: 1\nrules:\n  - id: late\n    "
SILENT = "{no_news: {of: shipment.scanned, for: 3 business days, counted_from: shipment.created_at}, calendar: carrier}"
TOLD = {
    "moment": (
        ["about: order", "trigger: {moment: order.promised_at + 1d, at: 09:00}",
         "not_if: {order.status: ready_for_pickup}", "send: {template: delivery_late}", "limit: {once_per: order}",
         "follow_up: {survey: csat_delivery, after: 2d, counted_from: order.delivered_at}"],
        "1 day after order.promised_at, at 09:00 on the customer's clock, for an order, unless order.status is "
        "ready_for_pickup: tell the customer by e-mail or SMS (delivery_late), once per order. Then, 2 days after "
        "order.delivered_at: ask the customer by e-mail or SMS (csat_delivery).",
        ["order.promised_at is Thu 2026-03-19 -> Fri 2026-03-20 09:00",
         "order.promised_at is Sat 2026-03-28 10:00 -> Sun 2026-03-29 09:00 (over the change of clocks)",
         "the order is finished before that -> nothing"],
    ),
    "before": (
        ["about: order", "trigger: {moment: order.promised_at - 2 business days, at: 09:00}", "include_closed: true",
         "send: {template: may_be_late, channels: email, useless_after: 3h}", "state: draft"],
        "2 business days before order.promised_at, at 09:00 on the customer's clock, for an order, also when it is "
        "finished: tell the customer by e-mail (may_be_late), unless it is 3 hours too late. It is a draft: it is "
        "checked, and nothing else.",
        ["order.promised_at is Thu 2026-03-19 -> Tue 2026-03-17 09:00",
         "order.promised_at is Mon 2026-03-23 16:30 -> Thu 2026-03-19 09:00 (over the weekend)",
         "order.promised_at is not known -> nothing (it waits until it is)"],
    ),
    "hours": (
        ["about: order", "trigger: {moment: order.delivered_at + 2h}", "send: {survey: csat_delivery}"],
        "2 hours after order.delivered_at, for an order: ask the customer by e-mail or SMS (csat_delivery).",
        ["order.delivered_at is Thu 2026-03-19 -> Thu 2026-03-19 08:00 (held until the quiet hours end)",
         "order.delivered_at is Sun 2026-03-29 01:30 -> Sun 2026-03-29 08:00 "
         "(over the change of clocks, held until the quiet hours end)",
         "order.delivered_at is not known -> nothing (it waits until it is)"],
    ),
    "date": (
        ["about: order", "trigger: {moment: 2026-12-01, at: 09:00}", "if_already_past: send_now",
         "send: {template: order_shipped}"],
        "On 2026-12-01, at 09:00 on the customer's clock, for an order, also where that is past when it becomes known: "
        "tell the customer by e-mail or SMS (order_shipped).",
        ["the order is known by then, the customer's clock is that of Europe/Warsaw -> Tue 2026-12-01 09:00",
         "the order is known by then, the customer's clock is that of America/New_York -> Tue 2026-12-01 15:00",
         "the order becomes known afterwards -> nothing"],
    ),
    "no_news": (
        ["about: shipment", f"trigger: {SILENT}", "send: {template: order_shipped}", "state: watch"],
        "When a parcel had no shipment.scanned for 3 business days of the carrier since shipment.created_at or the last "
        "of it: tell the customer by e-mail or SMS (order_shipped). It only watches: it decides, and sends nothing.",
        ["shipment.created_at is Thu 2026-03-19 10:00, and nothing comes -> Tue 2026-03-24 10:00 (over the weekend)",
         "shipment.created_at is Fri 2026-03-20 16:30, and nothing comes -> Wed 2026-03-25 16:30 (over the weekend)",
         "shipment.scanned comes before that -> nothing (the silence begins anew)"],
    ),
    "event": (
        ["about: customer", "trigger: {event: survey.answered}", "only_if: {survey.score: {at_most: 2}}",
         "send: [{template: low_score_alert, to: team.support}, {template: apology, after: 1d12h, "
         "only_if: {customer.tags: {contains: regular}}}]", "limit: {once_per: survey.id}"],
        "When survey.answered comes for a customer, if survey.score is at most 2: tell team support by e-mail or SMS "
        "(low_score_alert); 1 day 12 hours later tell the customer by e-mail or SMS (apology) if customer.tags contains "
        "regular, once per survey.id.",
        ["survey.answered comes on Thu 2026-03-19 10:00 -> Thu 2026-03-19 10:00",
         "survey.answered comes on Sat 2026-03-21 23:30 -> Mon 2026-03-23 08:00 (held until team.support works)",
         "survey.answered comes a second time -> nothing (once per survey.id)"],
    ),
    "later": (
        ["about: order", "trigger: {change: order.eta, later_by: 1d}", "still_true_after: 2h",
         "send: {template: eta_changed}", "limit: {at_most: 2, per: order, in_any: 7d}"],
        "When order.eta of an order moves at least 1 day later, and this lasts 2 hours: tell the customer by e-mail or "
        "SMS (eta_changed), at most 2 times per order in any 7 days.",
        ["on Mon 2026-03-16 10:00 order.eta goes from Thu 2026-03-19 10:00 to Fri 2026-03-20 10:00 -> Mon 2026-03-16 12:00",
         "on Mon 2026-03-16 10:00 order.eta goes from Sat 2026-03-28 10:00 to Sun 2026-03-29 10:00 -> Mon 2026-03-16 12:00 "
         "(over the change of clocks)",
         "on Mon 2026-03-16 10:00 order.eta goes from Thu 2026-03-19 10:00 to Fri 2026-03-20 09:59 -> nothing "
         "(not far enough)"],
    ),
    "falls": (
        ["about: stock", "trigger: {change: stock.available, falls_below: stock.reorder_point, "
         "ready_again: {above: stock.reorder_point + 3}}", "send: {template: low_stock, to: team.purchasing}"],
        "When stock.available of an article falls below stock.reorder_point (again only after stock.available is more than "
        "stock.reorder_point + 3): tell team purchasing by e-mail or SMS (low_stock).",
        ["on Mon 2026-03-16 10:00 stock.available goes from 10 to 9 where stock.reorder_point is 10 -> Mon 2026-03-16 10:00",
         "on Mon 2026-03-16 10:00 stock.available goes from 11 to 7 where stock.reorder_point is 10 -> Mon 2026-03-16 10:00",
         "on Mon 2026-03-16 10:00 stock.available goes from 9 to 8 where stock.reorder_point is 10 -> nothing "
         "(it was below already)"],
    ),
    "becomes": (
        ["about: order", "trigger: {change: order.status, from: paid, to: [packed, shipped]}",
         "send: {template: order_shipped}", "state: paused"],
        "When order.status of an order was paid and becomes packed or shipped: tell the customer by e-mail or SMS "
        "(order_shipped). It is paused: its messages are held.",
        ["on Mon 2026-03-16 10:00 order.status goes from paid to packed -> Mon 2026-03-16 10:00",
         "on Mon 2026-03-16 10:00 order.status goes from paid to shipped -> Mon 2026-03-16 10:00",
         "on Mon 2026-03-16 10:00 order.status goes from unknown to packed -> nothing (from unknown it never fires)"],
    ),
    "becomes_true": (
        ["about: order", "trigger: {becomes_true: {order.eta: {after: order.promised_at + 1d}}}",
         "only_if: {any: [{order.total: {at_least: 50}}, {customer.country: [DE, AT]}]}",
         "not_if: {order.items: {any: {backordered: true}}, order.placed_at: {in_last: 7d}, order.carrier: {exists: false}}",
         "if_unknown: skip", "send: {template: eta_changed}"],
        "When it becomes true of an order that order.eta is after 1 day after order.promised_at, if (order.total is at least "
        "50 or customer.country is DE or AT), unless any of order.items has (backordered is true) and order.placed_at lies in "
        "the last 7 days and order.carrier is not known, or nobody knows: tell the customer by e-mail or SMS (eta_changed).",
        ["it was false, and is true from Thu 2026-03-19 10:00 -> Thu 2026-03-19 10:00",
         "nobody knew, and it is true from Sat 2026-03-21 23:30 -> Sat 2026-03-21 23:30",
         "it is true already -> nothing (until it was false again)"],
    ),
    "every": (
        ["about: shop", "trigger: {every: weekday, at: 08:00, skip_holidays: true}",
         "list: {orders: {order.promised_at: {before: now}}, sort: [-order.total, customer.name], most: 50}",
         "send: {template: late_orders_report, to: team.support}"],
        "Every weekday at 08:00 on the clock of Europe/Warsaw, but not on holidays: tell team support by e-mail or SMS "
        "(late_orders_report). It lists the orders where order.promised_at is before now, at most 50, the highest order.total "
        "first then the first customer.name first. Where there are none, nothing is sent.",
        ["next -> Mon 2026-03-16 08:00", "then -> Tue 2026-03-17 08:00", "then -> Wed 2026-03-18 08:00"],
    ),
    "month": (
        ["about: shop", "trigger: {every: month, at: 07:00, skip_holidays: true}", "include_closed: true",
         "list: {shipments: {}, when_empty: send}", "send: {template: late_orders_report, to: team.support}"],
        "On the first working day of every month at 07:00 on the clock of Europe/Warsaw: tell team support by e-mail or SMS "
        "(late_orders_report). It lists the parcels, the finished ones too, at most 200.",
        ["next -> Wed 2026-04-01 08:00 (over the change of clocks, held until team.support works)",
         "then -> Mon 2026-05-04 08:00 (not on Fri 2026-05-01, held until team.support works)",
         "then -> Mon 2026-06-01 08:00 (held until team.support works)"],
    ),
    "cron": (
        ["about: shop", 'trigger: {cron: "30 8 1-3 5 *", timezone: Asia/Tehran, skip_holidays: true}',
         "list: {orders: {order.status: paid}}", "send: {template: late_orders_report, to: team.purchasing}", "state: watch"],
        "Cron 30 8 1-3 5 * on the clock of Asia/Tehran, but not on holidays: tell team purchasing by e-mail or SMS "
        "(late_orders_report). It lists the orders where order.status is paid, at most 200. Where there are none, nothing is sent. "
        "It only watches: it decides, and sends nothing.",
        ["next -> Sat 2026-05-02 07:00 (not on Fri 2026-05-01)", "then -> Sun 2027-05-02 07:00 (not on Sun 2026-05-03, Sat 2027-05-01)",
         "then -> Tue 2028-05-02 07:00 (not on Mon 2027-05-03, Mon 2028-05-01)"],
    ),
}  # fmt: skip


@pytest.fixture
def alone(project):
    """Writes the only rule of the project."""

    def written(lines):
        for path in (project / "rules").rglob("*.yaml"):
            path.unlink()
        (project / "rules" / "told.yaml").write_text(HEAD + "\n    ".join(lines) + "\n", encoding="utf-8")

    return written


@pytest.mark.parametrize(("lines", "sentence", "examples"), TOLD.values(), ids=TOLD)
def test_a_rule_is_told(notifier, alone, lines, sentence, examples):
    """Each kind of rule is one sentence in plain English, with three dates that the engine's own triggers give."""
    alone(lines)
    found = notifier("check", "--explain")
    assert found.code == 0
    head, *told, end, _ = found.out.split("\n")
    assert head == "late (rules/told.yaml:3)"
    assert told[0] == sentence
    assert told[1:-1] == [f"  {one}" for one in examples]
    assert end.startswith("OK: 1 rule, ")


def test_the_starters_rules_are_told(notifier):
    """All rules come in the order of their files, and without the flag none does."""
    lines = notifier("check", "--explain").out.splitlines()
    assert [line.split(" (rules/")[0] for line in lines if " (rules/" in line] == [
        "close-the-loop", "order-shipped", "promise-at-risk", "delivery-overdue", "eta-slipped", "very-late",
        "good-news", "parcel-silent",
        "attempt-failed", "pickup-waiting", "pickup-last-day", "held-at-customs", "payment-failed", "late-orders-report",
        "refunds-overdue-report", "low-stock", "back-in-stock", "backorder-slipped",
    ]  # fmt: skip
    assert len(notifier("check").out.splitlines()) == 1


def test_where_clocks_do_not_change_a_weekend_is_told(notifier, project, alone):
    """In a zone without summer time the second example begins on a Friday."""
    config = project / "config" / "notifier.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("timezone: Europe/Warsaw", "timezone: UTC"), encoding="utf-8"
    )
    alone(TOLD["moment"][0])
    assert "  order.promised_at is Fri 2026-03-20 16:30 -> Sat 2026-03-21 09:00\n" in notifier("check", "--explain").out


def test_topics_are_told(notifier, project, alone):
    """What a rule has to do with others is in its sentence."""
    alone(["about: order", "trigger: {event: order.shipped}", "topic: delay", "send: {template: order_shipped}",
           "not_if: {told: {topic: delay, in_last: 2d}}"])  # fmt: skip
    file = project / "rules" / "told.yaml"
    topics = "topics: {delay: {per: order, every: 24h, strongest_first: [late]}}\n"
    file.write_text(file.read_text(encoding="utf-8") + topics, encoding="utf-8")
    found = notifier("check", "--explain")
    assert found.out.splitlines()[1] == (
        "When order.shipped comes for an order, unless late told something in the last 2 days: tell the customer by e-mail "
        "or SMS (order_shipped). Within 24 hours after any of topic delay has told about the same order, only a stronger one "
        "tells again."
    )


def test_what_is_broken_is_not_told(notifier, project):
    """Of rules with faults the faults are told, and nothing else."""
    (project / "rules" / "stock.yaml").write_text("x: 1\n", encoding="utf-8")
    assert notifier("check", "--explain").out == ""
