"""What was kept for long enough is deleted, page by page, so that nobody waits for it.

Rows of events, refusals and uses stand in the order in which they came: deleting begins with the oldest and stops at the
first that stays. Sending is never harmed: a message that is not at its end keeps its words, and an order whose message still
waits is kept. What may happen only once, ever, is remembered beyond the order that it was about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Delete, Select, Table, bindparam, delete, select

from notifier.core.duration import LONGEST_DAYS
from notifier.core.event import named
from notifier.core.subject import last_told
from notifier.store.dialect import Lookup
from notifier.store.record import ENDED, Expiry
from notifier.store.tables import (
    attempt,
    decision,
    event,
    limit_use,
    message,
    message_body,
    quarantine,
    rule_match,
    seen,
    subject,
    subject_ref,
    survey_answer,
)

if TYPE_CHECKING:
    from notifier.store.sql import SqlStore

__all__ = ["expire"]

#: Rows in one transaction.
_PAGE = 500


def expire(store: SqlStore, expiry: Expiry, now: datetime) -> Counter[str]:
    """Delete what is older; how much of each kind that was."""
    return Counter({
        "refused events": _oldest(store, _QUARANTINE, expiry.quarantine),
        "texts of messages": _bodies(store, expiry.message_bodies),
        "finished orders and parcels": _finished(store, expiry.finished_orders),
        "events": _oldest(store, _EVENTS, expiry.events),
        "uses of limits": _oldest(store, _USES, now - timedelta(days=LONGEST_DAYS)),
    })  # fmt: skip


def _deletion(column: Column[Any]) -> Lookup:
    return Lookup(lambda keys: delete(column.table).where(column.in_(keys)))


_SEEN, _BODIES = _deletion(seen.c.digest), _deletion(message_body.c.message_key)
_OF_MESSAGES = (
    _BODIES,
    _deletion(attempt.c.message_key),
    _deletion(survey_answer.c.message_key),
    _deletion(message.c.key),
)
_OF_MATCHES = (_deletion(decision.c.match_key), _deletion(rule_match.c.key))
_OF_SUBJECTS = (_deletion(subject_ref.c.subject_key), _deletion(subject.c.key))


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """Rows in order of arrival: (number, when, …)."""

    oldest: Select[Any]
    upto: Delete


def _rows(table: Table, when: str, *more: str) -> _Rows:
    columns = [table.c[name] for name in ("number", when, *more)]
    oldest = select(*columns).order_by(table.c.number).limit(bindparam("most"))
    return _Rows(oldest, delete(table).where(table.c.number <= bindparam("last")))


_EVENTS = _rows(event, "received", "source", "id")
_QUARANTINE = _rows(quarantine, "received")
_USES = _rows(limit_use, "at")


def _oldest(store: SqlStore, rows: _Rows, before: datetime) -> int:
    deleted = 0
    while True:
        with store.begin() as unit:
            page = unit.session.rows(rows.oldest, most=_PAGE)
            old = list(_until(page, before))
            if old:
                unit.session.change(rows.upto, last=old[-1][0])
                # An event that comes again is known by its name for as long as it is kept itself.
                unit.session.discard(_SEEN, [named(*name) for _, _, *name in old if name])
        deleted += len(old)
        if len(old) < _PAGE:
            return deleted


def _until(page: Iterable[Sequence[Any]], before: datetime) -> Iterable[Sequence[Any]]:
    for row in page:
        if row[1] >= before:
            return
        yield row


_WORDED = (
    select(message.c.number, message.c.created_at, message.c.key, message.c.state)
    .join(message_body, message_body.c.message_key == message.c.key)
    .where(message.c.number > bindparam("after"))
    .order_by(message.c.number)
    .limit(bindparam("most"))
)


def _bodies(store: SqlStore, before: datetime) -> int:
    deleted = after = 0
    while True:
        with store.begin() as unit:
            old = list(_until(unit.session.rows(_WORDED, after=after, most=_PAGE), before))
            ended = [key for _, _, key, state in old if state in ENDED]
            unit.session.discard(_BODIES, ended)
        deleted += len(ended)
        if len(old) < _PAGE:
            return deleted
        after = old[-1][0]


_CLOSED = (
    select(subject.c.key, subject.c.body)
    .where(~subject.c.open, subject.c.next_due.is_(None), subject.c.key > bindparam("after"))
    .order_by(subject.c.key)
    .limit(bindparam("most"))
)
_STILL = Lookup(lambda keys: select(subject.c.key, subject.c.body).where(subject.c.key.in_(keys)))
_MESSAGES = Lookup(
    lambda keys: select(message.c.subject_key, message.c.key, message.c.state).where(message.c.subject_key.in_(keys))
)
_MATCHES = Lookup(lambda keys: select(rule_match.c.key).where(rule_match.c.subject_key.in_(keys)))


def _finished(store: SqlStore, before: datetime) -> int:
    deleted, after = 0, ""
    while True:
        with store.read() as reading:
            page = reading.session.rows(_CLOSED, after=after, most=_PAGE)
        old = {key: body for key, body in page if last_told(body) < before}
        if old:
            deleted += _forget(store, old)
        if len(page) < _PAGE:
            return deleted
        after = page[-1][0]


def _forget(store: SqlStore, old: dict[str, bytes]) -> int:
    """Delete those of whom nothing was heard meanwhile and of whom no message is under way; how many."""
    with store.begin() as unit:
        session = unit.session
        messages = list(session.lookup(_MESSAGES, old))
        busy = {key for key, _, state in messages if state not in ENDED}
        keys = [key for key, body in session.lookup(_STILL, old) if body == old[key] and key not in busy]
        gone = set(keys)
        sent = [message_key for key, message_key, _ in messages if key in gone]
        matched = [match_key for (match_key,) in session.lookup(_MATCHES, keys)]
        for deletion in _OF_MESSAGES:
            session.discard(deletion, sent)
        for deletion in _OF_MATCHES:
            session.discard(deletion, matched)
        for deletion in _OF_SUBJECTS:
            session.discard(deletion, keys)
        unit.let_go(keys)
    return len(keys)
