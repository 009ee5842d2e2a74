from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.match import Candidate, after_sending, rearm, step
from notifier.core.subject import Armed, Memory

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OVERDUE = "  - {id: r, about: order, trigger: {moment: order.promised_at + 1h}, send: {template: note}"


# --- arming ----------------------------------------------------------------------------------------------------------


def test_armed_when_first_known(order):
    """A moment ahead is armed with its due time as occurrence, and with the rule as it was then."""
    one = order(f"{OVERDUE}}}")
    assert one.told(promised_at=NOON + 2 * HOUR) == ()
    assert one.one.memory == Memory({"r": Armed(NOON + 3 * HOUR, "2026-03-13T15:00:00Z", one.book.rules[0].hash)})
    assert one.one.memory.next_due == NOON + 3 * HOUR


def test_moves_with_its_field(order):
    """A promise that moves takes its timer along, forwards and back, and leaves none behind."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.told(promised_at=NOON + 9 * HOUR)
    assert one.armed == {"r": NOON + 10 * HOUR}
    one.told(promised_at=NOON + 4 * HOUR)
    assert one.armed == {"r": NOON + 5 * HOUR}
    assert one.come(NOON + 3 * HOUR) == []
    assert one.come(NOON + 5 * HOUR) == [("r", "2026-03-13T17:00:00Z")]


def test_gone_when_unknown(order):
    """A promise that is taken back takes its timer with it; told again, it is armed again."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.told(promised_at=None)
    assert one.armed == {}
    one.told(promised_at=NOON + 2 * HOUR)
    assert one.armed == {"r": NOON + 3 * HOUR}


def test_moved_into_the_past_it_fires_now(order):
    """A promise drawn forward so far that its moment is over was still one that waited: it comes at once."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.told(promised_at=NOON - 2 * HOUR)
    assert one.come(NOON) == [("r", "2026-03-13T11:00:00Z")]


def test_past_when_first_known_it_is_passed_over(order):
    """What was over before anybody told of it is not told late; only a later instant is."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON - 2 * HOUR)
    assert one.armed == {}
    assert one.one.memory.fired == {"r": NOON - HOUR}
    one.told(promised_at=NOON - 3 * HOUR)
    assert one.armed == {}
    one.told(promised_at=NOON + HOUR)
    assert one.armed == {"r": NOON + 2 * HOUR}


def test_send_now_does_not_pass_over(order):
    """With `if_already_past: send_now` what is over comes at once, and once."""
    one = order(f"{OVERDUE}, if_already_past: send_now}}")
    one.told(promised_at=NOON - 2 * HOUR)
    assert one.come(NOON) == [("r", "2026-03-13T11:00:00Z")]
    one.told(total=5)
    one.told(promised_at=NOON - 2 * HOUR)
    assert one.come(NOON) == []


def test_fires_once_and_again_only_for_a_later_instant(order):
    """A moment that has fired does not fire for the same or an earlier instant; a promise broken anew is news."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    assert one.come(NOON + 3 * HOUR) == [("r", "2026-03-13T15:00:00Z")]
    assert one.armed == {}
    assert one.come(NOON + 4 * HOUR) == []
    one.told(NOON + 4 * HOUR, promised_at=NOON + HOUR)
    one.told(NOON + 4 * HOUR, promised_at=NOON + 2 * HOUR)
    assert one.armed == {}
    one.told(NOON + 4 * HOUR, promised_at=NOON + DAY)
    assert one.come(NOON + DAY + HOUR) == [("r", "2026-03-14T13:00:00Z")]


def test_the_end_disarms(order):
    """Once an order is finished nothing waits for it any more, and nothing is armed by what comes late."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.told(status="delivered")
    assert one.armed == {}
    one.told(promised_at=NOON + 9 * HOUR)
    assert one.armed == {}


