from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.decide import (
    GATES,
    REASONS,
    Answers,
    Drop,
    Hold,
    Question,
    SendNow,
    decide,
    decision_key,
    questions,
    recipient_of,
    use_key,
)
from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays
from notifier.core.match import Candidate
from notifier.core.policy import Cap, Mute, Policy, Team
from notifier.core.quiet_hours import OfficeHours, QuietHours
from notifier.core.rule import Brake, Collect
from notifier.core.subject import Aggregate
from notifier.core.tally import brake_key
from notifier.core.topic import Topic
from notifier.core.window import window_end
from notifier.errors import NoTranslation

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DANA = {
    "customer.email": "Dana@Example.com", "customer.phone": "+48 512 345 678", "customer.locale": "pl",
    "order.customer_key": "customer:7", "order.status": "shipped",
}  # fmt: skip
SHIPPED = "{event: order.shipped}"


class Texts:
    """Every text in e-mail and SMS, in Polish and English, unless a test says otherwise."""

    def __init__(self, channels=("email", "sms"), languages=("pl", "en")):
        self.channels, self.languages = channels, languages

    def carries(self, name, channel):
        return channel in self.channels

    def language(self, name, channel, wanted):
        if wanted in self.languages:
            return wanted
        if "en" in self.languages:
            return "en"
        raise NoTranslation(f"no text of '{name}' for {wanted}")


POLICY = Policy(Texts(), ZoneInfo("Europe/Warsaw"), useless_after={"critical": Duration.parse("1h")})


class Desk:
    """Decides about one rule's message for one order of Dana's."""

    def __init__(self, rule, see, **keys):
        self.rule = rule(**{"trigger": SHIPPED, **keys})
        self.see = see
        self.policy = POLICY
        self.facts = dict(DANA)
        self.now = NOON
        self.trigger_at = NOON
        self.seen = {}
        self.answers = {}
        self.key = f"{self.rule.about}:1" if self.rule.about != "customer" else "customer:7"
        self.send = self.rule.sends[0]

    @property
    def candidate(self):
        return Candidate(self.rule, self.send, self.key, "/shop#1", self.trigger_at, self.seen)

    @property
    def aggregate(self):
        leaves = {"order.customer_key": self.facts.get("order.customer_key")}
        return Aggregate(self.key, leaves=leaves if self.rule.about == "order" else {}, facts=self.facts)

    @property
    def scene(self):
        return self.see(self.facts, now=self.now)

    def asked(self, **how):
        return questions(self.candidate, self.aggregate, self.scene, self.policy, **how)

    def decide(self, *, again=False, tried=(), answers=None, **how):
        """The decision; the past is what `answers` says of it: kind -> answer to any such question."""
        if answers is None:
            known = {"slot": False, "uses": [], "count": 0, "window": None, "suppressed": "", **self.answers}
            answers = Answers({one: known[one.kind] for one in self.asked(again=again) if one.kind != "uses"} | {
                one: [use for use in known["uses"] if use >= one.since]
                for one in self.asked(again=again) if one.kind == "uses"
            })  # fmt: skip
        return decide(self.candidate, self.aggregate, self.scene, answers, self.policy, again=again, tried=tried, **how)

    def outcome(self, **how):
        return self.decide(**how).outcome


@pytest.fixture
def desk(rule, see):
    return lambda **keys: Desk(rule, see, **keys)


def test_nothing_against_it(desk):
    """Known, allowed and in time: it goes to the first address that will do, in the customer's language."""
    one = desk()
    assert one.outcome() == SendNow("email", "Dana@example.com", "pl")
    assert (one.decide().name, one.decide().recipient) == ("send", "customer:7")


# --- one gate at a time ----------------------------------------------------------------------------------------------


def test_superseded_where_the_trigger_no_longer_stands(desk):
    """What set a message off is looked at again before it leaves, and a moment at once as well."""
    moved = desk(trigger="{moment: order.promised_at + 1h}")
    for promised, outcome in ((NOON - 2 * HOUR, "send"), (NOON, "drop"), (None, "drop")):
        moved.facts["order.promised_at"] = promised
        assert moved.decide().name == outcome
    assert moved.outcome() == Drop("superseded")
    slipped = desk(trigger="{change: order.eta, later_by: 1d}")
    slipped.seen = {"change.field": "order.eta", "change.before": date(2026, 3, 13)}
    slipped.facts["order.eta"] = date(2026, 3, 13)
    assert slipped.decide().name == "send"
    assert slipped.outcome(again=True) == Drop("superseded")
    slipped.facts["order.eta"] = date(2026, 3, 14)
    assert slipped.decide(again=True).name == "send"


@pytest.mark.parametrize("status", ["delivered", "cancelled", "returned", "refunded"])
def test_superseded_where_the_order_is_over(desk, status):
    """Nothing is said about a finished order, unless the rule is about the end or takes it in."""
    one = desk()
    one.facts["order.status"] = status
    assert one.outcome() == Drop("superseded", f"the order is {status}")
    for keys in ({"include_closed": "true"}, {"trigger": "{event: order.delivered}"}):
        other = desk(**keys)
        other.facts["order.status"] = status
        assert other.decide().name == "send"


