"""Whether this message should go to this person now: the gates, and nothing else.

`decide` is pure. What it must know of the past it asks for beforehand, as `questions`; a store answers those of a whole
batch at once, and `Answers` keeps count of what the batch itself decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from notifier.core.answers import Answers, Question
from notifier.core.audience import PeopleWaiting
from notifier.core.catalogue import CLOSED
from notifier.core.contact import address_of, country_of, in_order
from notifier.core.duration import Duration
from notifier.core.local_time import shift, start_of_day, when
from notifier.core.match import Candidate, refusal, with_event
from notifier.core.policy import Cap, Policy, Team
from notifier.core.reasons import HOLDING, REASONS
from notifier.core.rule import Rule, Timed
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate
from notifier.core.tally import brake_key, decision_key, limit_key, recipient_of, topic_keys, use_key, window_key
from notifier.core.topic import last_word
from notifier.core.trigger import stands
from notifier.core.window import window_end
from notifier.errors import NoTranslation

__all__ = [
    "HOLDING", "REASONS", "Answers", "Decision", "Drop", "Hold", "Question", "SendNow", "decide", "decision_key",
    "questions", "recipient_of", "use_key",
]  # fmt: skip

_INSTANT = timedelta(microseconds=1)


class SendNow(NamedTuple):
    channel: str
    address: str
    language: str


class Hold(NamedTuple):
    until: datetime
    reason: str
    channel: str = ""
    language: str = ""


class Drop(NamedTuple):
    reason: str
    detail: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gates said about a candidate."""

    candidate: Candidate
    outcome: SendNow | Hold | Drop
    #: `customer:ID` or `team:NAME`.
    recipient: str
    stale_at: datetime
    #: What it takes of the rule's limit: a slot that one message can hold. Empty: it takes none.
    slot: bytes = b""
    #: Where it counts as one of several: the rule's limit, its topic.
    uses: tuple[bytes, ...] = ()
    #: The window in which it is collected; empty where it is not.
    window: bytes = b""

    @property
    def name(self) -> Literal["send", "hold", "drop"]:
        if isinstance(self.outcome, SendNow):
            return "send"
        return "hold" if isinstance(self.outcome, Hold) else "drop"

    @property
    def reason(self) -> str:
        """Why it does not go out now; empty where it does."""
        return "" if isinstance(self.outcome, SendNow) else self.outcome.reason

    @property
    def until(self) -> datetime:
        """To when it is held. Only of what is."""
        assert isinstance(self.outcome, Hold)
        return self.outcome.until

    @property
    def key(self) -> bytes:
        return decision_key(self.candidate, self.recipient)


@dataclass(slots=True)
class _Case:
    """One candidate on its way through the gates; the address gate adds by which channel and where to."""

    candidate: Candidate
    scene: Scene
    recipient: str
    stale_at: datetime
    answers: Answers
    policy: Policy
    #: True where the message was held or queued, and has its place already.
    again: bool
    #: When it took that place.
    taken_at: datetime | None
    #: Channels that were tried and refused it.
    tried: frozenset[str]
    #: True where the brake holds it.
    braked: bool
    limit_key: bytes
    #: In which it is, or would be, collected; empty at the second look.
    window: bytes = b""
    channel: str = ""
    address: str = ""
    language: str = ""

    @property
    def team(self) -> Team | None:
        kind, _, name = self.recipient.partition(":")
        return self.policy.teams.get(name) if kind == "team" else None


Gate = Callable[[_Case], Hold | Drop | None]


def questions(
    candidate: Candidate, aggregate: Aggregate, scene: Scene, policy: Policy, *, again: bool = False
) -> frozenset[Question]:
    """All that `decide` may ask about this candidate."""
    recipient = recipient_of(candidate, aggregate, scene)
    asked = set()
    key = limit_key(candidate, with_event(scene, candidate.seen))
    limit = candidate.rule.limit
    if key and limit and not again:
        window = _window_start(limit.window, scene)
        asked.add(Question("slot", key) if window is None else Question("uses", key, window))
    if not again and policy.brake_of(candidate.rule, candidate.send):
        asked.add(Question("count", brake_key(candidate.rule.id), _brake_start(candidate, scene, policy)))
    if not again and (together := window_key(candidate, recipient, with_event(scene, candidate.seen))):
        asked.add(Question("window", together))
    if keys := topic_keys(candidate, scene):
        since = _topic_start(candidate.rule, scene)
        asked.update(Question("uses", one, since) for one in keys.values())
    cap = policy.caps.get(candidate.send.category)
    if cap is not None and recipient:
        asked.add(Question("uses", use_key(recipient, candidate.send.category), _cap_start(cap, scene)))
    if again and isinstance(candidate.rule.audience, PeopleWaiting):
        asked.add(Question("claims", decision_key(candidate, recipient), scene.now))
    if not recipient.startswith("team:"):
        customer = scene.facts.get("customer", {})
        for channel in policy.channels:
            address = address_of(customer, channel, policy.country)
            if address:
                asked.add(Question("suppressed", policy.digest(channel, address)))
    return frozenset(asked)