@pytest.mark.parametrize(
    "keys", ["include_closed: true", "trigger: {moment: order.delivered_at + 7d}"], ids=["include_closed", "its end"]
)
def test_rules_about_the_end_stay_armed(order, keys):
    """A rule that takes in finished orders, or counts from the end itself, is armed beyond it."""
    trigger = "" if keys.startswith("trigger") else "trigger: {moment: order.promised_at + 1h}, "
    one = order(f"  - {{id: r, about: order, {trigger}{keys}, send: {{template: note}}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.told(status="delivered", delivered_at=NOON)
    assert set(one.armed) == {"r"}


def test_a_zone_that_changed_moves_what_comes_too_early(order, see):
    """When a time comes that lies later on the customer's new clock, it is armed anew instead."""
    one = order("  - {id: r, about: order, trigger: {moment: order.promised_at, at: 09:00}, send: {template: note}}")
    one.told(promised_at=date(2026, 3, 14))
    one.see = lambda facts, now: see(facts, now=now, zone="America/New_York")
    assert one.come(datetime(2026, 3, 14, 8, tzinfo=UTC)) == []
    assert one.armed == {"r": datetime(2026, 3, 14, 13, tzinfo=UTC)}
    assert one.come(datetime(2026, 3, 14, 13, tzinfo=UTC)) == [("r", "2026-03-14T13:00:00Z")]


def test_what_is_due_together_goes_by_time_and_by_the_rules_place(order):
    """Of several timers of a subject the earlier comes first, then the rule that stands first."""
    one = order(
        "  - {id: late, about: order, trigger: {moment: order.promised_at + 1h}, send: {template: note}}\n"
        "  - {id: early, about: order, trigger: {moment: order.promised_at}, send: {template: note}}\n"
        "  - {id: also, about: order, trigger: {moment: order.promised_at}, send: {template: note}}\n"
    )
    one.told(promised_at=NOON + 2 * HOUR)
    assert [rule for rule, _ in one.come(NOON + 4 * HOUR)] == ["early", "also", "late"]


def test_what_is_due_at_one_instant_goes_by_place_whichever_was_armed_first(order):
    """Two timers that come together go in the order of their rules, not of their arming."""
    one = order(
        "  - {id: first, about: order, trigger: {moment: order.eta}, send: {template: note}}\n"
        "  - {id: second, about: order, trigger: {moment: order.promised_at}, send: {template: note}}\n"
    )
    one.told(promised_at=NOON + HOUR)
    one.told(eta=NOON + HOUR)
    assert list(one.armed) == ["second", "first"]
    assert [rule for rule, _ in one.come(NOON + HOUR)] == ["first", "second"]


@given(st.lists(st.tuples(st.sampled_from(["told", "come"]), st.integers(-6, 30)), max_size=14))
def test_never_twice_for_one_instant_and_never_an_earlier_one(order, steps):
    """However a promise moves and time goes on, each instant fires at most once, none before it has come, and none that
    is not later than the last."""
    one = order(f"{OVERDUE}}}")
    fired, now = [], NOON
    for kind, hours in steps:
        if kind == "told":
            one.told(now, promised_at=NOON + hours * HOUR)
        else:
            now = max(now, NOON + hours * HOUR)
            fired += [(due, now) for _, due in one.come(now)]
    instants = [datetime.fromisoformat(due) for due, _ in fired]
    assert all(instant <= now for instant, (_, now) in zip(instants, fired, strict=True))
    assert instants == sorted(set(instants))


# --- when rules change -----------------------------------------------------------------------------------------------


def test_a_new_rule_arms_only_what_lies_ahead(order, book):
    """Adding a rule arms open subjects for instants to come, and never sends what is past."""
    one = order("  - {id: other, about: order, trigger: {event: order.shipped}, send: {template: note}}")
    one.told(promised_at=NOON + HOUR)
    one.book = book(f"{OVERDUE}}}")
    one.now = NOON + HOUR
    ahead = rearm(one.book, one.one, one.scene)
    assert ahead.memory.armed["r"].due == NOON + 2 * HOUR
    for now in (NOON + 2 * HOUR, NOON + 9 * HOUR):
        one.now = now
        past = rearm(one.book, one.one, one.scene)
        assert past is one.one


def test_rearming_leaves_what_is_armed_fired_or_finished(order):
    """An armed time keeps its instant, a fired one stays fired, a finished order stays at rest."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    assert rearm(one.book, one.one, one.scene) is one.one
    one.come(NOON + 3 * HOUR)
    one.now = NOON
    assert rearm(one.book, one.one, one.scene) is one.one
    other = order(f"{OVERDUE}}}")
    other.told(promised_at=NOON + 2 * HOUR, status="delivered")
    assert rearm(other.book, other.one, other.scene) is other.one


def test_an_edited_rule_decides_when_its_armed_time_comes(order, book):
    """A timer of an older version comes at its instant; if the rule now names a later one, it moves there."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.book = book(f"{OVERDUE.replace('1h', '5h')}}}")
    assert one.come(NOON + 3 * HOUR) == []
    assert one.armed == {"r": NOON + 7 * HOUR}
    assert one.come(NOON + 7 * HOUR) == [("r", "2026-03-13T19:00:00Z")]