def test_superseded_where_the_parcel_is_over(desk):
    """A rule about a parcel goes by the parcel's end."""
    one = desk(about="shipment", trigger="{event: shipment.scanned}")
    one.facts |= {"order.status": "delivered", "shipment.status": "in_transit"}
    assert one.decide().name == "send"
    one.facts["shipment.status"] = "delivered"
    assert one.outcome() == Drop("superseded", "the shipment is delivered")


CONDITIONS = [
    ("only_if", "{order.total: {at_least: 5}}", 5, None),
    ("only_if", "{order.total: {at_least: 5}}", 4, "condition_false"),
    ("only_if", "{order.total: {at_least: 5}}", None, "condition_unknown"),
    ("not_if", "{order.total: {at_least: 5}}", 5, "condition_false"),
    ("not_if", "{order.total: {at_least: 5}}", 4, None),
    ("not_if", "{order.total: {at_least: 5}}", None, None),
]


@pytest.mark.parametrize("of_the_send", [False, True], ids=["rule", "send"])
@pytest.mark.parametrize(("key", "block", "total", "reason"), CONDITIONS)
def test_conditions(desk, key, block, total, reason, of_the_send):
    """The rule's conditions and the message's own, with what is known at this moment."""
    one = desk(send=f"{{template: note, {key}: {block}}}") if of_the_send else desk(**{key: block})
    one.facts["order.total"] = total
    assert one.outcome() == (Drop(reason) if reason else SendNow("email", "Dana@example.com", "pl"))


def test_an_unknown_not_if_drops_where_it_protects(desk):
    """With `if_unknown: skip` what is not known stops the message."""
    one = desk(not_if="{order.total: {at_least: 5}}", if_unknown="skip")
    assert one.outcome() == Drop("condition_unknown")


def test_conditions_see_the_event_that_set_it_off(desk):
    """The event's own fields stay those of that event."""
    one = desk(about="customer", trigger="{event: survey.answered}", only_if="{survey.score: {at_most: 2}}")
    one.seen = {"event.type": "survey.answered", "survey.score": 2}
    assert one.decide(again=True).name == "send"
    one.seen["survey.score"] = 3
    assert one.outcome(again=True) == Drop("condition_false")


def test_stale(desk):
    """Useful until then and no longer: by the send's own word, else by its category, else two days."""
    for keys, policy, last in (
        ({}, POLICY, 2 * DAY),
        ({}, replace(POLICY, useless_after={"default": Duration.parse("3d")}), 3 * DAY),
        ({"send": "{template: note, category: critical}"}, POLICY, HOUR),
        ({"send": "{template: note, category: critical, useless_after: 5h}"}, POLICY, 5 * HOUR),
    ):
        one = desk(**keys)
        one.policy = policy
        one.now = NOON + last - timedelta(microseconds=1)
        assert one.decide().name == "send"
        one.now = NOON + last
        assert one.outcome() == Drop("stale")
        assert one.decide().stale_at == NOON + last


def test_useless_counts_from_when_it_may_go_out(desk):
    """A message that waits for days is not useless before its time; its own word counts from what set it off."""
    one = desk(send="{template: note, after: 5d}")
    assert one.decide().stale_at == NOON + 7 * DAY
    one.now = NOON + 5 * DAY
    assert one.decide().name == "send"
    assert desk(send="{template: note, after: 1d, useless_after: 2d}").decide().stale_at == NOON + 2 * DAY


def test_no_address(desk):
    """A customer without an address that would do, or no customer at all, cannot be told."""
    one = desk()
    one.facts |= {"customer.email": "dana@", "customer.phone": " "}
    assert one.outcome() == Drop("no_address")
    nobody = desk()
    nobody.facts = {"order.status": "shipped"}
    assert nobody.outcome() == Drop("no_address")
    assert nobody.decide().recipient == ""


@pytest.mark.parametrize(
    ("policy", "tried"),
    [
        (replace(POLICY, channels=()), ()),
        (replace(POLICY, wording=Texts(channels=())), ()),
        (replace(POLICY, channels=("sms",), wording=Texts(channels=("email",))), ()),
        (POLICY, ("email", "sms")),
    ],
    ids=["no provider", "no text", "a text for another channel", "all tried"],
)
def test_channel_unavailable(desk, policy, tried):
    """A way needs a provider, a text, and not to have refused it already."""
    one = desk()
    one.policy = policy
    assert one.outcome(tried=tried) == Drop("channel_unavailable")


