"""Everything that a unit asks of a database, said in SQLAlchemy's Core, with names for what is not known yet."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, exists, func, null, or_, select, update

from notifier.core.audience import Wish
from notifier.core.policy import Mute
from notifier.store.dialect import Add, Lookup
from notifier.store.record import Attempt, DecisionRow, Match, Outgoing, Promise, Quarantined, RulesText, Told
from notifier.store.tables import (
    ARMED,
    IN_HAND,
    LED,
    OPEN,
    OWED,
    QUEUED,
    UNKNOWN,
    WAITING,
    attempt,
    collection,
    decision,
    event,
    limit_slot,
    limit_use,
    message,
    message_body,
    mute,
    note,
    order_line,
    promise,
    quarantine,
    rule_match,
    rules_text,
    seen,
    subject,
    subject_ref,
    suppression,
    survey_answer,
    waiting,
)


def _columns(table: Table, record: type) -> list[Any]:
    """The columns in the order of the record's fields: a row is then a record."""
    return [table.c[field.name] for field in fields(record)]


def all_but(record: type, *names: str) -> list[str]:
    """The names of the record's fields, in order, but for these."""
    return [field.name for field in fields(record) if field.name not in names]


def _messages() -> Select[Any]:
    return select(*_columns(message, Outgoing))


SEEN = Lookup(lambda keys: select(seen.c.digest, seen.c.content).where(seen.c.digest.in_(keys)))
EVENTS = select(*_columns(event, Told)).where(event.c.subject_key == bindparam("subject_key"))
NEXT_EVENTS = (
    select(*_columns(event, Told), event.c.number)
    .where(event.c.number > bindparam("after"))
    .order_by(event.c.number)
    .limit(bindparam("most"))
)
QUARANTINED = (
    select(*_columns(quarantine, Quarantined))
    .where(quarantine.c.number < bindparam("before"))
    .order_by(quarantine.c.number.desc())
    .limit(bindparam("most"))
)
ADD_SEEN, ADD_EVENT, ADD_QUARANTINE = Add(seen), Add(event), Add(quarantine)

SUBJECTS = Lookup(lambda keys: select(subject.c.key, subject.c.body).where(subject.c.key.in_(keys)))
SAVE = Add(subject, "overwrite")
REFS = Lookup(
    lambda keys: select(subject_ref.c.ref, subject_ref.c.subject_key).where(
        subject_ref.c.kind == bindparam("kind"), subject_ref.c.ref.in_(keys)
    )
)
LINK = Add(subject_ref, "keep")
DUE_SUBJECTS = (
    select(subject.c.key)
    .where(ARMED, subject.c.next_due <= bindparam("now"))
    .order_by(subject.c.next_due, subject.c.key)
    .limit(bindparam("most"))
)
OPEN_SUBJECTS = (
    select(subject.c.key)
    .where(OPEN, subject.c.key > bindparam("after"))
    .order_by(subject.c.key)
    .limit(bindparam("most"))
)

_OF_KIND = (
    select(subject.c.key)
    .where(subject.c.key > bindparam("after"), subject.c.key < bindparam("end"))
    .order_by(subject.c.key)
    .limit(bindparam("most"))
)
EACH_SUBJECT, EACH_OPEN = _OF_KIND, _OF_KIND.where(OPEN)
SUBJECTS_OF = select(subject.c.key).where(
    subject.c.customer_key == bindparam("customer_key"), subject.c.key != bindparam("customer_key")
)

KEEP_LINE = Add(order_line, "overwrite")
DROP_LINE = delete(order_line).where(
    order_line.c.sku == bindparam("of"), order_line.c.order_key == bindparam("held_by")
)
FORGET_LINES = delete(order_line)
ORDERS_WITH = (
    select(order_line.c.order_key)
    .where(order_line.c.sku == bindparam("sku"), order_line.c.order_key > bindparam("after"))
    .order_by(order_line.c.order_key)
    .limit(bindparam("most"))
)
ORDERS_OWED = ORDERS_WITH.where(OWED)