@pytest.mark.parametrize(
    "text",
    [
        "  - {id: other, about: order, trigger: {event: order.shipped}, send: {template: note}}",
        "  - {id: r, about: order, trigger: {event: order.shipped}, send: {template: note}}",
        f"{OVERDUE}, state: draft}}",
    ],
    ids=["gone", "another trigger", "a draft"],
)
def test_a_removed_rule_ends_with_its_timer(order, book, text):
    """What was armed for a rule that is no longer there, or no longer waits, comes to nothing and is reported."""
    one = order(f"{OVERDUE}}}")
    one.told(promised_at=NOON + 2 * HOUR)
    one.book = book(text)
    assert one.come(NOON + 3 * HOUR) == []
    assert [(timer, armed.due) for timer, armed in one.stepped.cancelled] == [("r", NOON + 3 * HOUR)]
    assert one.armed == {}


# --- events and changes ----------------------------------------------------------------------------------------------


def test_an_event_sets_off_its_rules_in_their_order(order):
    """All rules that wait for this event fire, by their place; the occurrence is the event."""
    one = order(
        "  - {id: a, about: order, trigger: {change: order.status, to: shipped}, send: {template: note}}\n"
        "  - {id: b, about: order, trigger: {event: [order.paid, order.shipped]}, send: {template: note}}\n"
        "  - {id: c, about: order, trigger: {event: order.paid}, send: {template: note}}\n"
        "  - {id: d, about: order, trigger: {event: order.shipped}, send: {template: note}, state: draft}\n"
        "  - {id: e, about: shipment, trigger: {event: shipment.created}, send: {template: note}}\n"
    )
    one.told(status="placed")
    fired = one.told(kind="order.shipped", status="shipped")
    assert [(one.rule.id, one.occurrence, one.trigger_at) for one in fired] == [
        ("a", "/shop#2", NOON), ("b", "/shop#2", NOON),
    ]  # fmt: skip
    assert dict(fired[0].seen) == {
        "event.type": "order.shipped", "change.field": "order.status", "change.before": "placed",
        "change.after": "shipped",
    }  # fmt: skip


def test_a_change_needs_two_known_values(order):
    """The first that is heard of a field is no change, nor is its being forgotten."""
    one = order(
        "  - {id: r, about: order, trigger: {change: order.status, from: [placed, paid]}, send: {template: note}}"
    )
    assert one.told(status="placed") == ()
    assert one.told(total=5) == ()
    assert [fired.rule.id for fired in one.told(status="paid")] == ["r"]


def test_each_send_of_a_rule_is_a_candidate_of_its_own(order):
    """A rule with two messages fires both; each has its own conditions beside the rule's."""
    one = order(
        "  - id: r\n    about: order\n    trigger: {event: order.shipped}\n    only_if: {order.total: {at_least: 1}}\n"
        "    send: [{template: note}, {template: note, only_if: {order.total: {at_least: 100}}}, "
        "{template: note, not_if: {order.total: {at_least: 100}}}]"
    )
    assert [fired.send.index for fired in one.told(kind="order.shipped", total=150)] == [0, 1]
    assert [fired.send.index for fired in one.told(kind="order.shipped", total=50)] == [0, 2]
    assert one.told(kind="order.shipped", total=0) == ()


CONDITIONS = [
    ("only_if: {order.total: {at_least: 5}}", {"total": 5}, True),
    ("only_if: {order.total: {at_least: 5}}", {"total": 4}, False),
    ("only_if: {order.total: {at_least: 5}}", {}, False),
    ("not_if: {order.total: {at_least: 5}}", {"total": 5}, False),
    ("not_if: {order.total: {at_least: 5}}", {"total": 4}, True),
    ("not_if: {order.total: {at_least: 5}}", {}, True),
    ("not_if: {order.total: {at_least: 5}}, if_unknown: skip", {}, False),
    ("not_if: {order.total: {at_least: 5}}, if_unknown: skip", {"total": 4}, True),
]


@pytest.mark.parametrize(("keys", "leaves", "fires"), CONDITIONS)
def test_conditions_before_an_event_matches(order, keys, leaves, fires):
    """`only_if` must be known to be true, `not_if` must not be; `if_unknown: skip` protects where it is not known."""
    one = order(f"  - {{id: r, about: order, trigger: {{event: order.shipped}}, send: {{template: note}}, {keys}}}")
    assert bool(one.told(kind="order.shipped", **leaves)) is fires


def test_an_events_own_fields_can_be_looked_at(order, book, see, subject, telling):
    """A rule sees what came with the event that set it off, and it stays with the candidate."""
    rules = book(
        "  - {id: r, about: customer, trigger: {event: survey.answered}, only_if: {survey.score: {at_most: 2}}, "
        "send: {template: note}}"
    )
    customer = subject("customer:7", name="Dana")
    for score, fires in ((2, True), (3, False)):
        event = telling("survey.answered", **{"survey.score": score})
        fired = step(rules, customer, customer, event, see(customer.facts)).candidates
        assert bool(fired) is fires
    event = telling("survey.answered", **{"survey.score": 1})
    (fired,) = step(rules, customer, customer, event, see(customer.facts)).candidates
    assert dict(fired.seen) == {"event.type": "survey.answered", "survey.score": 1}