def decide(
    candidate: Candidate,
    aggregate: Aggregate,
    scene: Scene,
    answers: Answers,
    policy: Policy,
    *,
    again: bool = False,
    taken_at: datetime | None = None,
    tried: Iterable[str] = (),
    braked: bool = False,
) -> Decision:
    """Send now, hold until, or drop, by the first gate that says so.

    `scene` holds the facts of today; what belongs to the triggering event is the candidate's. `again` is the second look,
    at a message that has been held or queued: its trigger must still stand, and its place in limits is its own, which it took at `taken_at`.
    `braked`: it is the brake that holds it.
    """
    sight = with_event(scene, candidate.seen)
    recipient = recipient_of(candidate, aggregate, scene)
    stale_at = _stale_at(candidate, policy, scene)
    key = limit_key(candidate, sight)
    case = _Case(candidate, sight, recipient, stale_at, answers, policy, again, taken_at, frozenset(tried), braked, key)
    case.window = b"" if again else window_key(candidate, recipient, sight)
    limit = candidate.rule.limit
    verdict: Hold | Drop | None = None
    for gate in GATES:
        verdict = gate(case)
        if isinstance(verdict, Drop):
            return Decision(
                candidate, verdict._replace(channel=case.channel), recipient, stale_at, uses=_watched_use(case, verdict)
            )
        if verdict is not None:
            verdict = verdict._replace(channel=case.channel, language=case.language)
            break
    once = limit is not None and limit.window is None
    own = topic_keys(candidate, scene).get(candidate.rule.id)
    # What joins others is no message more.
    braked = (verdict and verdict.reason == "brake") or _joins(case)
    passed = policy.brake_of(candidate.rule, candidate.send) and not braked
    counted = (b"" if once else key, own, brake_key(candidate.rule.id) if passed else b"")
    return Decision(
        candidate,
        verdict or SendNow(case.channel, case.address, case.language),
        recipient,
        stale_at,
        slot=key if once else b"",
        uses=tuple(one for one in counted if one),
        window=case.window if verdict and verdict.reason == "collecting" else b"",
    )


def _stale_at(candidate: Candidate, policy: Policy, scene: Scene) -> datetime:
    """From when on it is of no use.

    What the send says counts from what set it off; what the configuration says for all, from when it is to go out: else
    a send `after: 3d` would be useless before its time.
    """
    send, by_category = candidate.send, policy.useless_after
    general = by_category.get(send.category) or by_category.get("default") or Duration(days=2)
    start = candidate.trigger_at if send.useless_after else _ready_at(candidate, scene)
    return shift(start, send.useless_after or general, scene.zone, scene.working("shop"))


def _ready_at(candidate: Candidate, scene: Scene) -> datetime:
    return shift(candidate.trigger_at, candidate.send.after, scene.zone, scene.working("shop"))


def _window_start(window: Duration | None, scene: Scene) -> datetime | None:
    return None if window is None else shift(scene.now, -window, scene.zone, scene.working("shop"))


def _topic_start(rule: Rule, scene: Scene) -> datetime:
    assert rule.topic is not None
    return shift(scene.now, -rule.topic.every, scene.zone, scene.working("shop"))


def _brake_start(candidate: Candidate, scene: Scene, policy: Policy) -> datetime:
    """From when on a rule's messages count: not before what an operator has approved. On the shop's clock, for everybody."""
    brake = policy.brake_of(candidate.rule, candidate.send)
    assert brake is not None
    start = shift(scene.now, -brake.within, policy.zone, scene.working("shop")) + _INSTANT
    last = policy.braking(candidate.rule.id)
    return start if last is None or last.until is None else max(start, last.until + _INSTANT)


def _cap_start(cap: Cap, scene: Scene) -> datetime:
    today = start_of_day(scene.now.astimezone(scene.zone).date(), scene.zone)
    return _window_start(cap.window, scene) or today - timedelta(microseconds=1)


