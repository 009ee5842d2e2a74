"""What decided, in one sentence with the facts: kept with every decision that holds or drops.

`quiet_hours` says which rule of ours spoke; the grounds say that team support works mon-fri 08:00-18:00. Times are told
on the clock of the person whom the message is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.condition import Condition, Finding, Truth
from notifier.core.contact import address_of, country_of, in_order
from notifier.core.decide import Decision, Drop, Hold, SendNow
from notifier.core.local_time import when
from notifier.core.match import with_event
from notifier.core.message import masked
from notifier.core.policy import Mute, Policy, Team
from notifier.core.rule import BecomesTrue, Brake, Calendar, Change, Moment, NoNews
from notifier.core.scene import Scene
from notifier.core.trigger import due, silence

__all__ = ["brake_words", "grounds", "mute_words"]

#: Clauses of a condition that are told; the rest would bury them.
_MOST_CLAUSES = 3
_KINDS = {"email": "e-mail address", "sms": "phone number"}
_BY = {"email": "e-mail", "sms": "SMS"}


def grounds(decision: Decision, scene: Scene, policy: Policy, tried: Iterable[str] = ()) -> str:
    """Why it was held or dropped, as a sentence; empty where the reason says it all.

    `scene` and `policy` are what the decision was made with, `tried` the channels that had refused the message before.
    """
    if isinstance(decision.outcome, SendNow):
        return ""
    case = _Case(decision, with_event(scene, decision.candidate.seen), policy, frozenset(tried))
    return _TOLD.get(decision.outcome.reason, _given)(case)


#: What was done, and what ends it.
_ENDED = {
    "pause": ("paused", "resumed"), "mute": ("muted", "unmuted"), "brake": ("braked", "approved or discarded"),
}  # fmt: skip


def mute_words(mute: Mute, zone: ZoneInfo) -> str:
    """`rule overdue is paused since Tue 2026-03-10 09:00 until resumed: the mail server moves`."""
    kind, _, name = mute.scope.partition(":")
    what = "everything" if kind == "all" else f"{'SKU' if kind == 'sku' else kind} {name}"
    done, undone = _ENDED[mute.kind]
    since = f" since {when(mute.at, zone)}" if mute.at else ""
    until = when(mute.until, zone) if mute.until else undone
    return f"{what} is {done}{since} until {until}{f': {mute.reason}' if mute.reason else ''}"


@dataclass(frozen=True, slots=True)
class _Case:
    decision: Decision
    scene: Scene
    policy: Policy
    tried: frozenset[str]

    @property
    def customer(self) -> Mapping[str, Any]:
        return self.scene.facts.get("customer", {})

    @property
    def team_name(self) -> str:
        kind, _, name = self.decision.recipient.partition(":")
        return name if kind == "team" else ""

    @property
    def team(self) -> Team | None:
        return self.policy.teams.get(self.team_name)

    @property
    def wanted(self) -> list[str]:
        """The channels that the message might have gone by, in order."""
        preferred = None if self.team_name else self.customer.get("customer.preferred_channel")
        return list(in_order(self.decision.candidate.send.channels, preferred, self.policy.channels))

    @property
    def open(self) -> list[str]:
        """Of these, those that can carry it at all."""
        return [one for one in self.wanted if not self.obstacle(one)]

    def obstacle(self, channel: str) -> str:
        send = self.decision.candidate.send
        if channel in self.tried:
            return f"{_BY[channel]} was refused for good"
        if channel not in self.policy.channels:
            return f"{_BY[channel]} is not in use"
        return "" if self.policy.wording.carries(send.template, channel) else f"{send.label} has no {_BY[channel]} text"


def _given(case: _Case) -> str:
    return case.decision.outcome.detail if isinstance(case.decision.outcome, Drop) else ""


def _superseded(case: _Case) -> str:
    trigger, scene = case.decision.candidate.rule.trigger, case.scene
    if given := _given(case):
        return given
    if isinstance(trigger, Calendar):
        return "the next has come"
    if isinstance(trigger, NoNews):
        heard = silence(trigger, scene)
        return f"the last that was heard is of {when(heard, scene.zone)}" if heard else "nothing is known to count from"
    if isinstance(trigger, BecomesTrue):
        return "; ".join(
            f"{one.seen}, and it waits for {one.clause}"
            for one in _telling(trigger.condition, truth=False, scene=scene)
        )
    watched = trigger.field if isinstance(trigger, Moment | Change) else None
    if watched is None:
        return ""
    value = scene.value(watched.path)
    if value is None:
        return f"{watched.path} is not known any more"
    now = f"{watched.path} is {_said(value, scene.zone)} now"
    if isinstance(trigger, Moment):
        moment = due(trigger, scene)
        return f"{now}, which puts it at {when(moment, scene.zone)}" if moment else now
    seen = case.decision.candidate.seen
    before, after = (_said(seen.get(f"change.{name}"), scene.zone) for name in ("before", "after"))
    return f"{watched.path} went from {before} to {after}, and is {_said(value, scene.zone)} now"


def _condition(case: _Case) -> str:
    """The clauses of the first condition that refuses."""
    candidate, wanted = case.decision.candidate, case.decision.outcome
    assert not isinstance(wanted, SendNow)
    unknown = wanted.reason == "condition_unknown"
    conditions: list[tuple[str, Condition | None]] = [
        ("only_if", candidate.send.only_if), ("not_if", candidate.send.not_if),
    ]  # fmt: skip
    if not candidate.rule.follows_up(candidate.send):
        conditions = [("only_if", candidate.rule.only_if), ("not_if", candidate.rule.not_if), *conditions]
    for name, condition in conditions:
        refuses = None if unknown else name == "not_if"
        if condition is not None and condition.holds(case.scene) is refuses:
            asks = f"{name} {'asks for' if name == 'only_if' else 'forbids'}"
            found = _telling(condition, refuses, case.scene)
            return "; ".join(f"{one.seen}, and {asks} {one.clause}" for one in found)
    return ""


def _telling(condition: Condition, truth: Truth, scene: Scene) -> list[Finding]:
    found = list(condition.findings(scene))
    return ([one for one in found if one.truth is truth] or found)[:_MOST_CLAUSES]


def _stale(case: _Case) -> str:
    return f"it was of use until {when(case.decision.stale_at, case.scene.zone)}"


def _no_address(case: _Case) -> str:
    if not case.decision.recipient:
        return f"nobody has said who the {case.decision.candidate.rule.about}'s customer is"
    if case.team_name:
        return f"team {case.team_name} has no {_either(_KINDS[one] for one in case.open)} in the configuration"
    missing = [one for one in case.open if not _value(case, one)]
    told = [f"{masked(_value(case, one))} is not a valid {_KINDS[one]}" for one in case.open if one not in missing]
    told += [f"no {_either(_KINDS[one] for one in missing)} of the customer is known"] if missing else []
    return " and ".join(told)


def _value(case: _Case, channel: str) -> str:
    return str(case.customer.get({"email": "customer.email", "sms": "customer.phone"}[channel]) or "")


def _channel_unavailable(case: _Case) -> str:
    return " and ".join(dict.fromkeys(case.obstacle(one) for one in case.wanted))


def _country_forbids(case: _Case) -> str:
    phone = address_of(case.customer, "sms", case.policy.country) or (case.team.phone if case.team else "")
    place = (country_of(phone) if phone else None) or "no country"
    allowed = ", ".join(sorted(case.policy.sms_countries or ()))
    return f"the number is of {place}, and SMS go only to {allowed}"


def _suppressed(case: _Case) -> str:
    return f"its address must not be written to: {_given(case)}"


def _no_consent(case: _Case) -> str:
    category = case.decision.candidate.send.category
    said = {one: case.scene.value(f"customer.consent@{one}/{category}") for one in case.open}
    verb = "said no" if "revoked" in said.values() else "not agreed"
    return f"the customer has {verb} to {category} by {_either(_BY[one] for one in case.open)}"


def _operator(case: _Case) -> str:
    kind = "mute" if isinstance(case.decision.outcome, Drop) else "pause"
    for one in case.policy.mutes:
        if one.kind == kind and one.covers(case.decision.candidate, case.scene):
            return mute_words(one, case.scene.zone)
    return f"rule {case.decision.candidate.rule.id} has 'state: paused'"


def _brake(case: _Case) -> str:
    candidate = case.decision.candidate
    on = case.policy.braking(candidate.rule.id)
    if on is not None and on.until is None:
        return mute_words(on, case.scene.zone)
    return brake_words(case.policy.brake_of(candidate.rule, candidate.send))


def brake_words(brake: Brake | None) -> str:
    """`it sends more than 1,000 messages in 1h`."""
    return (
        ""
        if brake is None
        else f"it sends more than {brake.most:,} {'message' if brake.most == 1 else 'messages'} in {brake.within}"
    )


def _collecting(case: _Case) -> str:
    outcome = case.decision.outcome
    assert isinstance(outcome, Hold)
    return f"what comes until {when(outcome.until, case.scene.zone)} goes out together"


def _limit(case: _Case) -> str:
    limit = case.decision.candidate.rule.limit
    assert limit is not None
    return f"the rule tells this at most {_times(limit.at_most)} in {limit.window}"


def _frequency_cap(case: _Case) -> str:
    category = case.decision.candidate.send.category
    cap = case.policy.caps[category]
    span = f"any {cap.window}" if cap.window else "a day"
    return f"the customer has had {cap.count} {category} messages, as many as limits.per_customer allows in {span}"


def _quiet_hours(case: _Case) -> str:
    if case.team is not None:
        return f"team {case.team_name} works {case.team.hours}"
    hours, names = case.policy.quiet_hours, (case.decision.outcome.channel, case.decision.candidate.send.category)
    told = " and ".join(f"{_BY.get(one, one)} {hours[one]}" for one in names if one in hours)
    return f"the customer is left alone at this hour: {told}, on the clock of {case.scene.zone}"


def _not_yet(case: _Case) -> str:
    return f"it goes out {case.decision.candidate.send.after} after what set it off"


def _said(value: Any, zone: ZoneInfo) -> str:
    return when(value, zone) if isinstance(value, datetime) else "unknown" if value is None else str(value)


def _either(names: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(names))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


_TOLD: Mapping[str, Callable[[_Case], str]] = {
    "superseded": _superseded, "condition_false": _condition, "condition_unknown": _condition, "stale": _stale,
    "no_address": _no_address, "channel_unavailable": _channel_unavailable, "country_forbids": _country_forbids,
    "suppressed": _suppressed, "no_consent": _no_consent, "muted": _operator, "paused": _operator, "brake": _brake, "limit": _limit, "collecting": _collecting,
    "frequency_cap": _frequency_cap, "quiet_hours": _quiet_hours, "not_yet": _not_yet,
}  # fmt: skip