ENDS = [
    ("event: order.shipped", "", False),
    ("event: order.shipped", "include_closed: true, ", True),
    ("event: order.delivered", "", True),
    ("event: [order.delivered, order.cancelled]", "", True),
    ("event: [order.delivered, order.updated]", "", False),
    ("change: order.status, to: delivered", "", True),
    ("change: order.status, to: [delivered, returned]", "", True),
    ("change: order.status, to: [delivered, shipped]", "", False),
    ("change: order.status, from: shipped", "", False),
    ("change: order.total, to: 5", "", False),
]


@pytest.mark.parametrize(("trigger", "keys", "fires"), ENDS)
def test_a_finished_order_is_left_alone(order, trigger, keys, fires):
    """Unless the rule says otherwise, or its trigger is itself about the end."""
    one = order(f"  - {{id: r, about: order, trigger: {{{trigger}}}, {keys}send: {{template: note}}}}")
    one.told(status="shipped", total=4)
    kind = "order.delivered" if "delivered" in trigger else "order.shipped"
    assert bool(one.told(kind=kind, status="delivered", total=5)) is fires


# --- follow-ups ------------------------------------------------------------------------------------------------------

ASKING = (
    "  - {id: r, about: order, trigger: {event: order.shipped}, send: {template: note}, "
    "follow_up: {survey: csat, after: 2h, counted_from: order.delivered_at}}"
)


def left(one, message="m1"):
    rule = one.book.rules[0]
    sent = Candidate(rule, rule.sends[0], one.one.key, "", one.now)
    one.one = after_sending(one.book, one.one, sent, message, one.scene)


def test_a_follow_up_waits_until_its_field_is_known(order):
    """Armed when the message leaves, due once what it counts from is known, also after the end; then once."""
    one = order(ASKING)
    one.told(status="shipped")
    left(one)
    assert one.armed == {}
    one.told(status="delivered", delivered_at=NOON + HOUR)
    assert one.armed == {"r/follow_up": NOON + 3 * HOUR}
    assert one.come(NOON + 3 * HOUR) == [("r", "m1")]
    (fired,) = one.stepped.candidates
    assert (fired.send.template, fired.send.survey, fired.trigger_at) == ("csat", True, NOON + 3 * HOUR)
    one.told(delivered_at=NOON + 2 * HOUR)
    assert one.armed == {}


def test_a_follow_up_moves_with_its_field(order):
    """A corrected delivery time moves the question; one that is taken back takes it along."""
    one = order(ASKING)
    one.told(delivered_at=NOON + HOUR)
    left(one)
    one.told(delivered_at=NOON + 5 * HOUR)
    assert one.armed == {"r/follow_up": NOON + 7 * HOUR}
    one.told(delivered_at=None)
    assert one.armed == {}
    assert one.one.memory.left == {"r": (NOON, "m1")}


def test_a_follow_up_without_a_field_counts_from_the_message(order):
    """`after` alone is counted from when the message left; a later message of the rule counts anew."""
    one = order(ASKING.replace(", counted_from: order.delivered_at", ""))
    one.told(status="shipped")
    left(one)
    assert one.armed == {"r/follow_up": NOON + 2 * HOUR}
    one.now = NOON + HOUR
    left(one, "m2")
    assert one.come(NOON + 3 * HOUR) == [("r", "m2")]


def test_no_message_no_follow_up(order):
    """A rule without a follow-up, or whose message has not left, remembers nothing."""
    one = order(ASKING)
    one.told(kind="order.shipped", status="shipped", delivered_at=NOON)
    assert one.armed == {}
    plain = order("  - {id: r, about: order, trigger: {event: order.shipped}, send: {template: note}}")
    plain.told(status="shipped")
    before = plain.one
    left(plain)
    assert plain.one is before


def test_a_follow_up_that_was_taken_out_of_the_rule_ends(order, book):
    """When its time comes it is reported, and nothing is sent."""
    one = order(ASKING)
    one.told(delivered_at=NOON)
    left(one)
    one.book = book("  - {id: r, about: order, trigger: {event: order.shipped}, send: {template: note}}")
    assert one.come(NOON + 2 * HOUR) == []
    assert [timer for timer, _ in one.stepped.cancelled] == ["r/follow_up"]
