"""One transaction in a database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Select

from notifier.core.decide import Question
from notifier.core.event import Event
from notifier.core.policy import Mute
from notifier.core.subject import Aggregate, freeze, thaw
from notifier.store import Newness
from notifier.store import queries as q
from notifier.store.dialect import Session
from notifier.store.record import Attempt, DecisionRow, Match, Outgoing, Quarantined, RulesText, State, Told
from notifier.store.shelf import SqlShelf

__all__ = ["LIVE", "SqlUnit"]

#: Subjects that the writer keeps as they are, so that they need not be read and thawed again for the next event.
LIVE = 4096
#: Keys that are read at once.
_PAGE = 1000
#: Beyond every priority and number.
_LOWEST, _HIGHEST = -(2**31), 2**63 - 1

_match_row = attrgetter(*q.all_but(Match))
_decision_row = attrgetter(*q.all_but(DecisionRow))
_outgoing_row = attrgetter(*q.all_but(Outgoing, "number"))
_put_row = attrgetter(*q.all_but(Outgoing, "key", "number"), "key")
_attempt_row = attrgetter(*q.all_but(Attempt))
_end_row = attrgetter(*q.all_but(Attempt, "message_key", "no"), "message_key", "no")


class SqlUnit(SqlShelf):
    """`live` holds the subjects that the session's connection read or wrote last; nothing where it only reads."""

    def __init__(self, session: Session, live: OrderedDict[str, Aggregate] | None = None) -> None:
        super().__init__(session)
        self._live = OrderedDict() if live is None else live

    # events ---------------------------------------------------------------------------------------------------------

    def newness(self, events: Sequence[Event]) -> list[Newness]:
        known = dict(self.session.lookup(q.SEEN, [one.name_digest for one in events]))
        return [_newness(known, one) for one in events]

    def append(self, events: Sequence[Event]) -> None:
        self.session.write(q.ADD_SEEN, [(one.name_digest, one.content_digest) for one in events])
        self.session.write(
            q.ADD_EVENT,
            [(one.subject_key, one.type, one.source, one.id, one.time, one.received, one.body) for one in events],
        )

    def quarantine(self, refused: Iterable[Quarantined]) -> None:
        self.session.write(q.ADD_QUARANTINE, [(one.received, one.source, one.reason, one.body) for one in refused])

    def quarantined(self, limit: int) -> list[Quarantined]:
        return [Quarantined(*row) for row in self.session.rows(q.QUARANTINED, before=_HIGHEST, most=limit)]

    def events(self, subject_key: str) -> list[Told]:
        told = [Told(*row) for row in self.session.rows(q.EVENTS, subject_key=subject_key)]
        return sorted(told, key=lambda one: (one.time, one.source, one.id))

    # subjects -------------------------------------------------------------------------------------------------------

    def load(self, keys: Iterable[str]) -> dict[str, Aggregate]:
        live, wanted = self._live, dict.fromkeys(keys)
        for key, body in self.session.lookup(q.SUBJECTS, [key for key in wanted if key not in live]):
            live[key] = thaw(key, body)
        found: dict[str, Aggregate] = {}
        for key in wanted:
            one = live.get(key)
            if one is not None:
                live.move_to_end(key)
            found[key] = one or Aggregate(key)
        self._forget_oldest()
        return found

    def save(self, aggregates: Iterable[Aggregate]) -> None:
        rows = []
        for one in aggregates:
            rows.append((one.key, one.kind, one.customer_key, not one.closed, one.memory.next_due, freeze(one)))
            self._live[one.key] = one
        self.session.write(q.SAVE, rows)
        self._forget_oldest()

    def let_go(self, keys: Iterable[str]) -> None:
        """Of subjects that were deleted nothing may be remembered."""
        for key in keys:
            self._live.pop(key, None)

    def _forget_oldest(self) -> None:
        while len(self._live) > LIVE:
            self._live.popitem(last=False)

    def linked(self, refs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        wanted: dict[str, list[str]] = {}
        for kind, ref in dict.fromkeys(refs):
            wanted.setdefault(kind, []).append(ref)
        found: dict[tuple[str, str], list[str]] = {}
        for kind, names in wanted.items():
            for ref, key in self.session.lookup(q.REFS, names, kind=kind):
                found.setdefault((kind, ref), []).append(key)
        return {ref: sorted(keys) for ref, keys in found.items()}

    def link(self, rows: Iterable[tuple[str, str, str]]) -> None:
        self.session.write(q.LINK, rows)

    def due_subjects(self, now: datetime, limit: int) -> list[str]:
        return [key for (key,) in self.session.rows(q.DUE_SUBJECTS, now=now, most=limit)]

    def open_subjects(self, after: str, limit: int) -> list[str]:
        return [key for (key,) in self.session.rows(q.OPEN_SUBJECTS, after=after, most=limit)]

    def each_subject(self, kind: str, *, closed: bool) -> Iterator[str]:
        query = q.EACH_SUBJECT if closed else q.EACH_OPEN
        # `;` is the next sign after the `:` of a key.
        last, end = f"{kind}:", f"{kind};"
        while page := self.session.rows(query, after=last, end=end, most=_PAGE):
            yield from (key for (key,) in page)
            last = page[-1][0]

    def subjects_of(self, customer_key: str) -> list[str]:
        return sorted(key for (key,) in self.session.rows(q.SUBJECTS_OF, customer_key=customer_key))

    # decisions ------------------------------------------------------------------------------------------------------

    def known_matches(self, keys: Collection[bytes]) -> set[bytes]:
        return {key for (key,) in self.session.lookup(q.KNOWN_MATCHES, keys)}

    def add_matches(self, matches: Iterable[Match]) -> None:
        self.session.write(q.ADD_MATCH, map(_match_row, matches))

    def match(self, key: bytes) -> Match | None:
        return next((Match(*row) for row in self.session.rows(q.MATCH, key=key)), None)

    def add_decisions(self, rows: Iterable[DecisionRow]) -> None:
        self.session.write(q.ADD_DECISION, map(_decision_row, rows))

    def answers(self, questions: Collection[Question]) -> dict[Question, Any]:
        asked: dict[str, list[Question]] = {
            "slot": [],
            "uses": [],
            "count": [],
            "window": [],
            "suppressed": [],
            "claims": [],
        }
        for question in questions:
            asked[question.kind].append(question)
        taken = {key for (key,) in self.session.lookup(q.SLOTS, _keys(asked["slot"]))}
        reasons = dict(self.session.lookup(q.SUPPRESSED, _keys(asked["suppressed"])))
        answers: dict[Question, Any] = {one: one.key in taken for one in asked["slot"]}
        answers |= {one: reasons.get(one.key, "") for one in asked["suppressed"]}
        answers |= {one: self._count(one) for one in asked["count"]}
        answers |= {one: self.claims(one.key, one.since) for one in asked["claims"] if one.since}
        windows = self.windows(_keys(asked["window"])) if asked["window"] else {}
        answers |= {one: windows[one.key][0] if one.key in windows else None for one in asked["window"]}
        return answers | self._uses(asked["uses"])

    def _uses(self, questions: list[Question]) -> dict[Question, list[datetime]]:
        if not questions:
            return {}
        since = min(one.since for one in questions if one.since is not None)
        found: dict[bytes, list[datetime]] = {}
        for key, at in self.session.lookup(q.USES, _keys(questions), since=since):
            found.setdefault(key, []).append(at)
        return {
            one: sorted(at for at in found.get(one.key, ()) if one.since is None or at >= one.since)
            for one in questions
        }

    def _count(self, question: Question) -> int:
        assert question.since is not None
        return int(self.session.rows(q.COUNT_USES, key=question.key, since=question.since)[0][0])

    def take_slots(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        self.session.write(q.TAKE_SLOT, rows)

    def add_uses(self, rows: Iterable[tuple[bytes, datetime, bytes]]) -> None:
        self.session.write(q.ADD_USE, rows)

    def free(self, message_keys: Collection[bytes]) -> None:
        for deletion in (q.FREE_SLOTS, q.FREE_USES, q.FREE_PROMISES, q.FREE_WAITING):
            self.session.discard(deletion, message_keys)

    def matches_of(self, subject_key: str) -> list[tuple[Match, list[DecisionRow]]]:
        matches = [Match(*row) for row in self.session.rows(q.MATCHES_OF, subject_key=subject_key)]
        decided: dict[bytes, list[DecisionRow]] = {one.key: [] for one in matches}
        rows = self.session.lookup(q.DECISIONS, decided)
        for *values, _number in sorted(rows, key=lambda row: row[-1]):
            one = DecisionRow(*values)
            decided[one.match_key].append(one)
        return [(one, decided[one.key]) for one in sorted(matches, key=lambda one: (one.at, one.rule))]

    def dropped(self, since: datetime, limit: int) -> list[tuple[Match, DecisionRow]]:
        wide = len(q.all_but(DecisionRow))
        rows = self.session.rows(q.DROPPED, since=since, most=limit)
        return [(Match(*row[wide:]), DecisionRow(*row[:wide])) for row in rows]

    # messages -------------------------------------------------------------------------------------------------------

    def enqueue(self, messages: Iterable[Outgoing]) -> None:
        self.session.write(q.ENQUEUE, map(_outgoing_row, messages))

    def claim(self, now: datetime, limit: int, token: str, lease_until: datetime) -> list[Outgoing]:
        due: list[Outgoing] = []
        for priority in self._priorities():
            rows = self.session.rows(q.DUE, priority=priority, now=now, most=limit - len(due))
            due += [Outgoing(*row) for row in rows]
            if len(due) >= limit:
                break
        self.session.write(q.CLAIM, [("claimed", token, lease_until, one.number) for one in due])
        return [replace(one, state="claimed", token=token, lease_until=lease_until) for one in due]

    def _priorities(self) -> Iterator[int]:
        """Of the messages that wait. One after the other, so that the index gives each without a look at the rest."""
        past = _LOWEST
        while (priority := self.session.rows(q.PRIORITY, past=past)[0][0]) is not None:
            yield priority
            past = priority

    def messages(self, keys: Collection[bytes]) -> dict[bytes, Outgoing]:
        found = (Outgoing(*row) for row in self.session.lookup(q.MESSAGES, keys))
        return {one.key: one for one in found}

    def message_numbered(self, number: int) -> Outgoing | None:
        return next(iter(self._outgoing(q.NUMBERED, number=number)), None)

    def put(self, messages: Iterable[Outgoing]) -> None:
        self.session.write(q.PUT, map(_put_row, messages))

    def expired_claims(self, real_now: datetime, limit: int) -> list[Outgoing]:
        return self._outgoing(q.EXPIRED, now=real_now, most=limit)

    def unknown_messages(self, before: datetime, limit: int) -> list[Outgoing]:
        return self._outgoing(q.UNKNOWN_MESSAGES, before=before, most=limit)

    def wake(self, reason: str, now: datetime) -> int:
        return self.session.change(q.WAKE, held="held", because=reason, due_at=now)

    def windows(self, keys: Collection[bytes]) -> dict[bytes, tuple[datetime, bytes]]:
        return {key: (ends_at, lead) for key, ends_at, lead in self.session.lookup(q.WINDOWS, keys)}

    def open_windows(self, rows: Iterable[tuple[bytes, datetime, bytes]]) -> None:
        self.session.write(q.OPEN_WINDOW, rows)

    def members(self, lead: bytes) -> list[Outgoing]:
        return self._outgoing(q.MEMBERS, lead=lead, collected="collected")

    def held_for(self, reason: str) -> dict[str, int]:
        return dict(self.session.rows(q.HELD_FOR, held="held", because=reason))

    def find_messages(
        self, *, states: Collection[State] = (), subject_key: str = "", limit: int = 50, after: int = 0
    ) -> list[Outgoing]:
        asked: dict[str, Any] = {"before": after or _HIGHEST, "most": limit}
        if subject_key:
            asked["subject_key"] = subject_key
        if not states:
            return self._outgoing(q.NEWEST_OF if subject_key else q.NEWEST, **asked)
        query = q.NEWEST_OF_IN if subject_key else q.NEWEST_IN
        found = [one for state in set(states) for one in self._outgoing(query, state=state, **asked)]
        return sorted(found, key=lambda one: -one.number)[:limit]

    def _outgoing(self, query: Select[Any], **values: Any) -> list[Outgoing]:
        return [Outgoing(*row) for row in self.session.rows(query, **values)]

    def start_attempts(self, attempts: Iterable[Attempt]) -> None:
        self.session.write(q.START_ATTEMPT, map(_attempt_row, attempts))

    def end_attempt(self, attempt: Attempt) -> None:
        self.session.write(q.END_ATTEMPT, [_end_row(attempt)])

    def attempts(self, message_key: bytes) -> list[Attempt]:
        return [Attempt(*row) for row in self.session.rows(q.ATTEMPTS, message_key=message_key)]

    def keep_bodies(self, bodies: Iterable[tuple[bytes, bytes]]) -> None:
        self.session.write(q.KEEP_BODY, bodies)

    def bodies(self, message_keys: Collection[bytes]) -> dict[bytes, bytes]:
        return dict(self.session.lookup(q.BODIES, message_keys))

    # people and operators -------------------------------------------------------------------------------------------

    def suppress(self, digest: bytes, channel: str, reason: str, at: datetime) -> None:
        self.session.write(q.SUPPRESS, [(digest, channel, reason, at)])

    def mutes(self) -> list[Mute]:
        return [Mute(*row) for row in self.session.rows(q.MUTES)]

    def add_mute(self, mute: Mute, at: datetime) -> None:
        self.session.write(q.ADD_MUTE, [(mute.kind, mute.scope, mute.until, mute.reason, at)])

    def lift_mute(self, kind: str, scope: str) -> bool:
        return self.session.change(q.LIFT_MUTE, of=kind, over=scope) > 0

    def answer(self, message_key: bytes, score: int, comment: str, at: datetime) -> None:
        self.session.write(q.ANSWER, [(message_key, score, comment, at)])

    def answer_to(self, message_key: bytes) -> tuple[int, str, datetime] | None:
        return next((tuple(row) for row in self.session.rows(q.ANSWER_TO, message_key=message_key)), None)

    # the whole ------------------------------------------------------------------------------------------------------

    def next_due(self) -> datetime | None:
        firsts = [self.session.rows(q.FIRST_SUBJECT), self.session.rows(q.FIRST_UNKNOWN)]
        firsts += [self.session.rows(q.FIRST_WAITING, priority=priority) for priority in self._priorities()]
        return min((first for ((first,),) in firsts if first is not None), default=None)

    def counts(self) -> dict[str, int]:
        whole = {name: self.session.rows(query)[0][0] for name, query in q.COUNTS.items()}
        return whole | {f"messages.{state}": count for state, count in sorted(self.session.rows(q.STATES))}

    def add_rules_text(self, rules: RulesText) -> None:
        self.session.write(q.ADD_RULES_TEXT, [(rules.since, rules.hash, rules.text)])

    def rules_texts(self) -> list[RulesText]:
        return [RulesText(*row) for row in self.session.rows(q.RULES_TEXTS)]

    def note(self, name: str) -> str:
        return next((value for (value,) in self.session.rows(q.NOTE, name=name)), "")

    def set_note(self, name: str, value: str) -> None:
        self.session.write(q.SET_NOTE, [(name, value)])


def _newness(known: dict[bytes, bytes], one: Event) -> Newness:
    content = known.get(one.name_digest)
    if content is None:
        known[one.name_digest] = one.content_digest
        return "new"
    return "duplicate" if content == one.content_digest else "conflict"


def _keys(questions: Iterable[Question]) -> list[bytes]:
    return list(dict.fromkeys(one.key for one in questions))