def test_the_next_channel(desk):
    """Whatever stands against one way, the next is tried; one that was tried is not tried again."""
    one = desk()
    assert one.outcome(tried=["email"]).channel == "sms"
    one.facts["customer.preferred_channel"] = "sms"
    assert one.outcome() == SendNow("sms", "+48512345678", "pl")
    assert one.outcome(tried=["sms"]).channel == "email"
    one.facts["customer.phone"] = "none"
    assert one.outcome().channel == "email"
    only = desk(send="{template: note, channels: sms}")
    assert only.outcome().channel == "sms"
    assert only.outcome(tried=["sms"]) == Drop("channel_unavailable")


def test_country_forbids(desk):
    """Where only some countries get an SMS, a number of another one does not; e-mail goes as ever."""
    one = desk(send="{template: note, channels: sms}")
    one.policy = replace(POLICY, sms_countries=frozenset({"DE"}))
    assert one.outcome() == Drop("country_forbids")
    one.policy = replace(POLICY, sms_countries=frozenset({"DE", "PL"}))
    assert one.outcome().channel == "sms"
    both = desk()
    both.policy = replace(POLICY, sms_countries=frozenset())
    assert both.outcome().channel == "email"


def test_a_number_is_read_by_the_shops_country(desk):
    """A national number of a customer whose country is unknown is one of the shop's country."""
    one = desk(send="{template: note, channels: sms}")
    one.facts["customer.phone"] = "512 345 678"
    assert one.outcome() == Drop("no_address")
    one.policy = replace(POLICY, country="PL")
    assert one.outcome() == SendNow("sms", "+48512345678", "pl")


def test_suppressed(desk):
    """An address that must not be written to is left out, with the reason; another way may still do."""
    one = desk()
    one.answers["suppressed"] = "hard bounce"
    assert one.outcome() == Drop("suppressed", "hard bounce")
    digest = POLICY.digest("email", "Dana@example.com")
    answers = Answers({Question("suppressed", digest): "hard bounce"})
    assert one.outcome(answers=answers).channel == "sms"


CONSENT = [
    ("note", None, True),
    ("note", "revoked", True),
    ("csat", None, True),
    ("csat", "revoked", False),
    ("advert", None, False),
    ("advert", "granted", True),
    ("advert", "revoked", False),
]


@pytest.mark.parametrize(("template", "state", "sends"), CONSENT)
def test_no_consent(desk, template, state, sends):
    """Marketing needs a yes, a survey needs that nobody said no, and news about an order needs neither."""
    category = {"csat": "survey", "advert": "marketing"}.get(template, "marketing")
    key = "survey" if template == "csat" else "template"
    one = desk(send=f"{{{key}: {template}, channels: email}}")
    one.facts[f"customer.consent@email/{category}"] = state
    assert one.outcome() == (SendNow("email", "Dana@example.com", "pl") if sends else Drop("no_consent"))


def test_consent_is_by_channel(desk):
    """A yes to e-mail is none to SMS."""
    one = desk(send="{template: advert, channels: [sms, email]}")
    one.facts["customer.consent@email/marketing"] = "granted"
    assert one.outcome().channel == "email"


def test_no_translation(desk):
    """Without a text in the customer's language or the shop's there is nothing to send; another way may have one."""
    one = desk()
    one.policy = replace(POLICY, wording=Texts(languages=("hu",)))
    assert one.outcome() == Drop("no_translation", "no text of 'note' for pl")
    one.facts["customer.locale"] = "hu"
    assert one.outcome().language == "hu"
    del one.facts["customer.locale"]
    one.policy = replace(POLICY, locale="hu", wording=Texts(languages=("hu",)))
    assert one.outcome().language == "hu"


def test_watching(desk):
    """A rule that only watches decides all of it and sends nothing."""
    assert desk(state="watch").outcome() == Drop("watching", channel="email")
    one = desk(state="watch")
    one.facts["customer.email"] = one.facts["customer.phone"] = None
    assert one.outcome() == Drop("no_address")


MUTES = ["all", "rule:r", "carrier:DHL", "carrier:GLS", "sku:TENT-2"]


@pytest.mark.parametrize("scope", MUTES)
def test_muted_and_paused(desk, scope):
    """An operator silences everything, a rule, a carrier or an article; a mute drops with its reason, a pause holds."""
    one = desk(about="shipment", trigger="{event: shipment.scanned}")
    one.facts |= {
        "order.carrier": "DHL",
        "shipment.carrier": "GLS",
        "order.items": [{"sku": "BAG-0"}, {"sku": "TENT-2"}],
    }
    one.policy = POLICY.with_mutes([Mute("mute", scope, reason="strike")])
    assert one.outcome() == Drop("muted", "strike", "email")
    one.policy = POLICY.with_mutes([Mute("pause", scope)])
    assert one.outcome() == Hold(NOON + 2 * DAY, "paused", "email", "pl")
    one.facts |= {"order.carrier": "UPS", "shipment.carrier": "UPS", "order.items": []}
    if scope not in ("all", "rule:r"):
        assert one.decide().name == "send"


