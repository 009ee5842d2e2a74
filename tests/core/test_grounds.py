"""Each reason with the facts that decided, as somebody in support reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.core.decide import Answers, decide, questions
from notifier.core.grounds import grounds, mute_words
from notifier.core.match import Candidate
from notifier.core.policy import Cap, Mute, Policy, Team
from notifier.core.quiet_hours import OfficeHours, QuietHours
from notifier.core.subject import Aggregate

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WARSAW = ZoneInfo("Europe/Warsaw")
DANA = {
    "customer.email": "dana@example.com", "customer.phone": "+15005550123", "order.customer_key": "customer:7",
    "order.status": "shipped", "order.total": 20,
}  # fmt: skip


class Texts:
    def carries(self, name, channel):
        return channel == "email" or name != "advert"

    def language(self, name, channel, wanted):
        return "en"


POLICY = Policy(
    Texts(), WARSAW, teams={"support": Team("s@example.com", hours=OfficeHours.parse("mon-fri 08:00-18:00"))}
)


@pytest.fixture
def told(rule, see):
    """The reason and the grounds of a rule's decision about order 1."""

    def made(now=NOON, at=None, again=False, tried=(), policy=None, facts=None, seen=None, stored=None, **keys):
        given = rule(**{"trigger": "{event: order.shipped}", **keys})
        known = {path: value for path, value in {**DANA, **(facts or {})}.items() if value is not None}
        found = replace(POLICY, **(policy or {}))
        candidate = Candidate(given, given.sends[0], "order:1", "/shop#1", at or now, seen or {})
        order = Aggregate("order:1", leaves={"order.customer_key": known.get("order.customer_key")}, facts=known)
        scene = see(known, now=now)
        asked = questions(candidate, order, scene, found, again=again)
        answers = Answers({one: (stored or {}).get(one.kind) for one in asked if (stored or {}).get(one.kind)})
        decision = decide(candidate, order, scene, answers, found, again=again, tried=tried)
        return getattr(decision.outcome, "reason", ""), grounds(decision, scene, found, tried)

    return made


PROMISE = {"order.promised_at": date(2026, 3, 20)}
ETA = {"change.field": "order.eta", "change.before": date(2026, 3, 13), "change.after": date(2026, 3, 15)}

