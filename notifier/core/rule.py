"""A rule, as the engine runs it: what it is about, what sets it off, what must hold, what to send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time

from notifier.core.audience import Audience
from notifier.core.calendar import Calendar
from notifier.core.catalogue import CLOSED, Field
from notifier.core.condition import AllOf, Clause, Condition, TimeRef, asks_of
from notifier.core.duration import NO_TIME, Duration
from notifier.core.listing import Listing
from notifier.core.matcher import Guard, Matcher
from notifier.core.topic import Topic

__all__ = [
    "ABOUT", "CATEGORIES", "BecomesTrue", "Book", "Brake", "Calendar", "Change", "Collect", "FollowUp", "Limit", "Moment", "NoNews",
    "OnEvent", "Rule",
    "Send", "Timed", "Trigger",
]  # fmt: skip

#: What a rule can be about.
ABOUT = ("order", "shipment", "stock", "customer", "shop")
CATEGORIES = ("critical", "transactional", "requested", "survey", "marketing", "staff")


@dataclass(frozen=True, slots=True)
class OnEvent:
    """When such an event is folded in."""

    types: tuple[str, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Moment:
    """Once, when that instant comes."""

    when: TimeRef
    #: With it, days are counted from the local date, and then this time is taken.
    at: time | None = None

    @property
    def field(self) -> Field | None:
        """What it moves with; None for a written date."""
        return self.when.base if isinstance(self.when.base, Field) else None

    @property
    def fields(self) -> tuple[Field, ...]:
        return (self.field,) if self.field else ()


@dataclass(frozen=True, slots=True)
class NoNews:
    """Once for each silence, when it has lasted so long."""

    #: Events that break it.
    of: tuple[str, ...]
    #: Where the time of the last such event is kept.
    heard: tuple[Field, ...]
    lasts: Duration
    #: Where the silence begins before anything was heard.
    counted_from: Field | None = None
    calendar: str = "shop"

    @property
    def fields(self) -> tuple[Field, ...]:
        return (*self.heard, self.counted_from) if self.counted_from else self.heard


@dataclass(frozen=True, slots=True)
class Change:
    """When an event changes a field so; from unknown it never fires."""

    field: Field
    later_by: Duration | None = None
    earlier_by: Duration | None = None
    #: Crossing: from at or under to over, from at or over to under.
    rises_above: object | None = None
    falls_below: object | None = None
    to: tuple[object, ...] | None = None
    from_: tuple[object, ...] | None = None
    #: What must have been met since it last fired; None where it may fire each time.
    ready_again: Condition | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        return (self.field,)


@dataclass(frozen=True, slots=True)
class BecomesTrue:
    """When an event makes the condition true, once until it was false again."""

    condition: Condition
    #: As it was written, for people.
    text: str

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(self.condition.fields())


#: Those that a clock sets off.
Timed = Moment | NoNews | Calendar
Trigger = OnEvent | Moment | NoNews | Calendar | Change | BecomesTrue


@dataclass(frozen=True, slots=True)
class Collect:
    """Into one message what comes in a window: of a length, or until a time of day."""

    #: `customer`, `team`, or a field: what has the same goes together. Always of one recipient.
    per: str
    lasts: Duration | None = None
    until: time | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """One thing that a rule sends."""

    #: Its place in the rule; the follow-up's comes after those of `send`.
    index: int
    template: str
    #: True where `template` names a survey.
    survey: bool
    category: str
    #: `customer` or `team.NAME`.
    to: str = "customer"
    #: In order of trial; `preferred` stands for what the customer prefers. Empty: preferred, then the configured order.
    channels: tuple[str, ...] = ()
    after: Duration = NO_TIME
    useless_after: Duration | None = None
    only_if: Condition | None = None
    not_if: Condition | None = None
    collect: Collect | None = None

    @property
    def label(self) -> str:
        return f"survey:{self.template}" if self.survey else self.template


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What goes out some time after the rule's message has left."""

    send: Send
    after: Duration
    #: Waited for where unknown; None counts from when the message left.
    counted_from: Field | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """How often, for the same `keys`: once for all, or so many times in any stretch of `window`."""

    #: Kinds of subject (`order`) and fields (`order.promised_at`).
    keys: tuple[str, ...]
    at_most: int = 1
    window: Duration | None = None