def _stock(case: _Case) -> Drop | None:
    """Whether there still is what was promised: what others were promised before, and what is owed, comes first."""
    rule = case.candidate.rule
    audience = rule.audience
    if not case.again or not isinstance(audience, PeopleWaiting) or rule.follows_up(case.candidate.send):
        return None
    claims = case.answers.claims(decision_key(case.candidate, case.recipient), case.scene.now)
    if claims is None:
        return Drop("superseded", "the customer no longer waits for it")
    left = (audience.up_to.resolve(case.scene) or 0) - claims
    wanted = case.scene.value("waitlist.quantity")
    if left >= wanted:
        return None
    return Drop("not_enough_stock", f"{_number(wanted)} asked for, {_number(max(left, 0))} left for this customer")


def _number(units: float) -> str:
    return f"{units:,.6g}"


def _trigger(case: _Case) -> Drop | None:
    rule = case.candidate.rule
    if rule.follows_up(case.candidate.send):
        return None
    ended = _ended(case)
    if ended and not rule.spans_the_end:
        return Drop("superseded", ended)
    # What takes its time on the way may be no longer so when it comes.
    slow = isinstance(rule.trigger, Timed) or rule.still_true_after is not None or rule.audience is not None
    if (case.again or slow) and not stands(rule.trigger, case.candidate.seen, case.scene):
        return Drop("superseded")
    return None


def _ended(case: _Case) -> str:
    kind = case.candidate.subject_key.partition(":")[0]
    status = case.scene.value(f"{kind}.status")
    return f"the {kind} is {status}" if status in CLOSED else ""


def _conditions(case: _Case) -> Drop | None:
    rule, send = case.candidate.rule, case.candidate.send
    pairs = [(send.only_if, send.not_if)]
    if not rule.follows_up(send):
        pairs.insert(0, (rule.only_if, rule.not_if))
    for only_if, not_if in pairs:
        reason = refusal(only_if, not_if, rule, case.scene)
        if reason:
            return Drop(reason)
    return None


def _stale(case: _Case) -> Drop | None:
    return Drop("stale") if case.scene.now >= case.stale_at else None


def _address(case: _Case) -> Drop | None:
    """Choose the first channel that can carry it, and say why there is none."""
    send, policy = case.candidate.send, case.policy
    customer = case.scene.facts.get("customer", {})
    team = case.team
    preferred = None if team else customer.get("customer.preferred_channel")
    why = Drop("channel_unavailable")
    for channel in in_order(send.channels, preferred, policy.channels):
        if (
            channel in case.tried
            or channel not in policy.channels
            or not policy.wording.carries(send.template, channel)
        ):
            continue
        if team is not None:
            address = (team.email if channel == "email" else team.phone) or None
        else:
            address = address_of(customer, channel, policy.country)
        if address is None:
            why = Drop("no_address") if why.reason == "channel_unavailable" else why
            continue
        if channel == "sms" and policy.sms_countries is not None and country_of(address) not in policy.sms_countries:
            why = Drop("country_forbids")
            continue
        suppressed = "" if team else case.answers.suppressed(policy.digest(channel, address))
        if suppressed:
            why = Drop("suppressed", suppressed)
        elif not team and not _consented(case, channel):
            why = Drop("no_consent")
        else:
            wanted = (team.locale if team else customer.get("customer.locale")) or policy.locale
            try:
                case.language = policy.wording.language(send.template, channel, wanted)
            except NoTranslation as error:
                why = Drop("no_translation", str(error))
                continue
            case.channel, case.address = channel, address
            return None
    return why


def _consented(case: _Case, channel: str) -> bool:
    category = case.candidate.send.category
    state = case.scene.value(f"customer.consent@{channel}/{category}")
    return bool(state == "granted" if category in case.policy.consent else state != "revoked")


def _muted(case: _Case) -> Drop | None:
    for one in case.policy.mutes:
        if one.kind == "mute" and one.covers(case.candidate, case.scene):
            return Drop("muted", one.reason)
    return None


def _paused(case: _Case) -> Hold | None:
    for one in case.policy.mutes:
        if one.kind == "pause" and one.covers(case.candidate, case.scene):
            return Hold(min(one.until or case.stale_at, case.stale_at), "paused")
    return Hold(case.stale_at, "paused") if case.candidate.rule.state == "paused" else None


def _limit(case: _Case) -> Drop | None:
    limit = case.candidate.rule.limit
    if case.again or limit is None or not case.limit_key:
        return None
    start = _window_start(limit.window, case.scene)
    if start is None:
        return Drop("already_sent") if case.answers.taken(case.limit_key) else None
    return Drop("limit") if len(case.answers.uses(case.limit_key, start)) >= limit.at_most else None