def test_of_stock(desk):
    """An article's own news is silenced by its number."""
    one = desk(about="stock", trigger="{event: stock.changed}", send="{template: note, to: team.support}")
    one.policy = replace(POLICY, teams={"support": Team("s@example.com")}, mutes=(Mute("mute", "sku:A"),))
    one.facts = {"stock.sku": "A"}
    assert one.decide().name == "drop"
    one.facts = {"stock.sku": "B"}
    assert one.decide().name == "send"


def test_an_operators_word_has_an_end(desk):
    """A pause holds until its end, and never past the message's own; once it is over it counts no more."""
    one = desk()
    for until, held in ((NOON + HOUR, NOON + HOUR), (NOON + 9 * DAY, NOON + 2 * DAY), (None, NOON + 2 * DAY)):
        one.policy = POLICY.with_mutes([Mute("pause", "all", until)])
        assert one.outcome() == Hold(held, "paused", "email", "pl")
    for kind in ("pause", "mute"):
        one.policy = POLICY.with_mutes([Mute(kind, "all", NOON)])
        assert one.decide().name == "send"


def test_a_mute_is_stronger_than_a_pause(desk):
    """Of two words about the same message the silence counts."""
    one = desk()
    one.policy = POLICY.with_mutes([Mute("pause", "all"), Mute("mute", "rule:r", reason="wrong")])
    assert one.outcome() == Drop("muted", "wrong", "email")


def test_a_paused_rule_holds_until_it_is_no_longer_of_use(desk):
    """`state: paused` holds; at the end it is stale and not held once more."""
    one = desk(state="paused")
    assert one.outcome() == Hold(NOON + 2 * DAY, "paused", "email", "pl")
    one.now = NOON + 2 * DAY
    assert one.outcome(again=True) == Drop("stale")


def test_not_yet(desk):
    """`after` holds until so long after what set it off, in days on the customer's clock."""
    one = desk(send="{template: note, after: 2h}")
    assert one.outcome() == Hold(NOON + 2 * HOUR, "not_yet", "email", "pl")
    one.now = NOON + 2 * HOUR
    assert one.decide().name == "send"
    summer = desk(send="{template: note, after: 1d}")
    summer.now = summer.trigger_at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert summer.outcome().until == datetime(2026, 3, 29, 11, tzinfo=UTC)


NIGHT = QuietHours.parse("21:00-08:00")


def test_quiet_hours(desk):
    """At night it waits for the morning, on the customer's clock, by the channel's hours and the category's alike."""
    evening, morning = datetime(2026, 3, 13, 21, tzinfo=UTC), datetime(2026, 3, 14, 7, tzinfo=UTC)
    for name, held in (("email", True), ("transactional", True), ("sms", False), ("marketing", False)):
        one = desk()
        one.now = evening
        one.policy = replace(POLICY, quiet_hours={name: NIGHT})
        assert one.outcome() == (
            Hold(morning, "quiet_hours", "email", "pl") if held else SendNow("email", "Dana@example.com", "pl")
        )
    one = desk()
    one.now = evening
    one.policy = replace(POLICY, quiet_hours={"email": NIGHT, "transactional": QuietHours.parse("07:00-10:30")})
    assert one.outcome().until == datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def test_a_teams_hours(desk):
    """Staff are written to when they are there, on their own clock, and not by the customers' quiet hours."""
    friday_night = datetime(2026, 3, 13, 21, tzinfo=UTC)
    hours = OfficeHours.parse("mon-fri 08:00-18:00")
    one = desk(send="{template: note, to: team.support}")
    one.now = friday_night
    one.trigger_at = friday_night
    for team, until in (
        (Team("s@example.com", hours=hours), datetime(2026, 3, 16, 7, tzinfo=UTC)),
        (Team("s@example.com", hours=hours, zone=ZoneInfo("America/New_York")), None),
        (Team("s@example.com"), None),
    ):
        one.policy = replace(POLICY, teams={"support": team}, quiet_hours={"email": NIGHT, "staff": NIGHT})
        outcome = one.outcome()
        assert outcome == (
            Hold(until, "quiet_hours", "email", "en") if until else SendNow("email", "s@example.com", "en")
        )


def test_a_team_is_no_customer(desk):
    """A team has its address and language; caps, consents and suppressions are for customers."""
    one = desk(send="{template: advert, to: team.support, category: marketing}")
    one.policy = replace(
        POLICY, teams={"support": Team("s@example.com", "+48512345679", "pl")}, caps={"marketing": Cap(1)}
    )
    one.answers = {"suppressed": "hard bounce", "uses": [NOON]}
    one.facts["customer.preferred_channel"] = "sms"
    assert one.outcome() == SendNow("email", "s@example.com", "pl")
    assert one.outcome(tried=["email"]) == SendNow("sms", "+48512345679", "pl")
    one.policy = replace(one.policy, teams={"support": Team(phone="+48512345679")})
    assert one.outcome().channel == "sms"
    one.policy = replace(one.policy, teams={"support": Team()})
    assert one.outcome() == Drop("no_address")