_WISH = [waiting.c[name] for name in Wish._fields]
JOIN_QUEUE = Add(waiting, "overwrite")
LEAVE_QUEUE = delete(waiting).where(waiting.c.sku == bindparam("of"), waiting.c.customer_key == bindparam("who"))
QUEUE = (
    select(*_WISH, waiting.c.tries)
    .where(QUEUED, waiting.c.sku == bindparam("sku"), waiting.c.passed != bindparam("run"))
    .where(waiting.c.units <= bindparam("most_units"))
    .order_by(waiting.c.joined, waiting.c.entry, waiting.c.customer_key)
    .limit(bindparam("most"))
)
QUEUE_LENGTH = select(func.count()).select_from(waiting).where(QUEUED, waiting.c.sku == bindparam("sku"))
WISHES_OF = (
    select(*_WISH, waiting.c.message_key)
    .where(waiting.c.customer_key == bindparam("customer_key"))
    .order_by(waiting.c.sku)
)
ORDERED = (
    update(waiting)
    .where(waiting.c.sku == bindparam("of"), waiting.c.customer_key == bindparam("who"))
    .where(waiting.c.joined <= bindparam("placed"))
    .where(
        or_(
            QUEUED,
            exists().where(promise.c.key == waiting.c.message_key, promise.c.until.is_(null())),
        )
    )
    .values(message_key=bindparam("ordered"))
)
PASS_OVER = (
    update(waiting)
    .where(waiting.c.sku == bindparam("of"), waiting.c.customer_key == bindparam("who"))
    .values(passed=bindparam("run"))
)
ADD_PROMISE = Add(promise)
SERVE = (
    update(waiting)
    .where(
        waiting.c.sku == bindparam("of"), waiting.c.customer_key == bindparam("who"), waiting.c.entry == bindparam("by")
    )
    .values(message_key=bindparam("promised_by"), tries=waiting.c.tries + 1)
)
KEEP_UNTIL = update(promise).where(promise.c.key == bindparam("of")).values(until=bindparam("lapses"))
#: What was promised by messages that have not left.
TAKE_BACK = delete(promise).where(
    promise.c.sku == bindparam("of"), promise.c.customer_key == bindparam("who"), promise.c.until.is_(null())
)
END_PROMISES = (
    update(promise)
    .where(promise.c.sku == bindparam("of"), promise.c.customer_key == bindparam("who"))
    .where(promise.c.until > bindparam("at"))
    .values(until=bindparam("lapses"))
)
FREE_PROMISES = Lookup(lambda keys: delete(promise).where(promise.c.key.in_(keys)))
FREE_WAITING = Lookup(lambda keys: update(waiting).where(waiting.c.message_key.in_(keys)).values(message_key=null()))
PROMISE = select(promise.c.number, promise.c.sku).where(promise.c.key == bindparam("key"))
_PROMISED = select(func.coalesce(func.sum(promise.c.units), 0)).where(promise.c.sku == bindparam("sku"))
RESERVED = _PROMISED.where(promise.c.until.is_(null()), promise.c.number < bindparam("before"))
KEPT = _PROMISED.where(promise.c.until > bindparam("now"), promise.c.key != bindparam("but"))
OWED_OF = select(func.coalesce(func.sum(order_line.c.owed), 0)).where(OWED, order_line.c.sku == bindparam("sku"))
NEXT_LAPSE = select(func.min(promise.c.until)).where(
    promise.c.sku == bindparam("sku"), promise.c.until > bindparam("now")
)
PROMISES_OF = (
    select(*_columns(promise, Promise))
    .where(promise.c.sku == bindparam("sku"))
    .order_by(promise.c.until.desc(), promise.c.number.desc())
    .limit(bindparam("most"))
)
PROMISES_TO = (
    select(*_columns(promise, Promise))
    .where(promise.c.customer_key == bindparam("customer_key"))
    .order_by(promise.c.number.desc())
    .limit(bindparam("most"))
)

KNOWN_MATCHES = Lookup(lambda keys: select(rule_match.c.key).where(rule_match.c.key.in_(keys)))
MATCH = select(*_columns(rule_match, Match)).where(rule_match.c.key == bindparam("key"))
MATCHES_OF = select(*_columns(rule_match, Match)).where(rule_match.c.subject_key == bindparam("subject_key"))
DECISIONS = Lookup(
    lambda keys: select(*_columns(decision, DecisionRow), decision.c.number).where(decision.c.match_key.in_(keys))
)
DROPPED = (
    select(*_columns(decision, DecisionRow), *_columns(rule_match, Match))
    .where(decision.c.outcome == "drop", decision.c.at >= bindparam("since"), rule_match.c.key == decision.c.match_key)
    .order_by(decision.c.number.desc())
    .limit(bindparam("most"))
)
ADD_MATCH, ADD_DECISION = Add(rule_match), Add(decision)

SLOTS = Lookup(lambda keys: select(limit_slot.c.key).where(limit_slot.c.key.in_(keys)))
USES = Lookup(
    lambda keys: select(limit_use.c.key, limit_use.c.at).where(
        limit_use.c.at >= bindparam("since"), limit_use.c.key.in_(keys)
    )
)
SUPPRESSED = Lookup(
    lambda keys: select(suppression.c.digest, suppression.c.reason).where(suppression.c.digest.in_(keys))
)
#: From `since` on the instants are in the index, so that no row is looked at.
COUNT_USES = (
    select(func.count())
    .select_from(limit_use)
    .where(limit_use.c.key == bindparam("key"), limit_use.c.at >= bindparam("since"))
)
TAKE_SLOT, ADD_USE = Add(limit_slot), Add(limit_use)
FREE_SLOTS = Lookup(lambda keys: delete(limit_slot).where(limit_slot.c.message_key.in_(keys)))
FREE_USES = Lookup(lambda keys: delete(limit_use).where(limit_use.c.message_key.in_(keys)))