@dataclass(frozen=True, slots=True)
class Brake:
    """How much of one rule is too much: what is more than `most` messages in any stretch of `within` waits for a person."""

    most: int
    within: Duration


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    about: str
    trigger: Trigger
    sends: tuple[Send, ...]
    #: Its place among all rules, file by file: what is equal otherwise goes by it.
    place: int
    #: Hash of what was written, so that two versions of a rule can be told apart.
    hash: str
    description: str = ""
    owner: str = ""
    only_if: Condition | None = None
    not_if: Condition | None = None
    #: Drop where `not_if` is unknown, too: it protects rather than informs.
    if_unknown_skip: bool = False
    include_closed: bool = False
    send_if_already_past: bool = False
    #: How long what set it off must last before anything is sent.
    still_true_after: Duration | None = None
    #: What a report lists.
    listing: Listing | None = None
    limit: Limit | None = None
    topic: Topic | None = None
    follow_up: FollowUp | None = None
    #: None: that of the configuration, for what goes to customers.
    brake: Brake | None = None
    #: `watch` decides and counts but sends nothing; `paused` holds; `draft` is only checked.
    state: str = "live"
    #: `rules/delivery.yaml:12`, for people.
    where: str = ""
    #: Whom it reaches, where what sets it off is not told of what it is about: each of them is a match.
    audience: Audience | None = None

    @property
    def origin(self) -> str:
        """The kind of subject whose news sets it off: for an audience that is the article."""
        return self.about if self.audience is None else "stock"

    def send_at(self, index: int) -> Send | None:
        """The send with this index, the follow-up's included; None where an edit took it away."""
        if self.follow_up is not None and index == self.follow_up.send.index:
            return self.follow_up.send
        return next((one for one in self.sends if one.index == index), None)

    def follows_up(self, send: Send) -> bool:
        return self.follow_up is not None and send.index == self.follow_up.send.index

    @property
    def turns(self) -> bool:
        """True where it must remember that it fired until something has been so again."""
        return isinstance(self.trigger, BecomesTrue) or (
            isinstance(self.trigger, Change) and self.trigger.ready_again is not None
        )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that it asks, those of its sends and of its follow-up included."""
        sends = [*self.sends, *([self.follow_up.send] if self.follow_up else [])]
        written = [self.only_if, self.not_if, *(one for send in sends for one in (send.only_if, send.not_if))]
        if isinstance(self.trigger, BecomesTrue):
            written.append(self.trigger.condition)
        if self.listing is not None:
            written.append(self.listing.condition)
        return tuple(one for one in written if one is not None)

    @property
    def watched(self) -> frozenset[str]:
        """The paths at which a change may set it off, move its time or end its wait."""
        fields = [*self.trigger.fields]
        if isinstance(self.trigger, Change) and self.trigger.ready_again is not None:
            fields += self.trigger.ready_again.fields()
        if self.still_true_after is not None:
            fields += [one for condition in self.conditions for one in condition.fields()]
        return frozenset(one.path for one in fields)

    @property
    def spans_the_end(self) -> bool:
        """True where finished subjects are in: it says so, or its trigger is itself about the end."""
        if self.include_closed:
            return True
        if self.audience is not None:
            return False
        if isinstance(self.trigger, OnEvent):
            return all(name.partition(".")[2] in CLOSED for name in self.trigger.types) or self.about in (
                "stock",
                "customer",
            )
        if isinstance(self.trigger, Change) and self.trigger.field.path.endswith(".status"):
            return bool(self.trigger.to) and CLOSED.issuperset(self.trigger.to or ())
        if isinstance(self.trigger, BecomesTrue):
            return asks_for_the_end(self.trigger.condition)
        return any(one.path.rpartition(".")[2].removesuffix("_at") in CLOSED for one in self.trigger.fields)


def asks_for_the_end(condition: Condition) -> bool:
    """Whether it can only be true of what is finished."""
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    return any(
        isinstance(one, Clause)
        and one.operator == "is"
        and one.field.path.endswith(".status")
        and CLOSED.issuperset(one.operand)
        for one in parts
    )


@dataclass(frozen=True, slots=True)
class Book:
    """All rules in force, filed by what can set them off."""

    rules: tuple[Rule, ...]
    #: Hash of the whole text.
    hash: str = ""
    by_id: Mapping[str, Rule] = field(default_factory=dict)
    #: (about, event type) -> rules, by their conditions.
    on_event: Mapping[tuple[str, str], Matcher[Rule]] = field(default_factory=dict)
    #: about -> field path -> rules whose trigger looks at it, by their conditions.
    on_change: Mapping[str, Mapping[str, Matcher[Rule]]] = field(default_factory=dict)
    #: about -> rules that something becoming true sets off, by what must become true.
    on_truth: Mapping[str, Matcher[Rule]] = field(default_factory=dict)
    #: about -> rules that a clock sets off.
    timed: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    #: about -> rules that must remember that they fired until they are ready again.
    turning: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    #: about -> the field paths that rules look at when an event arrives.
    watched: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Rules of which conditions ask when they last told something.
    asked_of: frozenset[str] = frozenset()
    #: True where a rule has an audience: who holds which article is then kept at hand.
    has_audiences: bool = False
    #: Name of each file -> its text, as written: for whoever asks later what stood in force. No decision looks at it.
    text: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[Rule], hash_: str = "") -> Book:
        kept = tuple(rules)
        awake = [rule for rule in kept if rule.state != "draft"]
        on_event: dict[tuple[str, str], list[Rule]] = {}
        on_change: dict[str, dict[str, list[Rule]]] = {}
        on_truth: dict[str, list[tuple[Guard, Rule]]] = {}
        timed: dict[str, list[Rule]] = {}
        turning: dict[str, list[Rule]] = {}
        watched: dict[str, set[str]] = {}
        for rule in awake:
            origin, trigger = rule.origin, rule.trigger
            watched.setdefault(origin, set()).update(rule.watched)
            if isinstance(trigger, OnEvent):
                for name in trigger.types:
                    on_event.setdefault((origin, name), []).append(rule)
            elif isinstance(trigger, Change):
                on_change.setdefault(origin, {}).setdefault(trigger.field.path, []).append(rule)
            elif isinstance(trigger, BecomesTrue):
                on_truth.setdefault(origin, []).append((Guard(trigger.condition), rule))
            else:
                timed.setdefault(origin, []).append(rule)
            if rule.turns:
                turning.setdefault(origin, []).append(rule)
        return cls(
            kept,
            hash_,
            {rule.id: rule for rule in kept},
            {name: Matcher(map(_guarded, those)) for name, those in on_event.items()},
            {of: {path: Matcher(map(_guarded, those)) for path, those in by.items()} for of, by in on_change.items()},
            {of: Matcher(those) for of, those in on_truth.items()},
            {of: tuple(those) for of, those in timed.items()},
            {of: tuple(those) for of, those in turning.items()},
            {of: frozenset(paths) for of, paths in watched.items()},
            frozenset(one for rule in awake for condition in rule.conditions for one in asks_of(condition)),
            any(rule.audience is not None for rule in awake),
        )

    def follow_ups(self, about: str) -> Iterator[Rule]:
        return (rule for rule in self.rules if rule.about == about and rule.follow_up is not None)


def _guarded(rule: Rule) -> tuple[Guard, Rule]:
    """A rule by its conditions; of an audience each is asked by itself, when the news comes to it."""
    return (Guard() if rule.audience is not None else Guard(rule.only_if, rule.not_if, rule.if_unknown_skip)), rule