# --- limits ----------------------------------------------------------------------------------------------------------


def test_already_sent(desk):
    """`once_per` is a slot that one message takes: whoever comes later for the same is told that it was sent."""
    one = desk(limit="{once_per: order}")
    assert one.decide().slot
    one.answers["slot"] = True
    assert one.outcome() == Drop("already_sent", channel="email")
    assert one.decide().slot == b""


def test_limit(desk):
    """`at_most` counts uses in any stretch of its length, and drops what is over."""
    one = desk(limit="{at_most: 2, per: order, in_any: 7d}")
    for uses, name in (([], "send"), ([NOON], "send"), ([NOON, NOON], "drop")):
        one.answers["uses"] = uses
        assert one.decide().name == name
    assert one.outcome() == Drop("limit", channel="email")
    (asked,) = (question for question in one.asked() if question.kind == "uses")
    assert asked.since == NOON - 7 * DAY


def test_a_second_look_keeps_its_own_place(desk):
    """A held message is not stopped by the slot that it has itself, nor asks about it."""
    for limit in ("{once_per: order}", "{at_most: 1, per: order, in_any: 7d}"):
        one = desk(limit=limit)
        one.answers = {"slot": True, "uses": [NOON]}
        assert one.decide().name == "drop"
        assert one.decide(again=True).name == "send"
        assert {question.kind for question in one.asked(again=True)} == {"suppressed"}


def test_a_batch_counts_itself(desk):
    """Of several that come at once only so many pass as a limit allows, though nothing is stored yet."""
    for limit, passes in (("{once_per: order}", 1), ("{at_most: 2, per: order, in_any: 7d}", 2)):
        one = desk(limit=limit)
        answers = Answers({question: [] if question.kind == "uses" else False for question in one.asked()})
        names = []
        for _ in range(3):
            decision = one.decide(answers=answers)
            answers.note(decision, NOON)
            names.append(decision.name)
        assert names.count("send") == passes


def keys_of(*desks):
    return [one.decide().slot for one in desks]


def test_what_a_limit_counts_by(desk):
    """By order each order counts for itself, by customer all of theirs, by a field the same value of it."""
    for limit, facts, same in (
        ("{once_per: order}", {}, False),
        ("{once_per: customer}", {}, True),
        ("{once_per: [order, customer]}", {}, False),
        ("{once_per: order.carrier}", {"order.carrier": "DHL"}, True),
        ("{once_per: [customer, order.promised_at]}", {"order.promised_at": NOON}, True),
        # Two orders of which nobody knows the carrier are not of the same carrier.
        ("{once_per: order.carrier}", {}, False),
    ):
        one, other = desk(limit=limit), desk(limit=limit)
        other.key = "order:2"
        for each in (one, other):
            each.facts |= facts
        first, second = keys_of(one, other)
        assert (first == second) is same, limit
    other.facts["order.carrier"] = "GLS"
    assert len(set(keys_of(one, other))) == 2


def test_a_limit_by_customer_counts_customers_for_teams_too(desk):
    """Once per customer is once for each customer, also where a team is told about them."""
    keys = []
    for customer in ("customer:7", "customer:8", ""):
        one = desk(limit="{once_per: customer}", send="{template: note, to: team.support}")
        one.policy = replace(POLICY, teams={"support": Team("s@example.com")})
        one.facts["order.customer_key"] = customer
        keys += keys_of(one)
    assert len(set(keys)) == 3


def test_each_send_has_a_limit_of_its_own(desk):
    """Two messages of one rule do not stand in each other's way; a follow-up has no limit of its own."""
    one = desk(
        send="[{template: note}, {template: note}]",
        limit="{once_per: order}",
        follow_up="{survey: csat, after: 1d}",
    )
    first = one.decide().slot
    one.send = one.rule.sends[1]
    assert one.decide().slot not in (first, b"")
    one.send = one.rule.follow_up.send
    assert one.decide().slot == b""
    assert {question.kind for question in one.asked()} == {"suppressed"}


def test_a_follow_up_has_only_its_own_conditions(desk):
    """The rule's conditions, its trigger and the order's end do not stop what follows its message."""
    one = desk(
        trigger="{moment: order.promised_at}",
        only_if="{order.total: 5}",
        follow_up="{survey: csat, after: 1d, not_if: {order.carrier: DHL}}",
    )
    one.send = one.rule.follow_up.send
    one.facts["order.status"] = "delivered"
    assert one.decide().name == "send"
    one.facts["order.carrier"] = "DHL"
    assert one.outcome() == Drop("condition_false")


# --- caps ------------------------------------------------------------------------------------------------------------


def capped(desk, cap, uses, **keys):
    one = desk(**keys)
    one.policy = replace(POLICY, caps={"transactional": cap})
    one.answers["uses"] = uses
    return one