#: As its index has it.
STATE = func.lower(message.c.state)
ENQUEUE = Add(message)
PRIORITY = select(func.min(message.c.priority)).where(WAITING, message.c.priority > bindparam("past"))
DUE = (
    _messages()
    .where(WAITING, message.c.priority == bindparam("priority"), message.c.due_at <= bindparam("now"))
    .order_by(message.c.due_at, message.c.number)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
CLAIM = (
    update(message)
    .where(message.c.number == bindparam("of"))
    .values({name: bindparam(name) for name in ("state", "token", "lease_until")})
)
MESSAGES = Lookup(lambda keys: _messages().where(message.c.key.in_(keys)))
NUMBERED = _messages().where(message.c.number == bindparam("number"))
PUT = (
    update(message)
    .where(message.c.key == bindparam("of"))
    .values({name: bindparam(name) for name in all_but(Outgoing, "key", "number")})
)
EXPIRED = (
    _messages()
    .where(IN_HAND, message.c.lease_until <= bindparam("now"))
    .order_by(message.c.lease_until, message.c.number)
    .limit(bindparam("most"))
)
UNKNOWN_MESSAGES = (
    _messages()
    .where(UNKNOWN, message.c.due_at <= bindparam("before"))
    .order_by(message.c.due_at, message.c.number)
    .limit(bindparam("most"))
)
WAKE = (
    update(message)
    .where(bindparam("held") == STATE, message.c.reason == bindparam("because"))
    .values(due_at=bindparam("due_at"))
)
HELD_FOR = (
    select(message.c.rule, func.count())
    .where(bindparam("held") == STATE, message.c.reason == bindparam("because"))
    .group_by(message.c.rule)
    .order_by(message.c.rule)
)
NEWEST = (
    _messages().where(message.c.number < bindparam("before")).order_by(message.c.number.desc()).limit(bindparam("most"))
)
NEWEST_IN = NEWEST.where(bindparam("state") == STATE)
NEWEST_OF = NEWEST.where(message.c.subject_key == bindparam("subject_key"))
NEWEST_OF_IN = NEWEST_OF.where(bindparam("state") == STATE)

WINDOWS = Lookup(
    lambda keys: select(collection.c.key, collection.c.ends_at, collection.c.lead).where(collection.c.key.in_(keys))
)
OPEN_WINDOW = Add(collection, "overwrite")
MEMBERS = (
    _messages()
    .where(LED, message.c.lead == bindparam("lead"), message.c.state == bindparam("collected"))
    .order_by(message.c.number)
)

START_ATTEMPT = Add(attempt)
END_ATTEMPT = (
    update(attempt)
    .where(attempt.c.message_key == bindparam("of"), attempt.c.no == bindparam("which"))
    .values({name: bindparam(name) for name in all_but(Attempt, "message_key", "no")})
)
ATTEMPTS = (
    select(*_columns(attempt, Attempt)).where(attempt.c.message_key == bindparam("message_key")).order_by(attempt.c.no)
)
KEEP_BODY = Add(message_body, "overwrite")
BODIES = Lookup(
    lambda keys: select(message_body.c.message_key, message_body.c.body).where(message_body.c.message_key.in_(keys))
)

SUPPRESS = Add(suppression, "overwrite")
MUTES = select(*_columns(mute, Mute)).order_by(mute.c.kind, mute.c.scope)
ADD_MUTE = Add(mute, "overwrite")
LIFT_MUTE = delete(mute).where(mute.c.kind == bindparam("of"), mute.c.scope == bindparam("over"))
ANSWER = Add(survey_answer, "overwrite")
ANSWER_TO = select(survey_answer.c.score, survey_answer.c.comment, survey_answer.c.at).where(
    survey_answer.c.message_key == bindparam("message_key")
)
RULES_TEXTS = select(*_columns(rules_text, RulesText)).order_by(rules_text.c.number)
ADD_RULES_TEXT = Add(rules_text)
NOTE = select(note.c.value).where(note.c.name == bindparam("name"))
SET_NOTE = Add(note, "overwrite")

FIRST_SUBJECT = select(func.min(subject.c.next_due)).where(ARMED)
FIRST_WAITING = select(func.min(message.c.due_at)).where(WAITING, message.c.priority == bindparam("priority"))
FIRST_UNKNOWN = select(func.min(message.c.due_at)).where(UNKNOWN)
COUNTS = {
    "events": select(func.count()).select_from(event),
    "quarantined": select(func.count()).select_from(quarantine),
    "subjects": select(func.count()).select_from(subject),
    "armed": select(func.count()).select_from(subject).where(ARMED),
    "matches": select(func.count()).select_from(rule_match),
}
STATES = select(STATE, func.count()).group_by(STATE)