def _frequency_cap(case: _Case) -> Hold | Drop | None:
    cap = case.policy.caps.get(case.candidate.send.category)
    if cap is None or case.team is not None:
        return None
    start = _cap_start(cap, case.scene)
    uses = sorted(case.answers.uses(use_key(case.recipient, case.candidate.send.category), start))
    if len(uses) < cap.count:
        return None
    until = _frees(cap, uses[-cap.count], case.scene)
    return Hold(until, "frequency_cap") if until < case.stale_at else Drop("frequency_cap")


def _frees(cap: Cap, oldest: datetime, scene: Scene) -> datetime:
    if cap.window is not None:
        return shift(oldest, cap.window, scene.zone, scene.working("shop")) + timedelta(microseconds=1)
    tomorrow: date = scene.now.astimezone(scene.zone).date() + timedelta(days=1)
    return start_of_day(tomorrow, scene.zone)


def _topic(case: _Case) -> Drop | None:
    """Whether another rule has told about the same thing, which this one is not stronger than."""
    rule, keys = case.candidate.rule, topic_keys(case.candidate, case.scene)
    if rule.topic is None or not keys:
        return None
    since = _topic_start(rule, case.scene)
    told = {one: [at for at in case.answers.uses(key, since) if at > since] for one, key in keys.items()}
    word = last_word(rule.topic, rule.id, told, again=case.again, taken_at=case.taken_at)
    return word and Drop(
        "topic_told", f"{word.rule} tells about this {rule.topic.name}, decided {when(word.at, case.scene.zone)}"
    )


def _not_yet(case: _Case) -> Hold | None:
    ready = _ready_at(case.candidate, case.scene)
    return Hold(ready, "not_yet") if ready > case.scene.now else None


def _quiet_hours(case: _Case) -> Hold | None:
    """The channel's hours and the category's, both; for staff the team's own."""
    until = case.scene.now
    team = case.team
    if team is not None:
        opens = team.hours.opens(until, team.zone or case.policy.zone) if team.hours else None
        return Hold(opens, "quiet_hours") if opens else None
    until = case.policy.free_from(until, (case.channel, case.candidate.send.category), case.scene.zone)
    return Hold(until, "quiet_hours") if until > case.scene.now else None


def _brake(case: _Case) -> Hold | None:
    """What comes once a rule has sent too much waits for a person; what an operator has approved does not come back here."""
    if case.again:
        return Hold(case.stale_at, "brake") if case.braked else None
    if case.policy.brake_of(case.candidate.rule, case.candidate.send) is None or _joins(case):
        return None
    last = case.policy.braking(case.candidate.rule.id)
    on = last is not None and last.until is None
    return Hold(case.stale_at, "brake") if on or _is_too_much(case) else None


def _joins(case: _Case) -> bool:
    """Whether it goes together with what is being collected already."""
    return bool(case.window) and case.answers.window(case.window, case.scene.now) is not None


def _collecting(case: _Case) -> Hold | None:
    """To the end of the window, which the first match has opened and which does not move."""
    collect = case.candidate.send.collect
    if case.again or collect is None:
        return None
    team, scene = case.team, case.scene
    zone, hours = ((team.zone or case.policy.zone), team.hours) if team else (scene.zone, None)
    is_open = case.answers.window(case.window, scene.now)
    return Hold(is_open or window_end(collect, scene.now, zone, scene.working("shop"), hours), "collecting")


def _is_too_much(case: _Case) -> bool:
    candidate = case.candidate
    brake = case.policy.brake_of(candidate.rule, candidate.send)
    if brake is None:
        return False
    start = _brake_start(candidate, case.scene, case.policy)
    return case.answers.count(brake_key(candidate.rule.id), start) >= brake.most


def _watching(case: _Case) -> Drop | None:
    """It says as well what the brake would do: a rule is watched to learn what it would send."""
    if case.candidate.rule.state != "watch":
        return None
    braked = not case.again and _is_too_much(case)
    return Drop("watching", "the rule only watches, and the brake would hold this" if braked else "")


def _watched_use(case: _Case, drop: Drop) -> tuple[bytes, ...]:
    """What a rule that watches would have sent counts for its brake as if it were live."""
    candidate = case.candidate
    counts = drop.reason == "watching" and not case.again
    return (brake_key(candidate.rule.id),) if counts and case.policy.brake_of(candidate.rule, candidate.send) else ()


#: In this order. The address comes before the hours, which depend on the channel; the limit before whatever holds: what is
#: held takes its place, and no place can be taken twice.
GATES: tuple[Gate, ...] = (
    _stock, _trigger, _conditions, _stale, _address, _watching, _limit, _topic, _muted, _brake, _collecting, _paused, _not_yet,
    _frequency_cap, _quiet_hours,
)  # fmt: skip