def test_frequency_cap_a_day(desk):
    """So many a local day; what is more waits for the next, if it is still of use then."""
    cap = Cap(2)
    assert capped(desk, cap, [NOON]).decide().name == "send"
    full = capped(desk, cap, [NOON - HOUR, NOON])
    assert full.outcome() == Hold(datetime(2026, 3, 13, 23, tzinfo=UTC), "frequency_cap", "email", "pl")
    late = capped(desk, cap, [NOON - HOUR, NOON], send="{template: note, useless_after: 5h}")
    assert late.outcome() == Drop("frequency_cap", channel="email")


def test_frequency_cap_in_any_days(desk):
    """So many in any stretch of days: it is free again when the oldest that counts has left the window."""
    cap = Cap(2, Duration.parse("7d"))
    uses = [NOON - 6 * DAY - 22 * HOUR, NOON - DAY]
    full = capped(desk, cap, uses)
    outcome = full.outcome()
    assert outcome == Hold(NOON + 2 * HOUR + timedelta(microseconds=1), "frequency_cap", "email", "pl")
    # Three where two are allowed: the second newest must go.
    over = capped(desk, cap, [NOON - 6 * DAY - 23 * HOUR, NOON - 6 * DAY - 22 * HOUR, NOON - DAY])
    assert over.outcome() == outcome
    assert capped(desk, cap, [NOON - DAY, NOON - DAY]).outcome() == Drop("frequency_cap", channel="email")


def test_a_cap_counts_what_leaves_in_the_same_batch(desk):
    """What was marked a moment ago counts already, of whatever category is capped, and no other."""
    one = capped(desk, Cap(1), [])
    answers = Answers({})
    answers.note_sent(use_key("customer:7", "survey"), NOON)
    assert one.decide(answers=answers).name == "send"
    answers.note_sent(use_key("customer:7", "transactional"), NOON)
    assert one.decide(answers=answers).name == "hold"


def test_a_cap_holds_at_the_second_look_as_well(desk):
    """Whatever left while a message was held counts against it."""
    assert capped(desk, Cap(1), [NOON]).decide(again=True).name == "hold"


# --- the brake -------------------------------------------------------------------------------------------------------


def braked(desk, count, **keys):
    one = desk(**{"brake": "{hold_all_if_over: 5, in: 1h}", **keys})
    one.answers["count"] = count
    return one


def test_what_is_too_much_waits_for_a_person(desk):
    """So many may go in that time; the next is held to the end of its use, and takes no part in the count."""
    last = braked(desk, 4).decide()
    assert (last.name, last.uses) == ("send", (brake_key("r"),))
    over = braked(desk, 5).decide()
    assert (over.outcome, over.uses) == (Hold(NOON + 2 * DAY, "brake", "email", "pl"), ())


def test_a_brake_that_is_on_holds_whatever_the_count(desk):
    """It holds until an operator has said otherwise; from then on the count begins anew."""
    one = braked(desk, 0)
    one.policy = POLICY.with_mutes([Mute("brake", "rule:r")])
    assert one.outcome().reason == "brake"
    one.policy = POLICY.with_mutes([Mute("brake", "rule:other")])
    assert one.decide().name == "send"
    one.policy = POLICY.with_mutes([Mute("brake", "rule:r", NOON - HOUR / 2)])
    assert one.decide().name == "send"
    (asked,) = [question for question in one.asked() if question.kind == "count"]
    assert NOON - HOUR / 2 < asked.since < NOON - HOUR / 2 + HOUR / 60


def test_what_was_approved_is_not_braked_again(desk):
    """At the second look only what the brake itself holds stays held."""
    one = braked(desk, 99)
    one.policy = POLICY.with_mutes([Mute("brake", "rule:r")])
    assert one.outcome(again=True) == SendNow("email", "Dana@example.com", "pl")
    assert one.outcome(again=True, braked=True).reason == "brake"


def test_the_configured_brake_is_for_customers(desk):
    """It holds what goes to customers; what staff gets is braked where the rule says so, and a rule's own brake counts first."""
    one = desk()
    one.answers["count"] = 3
    one.policy = replace(POLICY, brake=Brake(3, Duration.parse("1h")), teams={"support": Team("s@example.com")})
    assert one.outcome().reason == "brake"
    one.rule = replace(one.rule, brake=Brake(4, Duration.parse("1h")))
    assert one.decide().name == "send"
    one.rule, one.send = replace(one.rule, brake=None), replace(one.send, to="team.support")
    assert one.decide().name == "send"
    one.rule = replace(one.rule, brake=Brake(3, Duration.parse("1h")))
    assert one.outcome().reason == "brake"


def test_a_rule_that_watches_says_what_the_brake_would_do(desk):
    """What it would have sent counts, and what is too much of it is told."""
    one = braked(desk, 4, state="watch")
    assert (one.outcome(), one.decide().uses) == (Drop("watching", "", "email"), (brake_key("r"),))
    one.answers["count"] = 5
    assert one.outcome() == Drop("watching", "the rule only watches, and the brake would hold this", "email")