CASES = {
    "an order that is over": (
        {"facts": {"order.status": "cancelled"}}, "superseded", "the order is cancelled",
    ),
    "a promise that moved": (
        {"trigger": "{moment: order.promised_at + 1d, at: '09:00'}", "facts": PROMISE}, "superseded",
        "order.promised_at is 2026-03-20 now, which puts it at Sat 2026-03-21 09:00",
    ),
    "a promise that is gone": (
        {"trigger": "{moment: order.promised_at + 1d}"}, "superseded", "order.promised_at is not known any more",
    ),
    "a day that moved back": (
        {"trigger": "{change: order.eta, later_by: 1d}", "again": True, "seen": ETA, "facts": {"order.eta": date(2026, 3, 13)}},
        "superseded", "order.eta went from 2026-03-13 to 2026-03-15, and is 2026-03-13 now",
    ),
    "a condition": (
        {"only_if": "{order.total: {at_least: 50}}"}, "condition_false",
        "order.total is 20, and only_if asks for order.total: {at_least: 50}",
    ),
    "a veto": (
        {"not_if": "{order.status: [paid, shipped]}"}, "condition_false",
        "order.status is shipped, and not_if forbids order.status: paid, shipped",
    ),
    "a veto of the send": (
        {"send": "{template: note, not_if: {order.total: 20}}"}, "condition_false",
        "order.total is 20, and not_if forbids order.total: 20",
    ),
    "one clause of two": (
        {"only_if": "{order.status: shipped, order.total: 50}"}, "condition_false",
        "order.total is 20, and only_if asks for order.total: 50",
    ),
    "what nobody knows": (
        {"only_if": "{order.carrier: GLS}"}, "condition_unknown",
        "order.carrier is unknown, and only_if asks for order.carrier: GLS",
    ),
    "an address in a condition": (
        {"only_if": "{customer.email: ola@example.com}"}, "condition_false",
        "customer.email is d***@e***, and only_if asks for customer.email: ola@example.com",
    ),
    "too late": (
        {"now": NOON + 3 * DAY, "at": NOON}, "stale", "it was of use until Sun 2026-03-15 13:00",
    ),
    "no address": (
        {"facts": {"customer.email": None, "customer.phone": None}}, "no_address",
        "no e-mail address or phone number of the customer is known",
    ),
    "an address that is none": (
        {"facts": {"customer.email": "dana.example@", "customer.phone": None}}, "no_address",
        "d***@*** is not a valid e-mail address and no phone number of the customer is known",
    ),
    "a number that is none": (
        {"facts": {"customer.phone": "12 34 567"}, "send": "{template: note, channels: [sms]}"}, "no_address",
        "*** 567 is not a valid phone number",
    ),
    "nobody's order": (
        {"facts": {"order.customer_key": None, "customer.email": None, "customer.phone": None}}, "no_address",
        "nobody has said who the order's customer is",
    ),
    "a team without an address": (
        {"send": "{template: note, to: team.support}", "policy": {"teams": {"support": Team()}}}, "no_address",
        "team support has no e-mail address or phone number in the configuration",
    ),
    "no provider": (
        {"send": "{template: advert, channels: [sms, email]}", "policy": {"channels": ("sms",)}}, "channel_unavailable",
        "advert has no SMS text and e-mail is not in use",
    ),
    "refused by e-mail": (
        {"send": "{template: note, channels: [email]}", "tried": ("email",)}, "channel_unavailable",
        "e-mail was refused for good",
    ),
    "another country": (
        {"send": "{template: note, channels: [sms]}", "policy": {"sms_countries": frozenset({"PL", "HU"})},
         "facts": {"customer.phone": "+49 1512 3456789"}},
        "country_forbids", "the number is of DE, and SMS go only to HU, PL",
    ),
    "suppressed": (
        {"stored": {"suppressed": "550 no such user"}}, "suppressed",
        "its address must not be written to: 550 no such user",
    ),
    "no consent": (
        {"send": "{template: note, category: marketing}"}, "no_consent",
        "the customer has not agreed to marketing by e-mail or SMS",
    ),
    "a no": (
        {"send": "{template: note, channels: [email]}", "facts": {"customer.consent@email/transactional": "revoked"}},
        "no_consent", "the customer has said no to transactional by e-mail",
    ),
    "muted": (
        {"policy": {"mutes": (Mute("mute", "rule:r", None, "wrong text", NOON),)}}, "muted",
        "rule r is muted since Fri 2026-03-13 13:00 until unmuted: wrong text",
    ),
    "paused": (
        {"policy": {"mutes": (Mute("pause", "all", NOON + DAY, "", NOON),)}}, "paused",
        "everything is paused since Fri 2026-03-13 13:00 until Sat 2026-03-14 13:00",
    ),
    "paused by its rule": ({"state": "paused"}, "paused", "rule r has 'state: paused'"),
    "watching": ({"state": "watch"}, "watching", ""),
    "too much": (
        {"brake": "{hold_all_if_over: 1500, in: 1h}", "stored": {"count": 1500}}, "brake",
        "it sends more than 1,500 messages in 1h",
    ),
    "braked": (
        {"brake": "{hold_all_if_over: 5, in: 1h}",
         "policy": {"mutes": (Mute("brake", "rule:r", None, "it sends more than 5 messages in 1h", NOON),)}}, "brake",
        "rule r is braked since Fri 2026-03-13 13:00 until approved or discarded: it sends more than 5 messages in 1h",
    ),
    "sent before": ({"limit": "{once_per: order}", "stored": {"slot": True}}, "already_sent", ""),
    "often enough": (
        {"limit": "{at_most: 1, per: customer, in_any: 7d}", "stored": {"uses": [NOON]}}, "limit",
        "the rule tells this at most once in 7d",
    ),
    "enough for a day": (
        {"policy": {"caps": {"transactional": Cap(2)}}, "stored": {"uses": [NOON, NOON]}}, "frequency_cap",
        "the customer has had 2 transactional messages, as many as limits.per_customer allows in a day",
    ),
    "night": (
        {"policy": {"quiet_hours": {"email": QuietHours.parse("10:00-20:30")}}}, "quiet_hours",
        "the customer is left alone at this hour: e-mail 10:00-20:30, on the clock of Europe/Warsaw",
    ),
    "a team's evening": (
        {"now": NOON + DAY, "send": "{template: note, to: team.support}"}, "quiet_hours",
        "team support works mon-fri 08:00-18:00",
    ),
    "later": ({"send": "{template: note, after: 2h}"}, "not_yet", "it goes out 2h after what set it off"),
    "nothing at all": ({}, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_facts_that_decided(told, name):
    """Every hold and drop is kept with what was compared with what, in one sentence without an address in it."""
    how, reason, sentence = CASES[name]
    assert told(**how) == (reason, sentence)


@pytest.mark.parametrize(
    "hours", ["mon-fri 08:00-18:00", "sat 09:00-13:00", "fri-tue 07:30-12:00", "mon-sun 00:00-23:59"]
)
def test_hours_read_as_they_were_written(hours):
    """A team's hours are told in the words of the configuration."""
    assert str(OfficeHours.parse(hours)) == hours


@pytest.mark.parametrize(
    ("mute", "words"),
    [
        (Mute("pause", "carrier:GLS"), "carrier GLS is paused until resumed"),
        (Mute("mute", "sku:BOOT-42", NOON), "SKU BOOT-42 is muted until Fri 2026-03-13 13:00"),
    ],
)
def test_an_operators_word(mute, words):
    """What is silenced is named by its kind."""
    assert mute_words(mute, WARSAW) == words
