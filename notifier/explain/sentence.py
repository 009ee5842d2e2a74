"""A rule as one sentence in plain English: when, on what conditions, who is told what, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from notifier.core.audience import WAITLIST_ENTRY, Audience, PeopleWaiting
from notifier.core.condition import AllOf, AnyOf, Clause, Condition, Items, NoneOf, NumberRef, TimeRef, Told
from notifier.core.contact import in_order
from notifier.core.duration import Duration
from notifier.core.listing import Listing, Order
from notifier.core.policy import Policy
from notifier.core.rule import (
    BecomesTrue,
    Brake,
    Calendar,
    Change,
    Collect,
    FollowUp,
    Limit,
    Moment,
    NoNews,
    OnEvent,
    Rule,
    Send,
    Trigger,
)
from notifier.core.topic import Topic

__all__ = ["condition_words", "length_words", "limit_words", "sentence", "ways"]

_BY = {"email": "e-mail", "sms": "SMS"}
_ABOUT = {
    "order": "an order", "shipment": "a parcel", "stock": "an article", "customer": "a customer", "shop": "the shop",
}  # fmt: skip
_STATES = {
    "watch": "It only watches: it decides, and sends nothing.",
    "paused": "It is paused: its messages are held.",
    "draft": "It is a draft: it is checked, and nothing else.",
}
_COMPARED = {
    "at_least": "is at least", "at_most": "is at most", "more_than": "is more than", "less_than": "is less than",
    "before": "is before", "after": "is after", "in_last": "lies in the last", "in_next": "lies in the next",
    "contains": "contains", "starts_with": "begins with",
}  # fmt: skip


def sentence(rule: Rule, policy: Policy) -> str:
    """`1 day after order.promised_at, at 09:00 on the customer's clock: tell the customer by e-mail or SMS (…), once per order.`"""
    sends = "; ".join(_send(send, policy) for send in rule.sends)
    limit = f", {limit_words(rule.limit)}" if rule.limit else ""
    topic = _topic(rule.topic) if rule.topic else ""
    listing = _listing(rule.listing) if rule.listing else ""
    parts = [
        f"{_opening(rule, policy)}: {sends}{limit}.",
        listing,
        topic,
        _follow_up(rule.follow_up, policy),
        _brake(rule.brake),
        _STATES.get(rule.state, ""),
    ]
    whole = " ".join(part for part in parts if part)
    return f"{whole[:1].upper()}{whole[1:]}"


def _opening(rule: Rule, policy: Policy) -> str:
    """When, and on what conditions."""
    if isinstance(rule.trigger, Calendar):
        return _calendar(rule.trigger, policy)
    said = [_when(rule.trigger, _ABOUT[rule.origin])]
    if rule.still_true_after is not None:
        said.append(f"and this lasts {length_words(rule.still_true_after)}")
    if rule.audience is not None:
        said.append(_audience(rule.audience))
    if rule.only_if is not None:
        said.append(f"if {condition_words(rule.only_if)}")
    if rule.not_if is not None:
        or_unknown = ", or nobody knows" if rule.if_unknown_skip else ""
        said.append(f"unless {condition_words(rule.not_if)}{or_unknown}")
    if rule.include_closed:
        said.append("also when it is finished")
    if rule.send_if_already_past:
        said.append("also where that is past when it becomes known")
    return ", ".join(said)


def _audience(audience: Audience) -> str:
    if isinstance(audience, PeopleWaiting):
        some = f"at most {audience.size} each {length_words(audience.every)}".replace("each 1 ", "each ")
        return (
            f"for those who wait for it, in the order in which they asked, {some}, while {audience.up_to.text} less what is "
            f"owed and promised is enough for what each asked for, which is kept {length_words(audience.keep_for)}"
        )
    return f"for each open order that {'waits for' if audience.backordered else 'holds'} it"


def _when(trigger: Trigger, about: str) -> str:
    if isinstance(trigger, Moment):
        clock = f", at {trigger.at:%H:%M} on the customer's clock" if trigger.at else ""
        start = "" if trigger.when.by else "on " if trigger.at else "at "
        return f"{start}{time_words(trigger.when)}{clock}, for {about}"
    if isinstance(trigger, NoNews):
        since = f" since {trigger.counted_from.path} or the last of it" if trigger.counted_from else ""
        span = f"{length_words(trigger.lasts, trigger.calendar)}{since}"
        return f"when {about} had no {_or(trigger.of)} for {span}"
    if isinstance(trigger, Change):
        again = f" (again only after {condition_words(trigger.ready_again)})" if trigger.ready_again else ""
        return f"when {trigger.field.path} of {about} {' and '.join(_change(trigger)) or 'changes'}{again}"
    if isinstance(trigger, BecomesTrue):
        return f"when it becomes true of {about} that {condition_words(trigger.condition)}"
    assert isinstance(trigger, OnEvent)
    return f"when {_or(trigger.types)} comes for {about}"


def _calendar(calendar: Calendar, policy: Policy) -> str:
    """`every weekday at 08:00 on the clock of Europe/Warsaw, but not on holidays`."""
    clock = f"{calendar.text} on the clock of {calendar.zone or policy.zone}"
    if calendar.every == "month":
        first = "first working day of every month" if calendar.skip_holidays else "first of every month"
        return f"on the {first}{clock.removeprefix('every month')}"
    return f"{clock}{', but not on holidays' if calendar.skip_holidays else ''}"


def _listing(listing: Listing) -> str:
    """`It lists the orders where order.promised_at is before now, at most 200, the highest order.total first.`"""
    which = f" where {condition_words(listing.condition)}" if listing.condition else ""
    finished = ", the finished ones too" if listing.finished else ""
    order = f", {' then '.join(map(_order, listing.sort))}" if listing.sort else ""
    empty = "" if listing.send_empty else " Where there are none, nothing is sent."
    of = {"stock": "articles", "shipments": "parcels"}.get(listing.of, listing.of)
    return f"It lists the {of}{which}{finished}, at most {listing.most}{order}.{empty}"


def _order(order: Order) -> str:
    extreme = {"time": ("earliest", "latest"), "number": ("lowest", "highest"), "money": ("lowest", "highest")}
    return f"the {extreme.get(order.field.type, ('first', 'last'))[order.falling]} {order.field.path} first"


def _change(trigger: Change) -> Iterator[str]:
    for words, length in (("later", trigger.later_by), ("earlier", trigger.earlier_by)):
        if length is not None:
            yield f"moves at least {length_words(length)} {words}"
    for words, line in (("rises above", trigger.rises_above), ("falls below", trigger.falls_below)):
        if line is not None:
            yield f"{words} {getattr(line, 'text', line)}"
    if trigger.from_ is not None:
        yield f"was {_or(trigger.from_)}{' and changes' if trigger.to is None else ''}"
    if trigger.to is not None:
        yield f"becomes {_or(trigger.to)}"


# conditions -------------------------------------------------------------------------------------------------------------


def condition_words(condition: Condition) -> str:
    """`order.total is at least 200 and (customer.country is DE or order.carrier is GLS)`."""
    if isinstance(condition, Clause):
        return f"{condition.field.path} {_clause(condition)}"
    if isinstance(condition, AllOf):
        return " and ".join(condition_words(part) for part in condition.parts)
    if isinstance(condition, AnyOf):
        return f"({' or '.join(condition_words(part) for part in condition.parts)})"
    if isinstance(condition, NoneOf):
        return f"not ({' or '.join(condition_words(part) for part in condition.parts)})"
    if isinstance(condition, Told):
        return f"{_or(condition.rules)} told something in the last {length_words(condition.in_last)}"
    assert isinstance(condition, Items)
    return f"{condition.quantifier} of {condition.field.path} has ({condition_words(condition.condition)})"


def _clause(clause: Clause) -> str:
    operator, operand = clause.operator, clause.operand
    if operator == "exists":
        return "is known" if operand else "is not known"
    if operator in ("is", "not"):
        return f"is {'not ' if operator == 'not' else ''}{_or(operand)}"
    return f"{_COMPARED[operator]} {_operand(operand)}"


def _operand(operand: Any) -> str:
    if isinstance(operand, TimeRef):
        return time_words(operand)
    if isinstance(operand, Duration):
        return length_words(operand)
    return operand.text if isinstance(operand, NumberRef) else str(operand)


# times ------------------------------------------------------------------------------------------------------------------


def time_words(time: TimeRef) -> str:
    """`2 business days before order.promised_at`."""
    base: Any = getattr(time.base, "path", time.base)
    if isinstance(base, datetime):
        base = f"{base:%Y-%m-%d %H:%M} UTC"
    named = "now" if base is None else base.isoformat() if isinstance(base, date) else str(base)
    if not time.by:
        return named
    is_before = time.by.days < 0 or time.by.business_days < 0 or time.by.elapsed.total_seconds() < 0
    span = length_words(-time.by if is_before else time.by, time.calendar)
    return f"{span} {'before' if is_before else 'after'} {named}"


def length_words(length: Duration, calendar: str = "shop") -> str:
    """`1 day 12 hours`; of business days whose they are, where they are not the shop's."""
    minutes, seconds = divmod(int(length.elapsed.total_seconds()), 60)
    counted = (
        (length.days, "day"), (length.business_days, "business day"), (minutes // 60, "hour"), (minutes % 60, "minute"),
        (seconds, "second"),
    )  # fmt: skip
    told = " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in counted if count)
    return f"{told} of the {calendar}" if length.business_days and calendar != "shop" else told or "no time"


# sending ----------------------------------------------------------------------------------------------------------------


def _send(send: Send, policy: Policy) -> str:
    who = "the customer" if send.to == "customer" else f"team {send.to.removeprefix('team.')}"
    said = f"{'ask' if send.survey else 'tell'} {who}{_by(send, policy)} ({send.template})"
    if send.after:
        said = f"{length_words(send.after)} later {said}"
    if send.collect is not None:
        said += f", {_collect(send.collect)}"
    if send.only_if is not None:
        said += f" if {condition_words(send.only_if)}"
    if send.not_if is not None:
        said += f" unless {condition_words(send.not_if)}"
    return said + (f", unless it is {length_words(send.useless_after)} too late" if send.useless_after else "")


def _collect(collect: Collect) -> str:
    """`all that comes in 30 minutes for the same customer in one message`."""
    window = f"in {length_words(collect.lasts)}" if collect.lasts else f"until {collect.until:%H:%M}"
    return f"all that comes {window} for the same {collect.per} in one message"


def _by(send: Send, policy: Policy) -> str:
    """The ways that can carry it; nothing where none can, which is told elsewhere."""
    carried = [_BY[one] for one in ways(send, policy)]
    return f" by {' or '.join(carried)}" if carried else ""


def ways(send: Send, policy: Policy) -> list[str]:
    """The channels that can carry it, in order of trial."""
    tried = in_order(send.channels, None, policy.channels)
    return [one for one in tried if one in policy.channels and policy.wording.carries(send.template, one)]


def limit_words(limit: Limit) -> str:
    """`once per order`, `at most 2 times per order in any 7 days`."""
    keys = " and ".join("time that somebody asked" if key == WAITLIST_ENTRY else key for key in limit.keys)
    if limit.window is None:
        return f"once per {keys}"
    times = "once" if limit.at_most == 1 else f"{limit.at_most} times"
    return f"at most {times} per {keys} in any {length_words(limit.window)}"


def _topic(topic: Topic) -> str:
    span = f"{length_words(topic.every)} after any of topic {topic.name} has told about the same {topic.per}"
    return f"Within {span}, only a stronger one tells again."


def _brake(brake: Brake | None) -> str:
    if brake is None:
        return ""
    return f"What is more than {brake.most:,} {'message' if brake.most == 1 else 'messages'} in {length_words(brake.within)} waits until somebody has approved it."


def _follow_up(follow_up: FollowUp | None, policy: Policy) -> str:
    if follow_up is None:
        return ""
    since = follow_up.counted_from.path if follow_up.counted_from else "that message has left"
    return f"Then, {length_words(follow_up.after)} after {since}: {_send(follow_up.send, policy)}."


def _or(values: Iterable[Any]) -> str:
    return " or ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