# --- collecting ------------------------------------------------------------------------------------------------------


def test_what_is_collected_waits_for_the_end_of_the_window(desk):
    """The first match opens it, the next join it; whether it is paused or night meanwhile is looked at in the end."""
    one = desk(send="{template: note}", state="paused")
    one.send = replace(one.send, collect=Collect("customer", Duration.parse("2h")))
    assert one.outcome() == Hold(NOON + 2 * HOUR, "collecting", "email", "pl")
    one.answers["window"] = NOON + HOUR
    assert one.outcome().until == NOON + HOUR
    one.answers["window"] = NOON
    assert one.outcome().until == NOON + 2 * HOUR
    assert one.outcome(again=True).reason == "paused"
    assert one.decide(again=True).window == b""


def test_what_is_collected_together(desk):
    """What has the same recipient and the same value; what nobody knows is by itself."""

    def window(per, **facts):
        one = desk()
        one.send = replace(one.send, collect=Collect(per, Duration.parse("2h")))
        one.facts |= facts
        return one.decide().window

    assert window("customer") == window("customer", **{"order.carrier": "GLS"})
    assert window("customer") != window("customer", **{"order.customer_key": "customer:8"})
    assert window("order.carrier", **{"order.carrier": "GLS"}) != window("order.carrier", **{"order.carrier": "DHL"})
    assert window("order.carrier") != window("order.carrier", **{"order.carrier": "GLS"})


def test_what_joins_is_no_message_more(desk):
    """The brake counts a window once, and does not hold what joins one."""
    one = braked(desk, 5)
    one.send = replace(one.send, collect=Collect("customer", Duration.parse("2h")))
    assert one.outcome().reason == "brake"
    one.answers["window"] = NOON + HOUR
    assert (one.outcome().reason, one.decide().uses) == ("collecting", ())


