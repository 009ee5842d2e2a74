from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.core.match import rearm
from notifier.core.subject import Armed, freeze, thaw

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEAR = "  - {id: r, about: order, trigger: {becomes_true: {order.total: {at_least: 100}}}, send: {template: note}"
LOW = """
  - {id: r, about: stock, send: {template: note, to: team.purchasing},
     trigger: {change: stock.available, falls_below: 5, ready_again: {above: 8}}"""
SLIPPED = "  - {id: r, about: order, trigger: {change: order.eta, later_by: 1d}, send: {template: note}"


def ids(candidates):
    return [one.rule.id for one in candidates]


# --- becomes_true ----------------------------------------------------------------------------------------------------


def test_it_fires_when_it_becomes_true(order):
    """From false and from unknown alike, with the event as its occurrence."""
    one = order(f"{DEAR}}}")
    assert ids(one.told(number="1")) == []
    assert ids(one.told(total=50)) == []
    (fired,) = one.told(total=150)
    assert fired.occurrence == "/shop#3"
    assert ids(order(f"{DEAR}}}").told(total=150)) == ["r"]


@pytest.mark.parametrize(
    ("totals", "fired"),
    [((150, 200), 1), ((150, None, 150), 1), ((150, 50, 150), 2), ((150, None, 50, 150), 2), ((50, None, 50), 0)],
)
def test_once_until_it_was_false(order, totals, fired):
    """What stays true, or was unknown for a while, does not fire again; what was false does."""
    one = order(f"{DEAR}}}")
    assert sum(len(one.told(total=total)) for total in totals) == fired


def test_what_the_conditions_refused_is_passed_over(order):
    """Where a condition refused it when it became true, it waits until it was false as well."""
    one = order(f"{DEAR}, only_if: {{order.currency: EUR}}}}")
    assert ids(one.told(total=150, currency="PLN")) == []
    assert ids(one.told(total=160, currency="EUR")) == []
    assert ids(one.told(total=50)) == []
    assert ids(one.told(total=150)) == ["r"]


def test_what_a_customer_makes_true_is_told_with_the_orders_next_event(order, see):
    """A condition that also asks about the customer may have become true without the order's doing."""
    one = order(
        "  - {id: r, about: order, send: {template: note},"
        " trigger: {becomes_true: {order.total: {at_least: 100}, customer.country: DE}}}"
    )
    assert ids(one.told(total=150)) == []
    one.see = lambda facts, now: see({**facts, "customer.country": "DE"}, now=now)
    assert ids(one.told(total=160)) == ["r"]
    assert ids(one.told(total=170)) == []


def test_an_edit_of_the_condition_begins_anew(order):
    """What was told under the old words is not spent under new ones that are not met."""
    old = order(f"{DEAR}}}")
    assert ids(old.told(total=150)) == ["r"]
    one = order(f"{DEAR.replace('100', '200')}}}")
    one.one, one.number = rearm(one.book, old.one, old.scene), 10
    assert ids(one.told(total=250)) == ["r"]


def test_a_new_rule_does_not_tell_what_was_so_already(order):
    """Of subjects that met the condition before the rule came, none fires until it was false."""
    old = order("  - {id: other, about: order, trigger: {event: order.paid}, send: {template: note}}")
    old.told(total=150)
    one = order(f"{DEAR}}}")
    one.one = rearm(one.book, old.one, old.scene)
    assert one.one.memory.spent == {"r"}
    one.number = 10
    assert ids(one.told(total=None)) == []
    assert ids(one.told(total=150)) == []
    assert ids(one.told(total=50)) == []
    assert ids(one.told(total=150)) == ["r"]


def test_a_finished_order_is_left_alone_unless_the_end_is_asked_for(order):
    """A finished order is out; a condition that only finished ones meet is about the end."""
    one = order(f"{DEAR}}}")
    one.told(status="delivered")
    assert ids(one.told(total=150)) == []
    end = "  - {id: r, about: order, trigger: {becomes_true: {order.status: cancelled}}, send: {template: note}}"
    assert ids(order(end).told(status="cancelled")) == ["r"]


# --- ready_again -----------------------------------------------------------------------------------------------------


def test_flapping_is_told_once(order):
    """Around its line a number fires once; after it was well over it, again."""
    one = order(f"{LOW}}}", "stock:A")
    seen = [ids(one.told(available=units)) for units in (9, 4, 6, 3, 8, 2, 9, 4)]
    assert seen == [[], ["r"], [], [], [], [], [], ["r"]]


def test_a_line_that_moves_makes_ready_as_well(order):
    """`ready_again` may ask for a field: its change counts like the number's own."""
    one = order(f"{LOW.replace('above: 8', 'above: stock.reorder_point + 3')}}}", "stock:A")
    one.told(available=20, reorder_point=10)
    assert ids(one.told(available=4)) == ["r"]
    one.told(reorder_point=0)
    one.told(available=6)
    assert ids(one.told(available=0)) == ["r"]