UNTIL = [
    ("2026-03-13T14:59Z", None, "2026-03-13T15:00Z"), ("2026-03-13T15:00Z", None, "2026-03-14T15:00Z"),
    ("2026-03-13T15:00Z", "mon-fri 08:00-18:00", "2026-03-16T15:00Z"), ("2026-03-13T15:00Z", "mon-fri 08:00-16:00", "2026-03-14T15:00Z"),
    ("2026-03-28T16:00Z", None, "2026-03-29T14:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "hours", "end"), UNTIL)
def test_until_a_time_of_day(start, hours, end):
    """The next one on that clock, over changes of clocks too; for a team the next at which it is at work, if it ever is."""
    collect, read = Collect("team", until=time(16)), datetime.fromisoformat
    found = window_end(
        collect, read(start), ZoneInfo("Europe/Warsaw"), WorkingDays(), hours and OfficeHours.parse(hours)
    )
    assert found == read(end)


# --- the whole -------------------------------------------------------------------------------------------------------

#: Reason -> what makes a gate say it, in the order of the gates.
TROUBLES = {
    "superseded": lambda one: one.facts.update({"order.status": "delivered"}),
    "condition_false": lambda one: one.facts.update({"order.total": 1}),
    "stale": lambda one: setattr(one, "trigger_at", NOON - 9 * DAY),
    "suppressed": lambda one: one.answers.update(suppressed="hard bounce"),
    "watching": lambda one: setattr(one, "rule", replace(one.rule, state="watch")),
    "already_sent": lambda one: one.answers.update(slot=True),
    "topic_told": lambda one: (
        setattr(one, "rule", replace(one.rule, topic=Topic("delay", "order", Duration.parse("1d"), ("r",)))),
        one.answers.update(uses=[NOON]),
    ),
    "muted": lambda one: setattr(one, "policy", one.policy.with_mutes([Mute("mute", "all")])),
    "brake": lambda one: (
        setattr(one, "rule", replace(one.rule, brake=Brake(5, Duration.parse("1h")))),
        one.answers.update(count=5),
    ),
    "collecting": lambda one: setattr(
        one, "send", replace(one.send, collect=Collect("customer", Duration.parse("1h")))
    ),
    "paused": lambda one: setattr(one, "policy", one.policy.with_mutes([*one.policy.mutes, Mute("pause", "all")])),
    "not_yet": lambda one: setattr(one, "send", replace(one.send, after=Duration.parse("1h"))),
    "frequency_cap": lambda one: one.answers.update(uses=[NOON] * 9),
    "quiet_hours": lambda one: setattr(
        one, "policy", replace(one.policy, quiet_hours={"email": QuietHours.parse("00:00-23:59")})
    ),
}


def test_the_first_gate_speaks(desk):
    """Of several reasons the one that stands first is given, and with it the one that most needs to be known."""
    names = list(TROUBLES)
    for first, reason in enumerate(names):
        one = desk(limit="{once_per: order}", not_if="{order.total: 1}")
        one.policy = replace(POLICY, caps={"transactional": Cap(9)})
        for later in names[first:]:
            TROUBLES[later](one)
        assert one.outcome().reason == reason
    # The very first speaks of people who wait for an article alone: tests/engine/test_people_waiting.py.
    assert len(TROUBLES) == len(GATES) - 1


def test_every_reason_has_words():
    """No gate gives a code that nobody has explained, and no code is explained that nobody gives."""
    source = inspect.getsource(sys.modules[decide.__module__])
    elsewhere = {"condition_false", "condition_unknown", "render_failed", "discarded", "collected", "list_empty"}
    assert {code for code in REASONS if f'"{code}"' in source.partition("class SendNow")[2]} | elsewhere == set(REASONS)


def test_a_hold_keeps_its_place_and_a_drop_gives_it_up(desk):
    """What is held has its slot or its use; what is dropped takes nothing."""
    held = desk(limit="{once_per: order}", send="{template: note, after: 1h}")
    assert (held.decide().name, bool(held.decide().slot), held.decide().uses) == ("hold", True, ())
    counted = desk(limit="{at_most: 1, per: order, in_any: 7d}")
    assert (bool(counted.decide().uses), counted.decide().slot) == (True, b"")
    dropped = desk(limit="{once_per: order}", only_if="{order.total: 5}")
    assert (dropped.decide().slot, dropped.decide().uses) == (b"", ())


def test_questions_are_all_that_is_asked(desk):
    """What is not asked beforehand is not known: addresses that would do, the limit, the cap; nothing for a team."""
    one = desk(limit="{once_per: order}")
    one.policy = replace(POLICY, caps={"transactional": Cap(1)})
    assert sorted(question.kind for question in one.asked()) == ["slot", "suppressed", "suppressed", "uses"]
    one.facts["customer.phone"] = "911"
    assert sorted(question.kind for question in one.asked()) == ["slot", "suppressed", "uses"]
    team = desk(send="{template: note, to: team.support}")
    assert team.asked() == frozenset()


@given(
    now=st.integers(-3, 200), after=st.sampled_from(["1m", "3h", "30h", "4d"]), until=st.none() | st.integers(-3, 90),
    state=st.sampled_from(["live", "paused"]), uses=st.lists(st.integers(-200, 0), max_size=4), again=st.booleans(),
    hours=st.sampled_from(["21:00-08:00", "08:00-21:00", "13:00-12:59"]), cap=st.sampled_from([None, "1h", "7d"]),
)  # fmt: skip
def test_a_hold_always_ends(rule, see, now, after, until, state, uses, again, hours, cap):
    """Whatever holds a message, it is until a later instant: nothing is looked at again and again in one moment. And
    what has been held to the end of its use is dropped."""
    one = Desk(rule, see, send=f"{{template: note, after: {after}}}", state=state)
    one.now = NOON + now * HOUR
    one.answers["uses"] = sorted(one.now + use * HOUR for use in uses)
    one.policy = replace(
        POLICY,
        caps={"transactional": Cap(2, Duration.parse(cap) if cap else None)},
        quiet_hours={"email": QuietHours.parse(hours)},
        mutes=(Mute("pause", "all", NOON + until * HOUR),) if until is not None else (),
    )
    decision = one.decide(again=again)
    if isinstance(decision.outcome, Hold):
        assert decision.outcome.until > one.now
        one.now = max(decision.outcome.until, decision.stale_at)
        assert one.outcome(again=True) == Drop("stale")


def test_who_gets_it(desk):
    """The customer of the subject, whatever it is; a team where the rule says so."""
    assert recipient_of(desk().candidate, desk().aggregate, desk().scene) == "customer:7"
    parcel = desk(about="shipment", trigger="{event: shipment.scanned}")
    assert recipient_of(parcel.candidate, parcel.aggregate, parcel.scene) == "customer:7"
    person = desk(about="customer", trigger="{event: customer.updated}")
    assert recipient_of(person.candidate, person.aggregate, person.scene) == "customer:7"
    team = desk(send="{template: note, to: team.support}")
    assert recipient_of(team.candidate, team.aggregate, team.scene) == "team:support"


def test_what_once_hangs_on(desk):
    """A decision's name changes with the rule, the send, the subject, the recipient and the occurrence, and nothing else."""
    one = desk(send="[{template: note}, {template: note}]").candidate
    others = [
        replace(one, rule=replace(one.rule, id="other")),
        replace(one, send=one.rule.sends[1]),
        replace(one, subject_key="order:2"),
        replace(one, occurrence="/shop#2"),
    ]
    keys = {decision_key(each, "customer:7") for each in [one, *others]} | {decision_key(one, "customer:8")}
    assert len(keys) == 6
    same = replace(one, trigger_at=NOON + HOUR, seen={"survey.score": 1}, rule=replace(one.rule, hash="x"))
    assert decision_key(same, "customer:7") == decision_key(one, "customer:7")