def test_without_ready_again_each_crossing_is_told(order):
    """The same numbers tell more often without it."""
    one = order(f"{LOW.replace(', ready_again: {above: 8}', '')}}}", "stock:A")
    assert sum(len(one.told(available=units)) for units in (9, 4, 6, 3, 8, 2, 9, 4)) == 4


# --- still_true_after ------------------------------------------------------------------------------------------------


def test_only_what_lasts_is_told(order):
    """Nothing fires at once; after the wait it does, with the first event as its occurrence and what it saw."""
    one = order(f"{SLIPPED}, still_true_after: 2h}}")
    one.told(eta=NOON)
    assert one.told(at=NOON, eta=NOON + 24 * HOUR) == ()
    assert one.armed == {"r/still": NOON + 2 * HOUR}
    assert one.come(NOON + 2 * HOUR) == [("r", "/shop#2")]
    (fired,) = one.stepped.candidates
    assert (fired.seen["change.before"], fired.trigger_at) == (NOON, NOON + 2 * HOUR)
    assert one.armed == {}


def test_one_wait_from_the_first_firing(order):
    """What changes further during the wait is compared with what was before, and the wait does not begin anew."""
    one = order(f"{SLIPPED}, still_true_after: 2h}}")
    one.told(eta=NOON)
    one.told(at=NOON, eta=NOON + 24 * HOUR)
    one.told(at=NOON + HOUR, eta=NOON + 72 * HOUR)
    assert one.armed == {"r/still": NOON + 2 * HOUR}
    assert one.come(NOON + 2 * HOUR) == [("r", "/shop#2")]


def test_false_once_ends_it(order):
    """Taken back within the wait it is over; what comes after is a new one."""
    one = order(f"{SLIPPED}, still_true_after: 2h}}")
    one.told(eta=NOON)
    one.told(at=NOON, eta=NOON + 24 * HOUR)
    one.told(at=NOON + HOUR, eta=NOON + 3 * HOUR)
    assert one.armed == {}
    one.told(at=NOON + HOUR, eta=NOON + 30 * HOUR)
    assert one.armed == {"r/still": NOON + 3 * HOUR}


def test_conditions_and_the_end_end_it_too(order):
    """A condition that fails meanwhile ends the wait, and so does the end of the order."""
    one = order(f"{SLIPPED}, still_true_after: 2h, not_if: {{order.carrier: slow}}}}")
    one.told(eta=NOON)
    one.told(eta=NOON + 24 * HOUR)
    one.told(carrier="slow")
    assert one.armed == {}
    one.told(eta=NOON + 60 * HOUR, carrier="fast")
    assert list(one.armed) == ["r/still"]
    one.told(status="delivered")
    assert one.armed == {}


EDITS = [
    "trigger: {change: order.total, rises_above: 100}, still_true_after: 2h",
    "trigger: {event: order.shipped}",
    "trigger: {moment: order.eta + 9d}",
    "trigger: {change: order.eta, later_by: 9d}, still_true_after: 2h",
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_during_the_wait(order, edit):
    """A rule that was made to wait for something else sends nothing for what it waited for before."""
    old = order(f"{SLIPPED}, still_true_after: 2h}}")
    old.told(eta=NOON, total=50)
    old.told(at=NOON, eta=NOON + 24 * HOUR)
    for rearmed in (False, True):
        one = order(f"  - {{id: r, about: order, send: {{template: note}}, {edit}}}")
        one.one, one.number = rearm(one.book, old.one, old.scene) if rearmed else old.one, 10
        assert one.told(at=NOON + HOUR, total=60) == ()
        assert one.come(NOON + 2 * HOUR) == []


def test_a_wait_that_ends_makes_ready_again(order):
    """What was low for a moment and not told is told when it is low to stay."""
    one = order(f"{LOW}, still_true_after: 10m}}", "stock:A")
    one.told(available=9)
    one.told(available=4)
    assert list(one.armed) == ["r/still"]
    one.told(available=6)
    assert one.armed == {}
    one.told(available=4)
    assert list(one.armed) == ["r/still"]


def test_what_is_remembered_is_kept(order):
    """A wait, what it saw and what is spent come back from the store as they were, dates as dates."""
    one = order(f"{LOW}, still_true_after: 10m}}", "stock:A")
    one.told(available=9, restock_at=NOON.date())
    one.told(available=4)
    seen = {"change.before": NOON, "change.after": NOON.date(), "change.field": "stock.restock_at"}
    armed = {**one.one.memory.armed, "s/still": Armed(NOON, "/shop#9", "hash", seen)}
    kept = one.one.remembering(one.one.memory._replace(armed=armed))
    assert kept.memory.spent == {"r"}
    assert thaw(kept.key, freeze(kept)) == kept
