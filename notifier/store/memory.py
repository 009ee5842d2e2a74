"""A store in this process, for backtests and rule tests.

A history may be long: subjects that were not touched lately lie frozen in a file, and the bodies of events are kept only
where asked for. A unit writes at once and notes how to take each step back, which costs little where units are small and many.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from heapq import nsmallest
from itertools import islice
from threading import RLock
from types import TracebackType
from typing import Any

from notifier.core.decide import Question
from notifier.core.event import Event
from notifier.core.policy import Mute
from notifier.core.subject import Aggregate, freeze, thaw
from notifier.store import Newness
from notifier.store.agenda import Agenda
from notifier.store.cellar import Cellar
from notifier.store.memory_shelf import MemoryShelf
from notifier.store.record import (
    Attempt,
    DecisionRow,
    Expiry,
    KeyTaken,
    Match,
    Outgoing,
    Quarantined,
    RulesText,
    State,
    Told,
)

__all__ = ["LIVE", "MemoryStore", "MemoryUnit"]

#: Subjects that are kept as they are; of the rest only where their frozen bytes lie.
LIVE = 4096

_WAITING = frozenset({"held", "pending"})
_IN_HAND = frozenset({"claimed", "posting"})


class MemoryStore:
    """Everything in this process, gone with it. One unit at a time: other threads wait, readers too."""

    def __init__(
        self, *, keep_events: bool = False, on_decision: Callable[[Match, DecisionRow], None] | None = None
    ) -> None:
        """`on_decision` is told of each decision, in order, as its unit commits."""
        self._unit = MemoryUnit(keep_events=keep_events, on_decision=on_decision)
        self._turn = RLock()

    def begin(self) -> AbstractContextManager[MemoryUnit]:
        return _Turn(self._turn, self._unit, writes=True)

    def read(self) -> AbstractContextManager[MemoryUnit]:
        return _Turn(self._turn, self._unit, writes=False)

    def keys(self, beginning: str) -> Iterator[str]:
        """The keys of all subjects, finished ones too, that begin so."""
        return (key for key in self._unit.known if key.startswith(beginning))

    def each_event(self) -> Iterator[Told]:
        """Nothing unless the store was made with `keep_events`."""
        return iter(self._unit.told)

    def expire(self, expiry: Expiry, now: datetime) -> Counter[str]:  # noqa: ARG002
        """Nothing: it is all gone with the process."""
        return Counter()

    def close(self) -> None:
        """Nothing is left open."""


class _Turn(AbstractContextManager["MemoryUnit"]):
    __slots__ = ("_turn", "_unit", "_writes")

    def __init__(self, turn: Any, unit: MemoryUnit, *, writes: bool) -> None:
        self._turn, self._unit, self._writes = turn, unit, writes

    def __enter__(self) -> MemoryUnit:
        self._turn.acquire()
        if self._unit.busy:
            self._turn.release()
            raise RuntimeError("this thread has a unit open already")
        self._unit.busy = True
        return self._unit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._writes:
            self._unit.commit()
        else:
            self._unit.roll_back()
        self._unit.busy = False
        self._turn.release()


class MemoryUnit(MemoryShelf):
    """What is kept, and how to take back what the unit that is open has written."""

    def __init__(self, *, keep_events: bool, on_decision: Callable[[Match, DecisionRow], None] | None) -> None:
        super().__init__()
        self.busy = False
        self._on_decision = on_decision
        self._undisclosed: list[DecisionRow] = []
        self.told: list[Told] = []
        self._keep_events = keep_events
        self._seen: dict[bytes, bytes] = {}
        self._told_of: dict[str, list[Told]] = {}
        self._quarantined: list[Quarantined] = []
        self._live: OrderedDict[str, Aggregate] = OrderedDict()
        #: Key -> where in the cellar it lies.
        self._frozen: dict[str, int] = {}
        self._cellar = Cellar()
        self._open: dict[str, bool] = {}
        self._armed: Agenda[str] = Agenda()
        self._refs: dict[tuple[str, str], list[str]] = {}
        self._matches: dict[bytes, Match] = {}
        self._matches_of: dict[str, list[Match]] = {}
        self._decisions: dict[bytes, list[DecisionRow]] = {}
        self._slots: dict[bytes, bytes] = {}
        self._uses: dict[bytes, list[tuple[datetime, bytes]]] = {}
        #: Message -> what it took: slots, and uses with their time.
        self._taken: dict[bytes, list[tuple[bytes, datetime | None]]] = {}
        self._messages: dict[bytes, Outgoing] = {}
        self._numbered: dict[int, bytes] = {}
        self._waiting: Agenda[bytes] = Agenda()
        self._unknown: Agenda[bytes] = Agenda()
        self._leases: Agenda[bytes] = Agenda()
        self._windows: dict[bytes, tuple[datetime, bytes]] = {}
        #: Message -> those that were ever collected into it.
        self._led: dict[bytes, dict[bytes, None]] = {}
        self._attempts: dict[bytes, dict[int, Attempt]] = {}
        self._bodies: dict[bytes, bytes] = {}
        #: Address digest -> reason, channel and when.
        self._suppressed: dict[bytes, tuple[str, str, datetime]] = {}
        self._mutes: dict[tuple[str, str], tuple[Mute, datetime]] = {}
        self._answers: dict[bytes, tuple[int, str, datetime]] = {}
        self._notes: dict[str, str] = {}
        self._rules_texts: list[RulesText] = []

    @property
    def known(self) -> Iterable[str]:
        """The key of each subject."""
        return self._open

    # the transaction ------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        self._steps_back.clear()
        if self._undisclosed and self._on_decision is not None:
            for row in self._undisclosed:
                self._on_decision(self._matches[row.match_key], row)
        self._undisclosed = []
        while len(self._live) > LIVE:
            key, one = self._live.popitem(last=False)
            if key not in self._frozen:
                self._frozen[key] = self._cellar.lay(freeze(one))

    def roll_back(self) -> None:
        for step, *values in reversed(self._steps_back):
            step(*values)
        self._undisclosed = []
        self.commit()

    # events ---------------------------------------------------------------------------------------------------------

    def newness(self, events: Sequence[Event]) -> list[Newness]:
        here: dict[bytes, bytes] = {}
        found: list[Newness] = []
        for one in events:
            content = self._seen.get(one.name_digest) or here.get(one.name_digest)
            if content is None:
                here[one.name_digest] = one.content_digest
                found.append("new")
            else:
                found.append("duplicate" if content == one.content_digest else "conflict")
        return found

    def append(self, events: Sequence[Event]) -> None:
        seen, steps_back = self._seen, self._steps_back
        for one in events:
            digest = one.name_digest
            if digest in seen:
                raise KeyTaken("this event is there already")
            seen[digest] = one.content_digest
            steps_back.append((seen.__delitem__, digest))
            if self._keep_events:
                told = Told(one.type, one.source, one.id, one.time, one.received, one.body)
                self._add(self.told, told)
                self._add(self._told_of.setdefault(one.subject_key, []), told)

    def quarantine(self, refused: Iterable[Quarantined]) -> None:
        for one in refused:
            self._add(self._quarantined, one)

    def quarantined(self, limit: int) -> list[Quarantined]:
        return self._quarantined[::-1][:limit]

    def events(self, subject_key: str) -> list[Told]:
        return sorted(self._told_of.get(subject_key, ()), key=lambda one: (one.time, one.source, one.id))

    # subjects -------------------------------------------------------------------------------------------------------

    def load(self, keys: Iterable[str]) -> dict[str, Aggregate]:
        live, found = self._live, {}
        for key in keys:
            one = live.get(key)
            if one is not None:
                live.move_to_end(key)
            elif key in self._frozen:
                live[key] = one = thaw(key, self._cellar.fetch(self._frozen[key]))
            found[key] = one or Aggregate(key)
        return found

    def save(self, aggregates: Iterable[Aggregate]) -> None:
        for one in aggregates:
            key = one.key
            self._set(self._live, key, one)
            self._live.move_to_end(key)
            if key in self._frozen:
                self._remove(self._frozen, key)
            self._date(self._armed, key, one.memory.next_due)
            is_open = not one.closed
            if self._open.get(key) != is_open:
                self._set(self._open, key, is_open)

    def linked(self, refs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        return {ref: sorted(self._refs[ref]) for ref in refs if self._refs.get(ref)}

    def link(self, rows: Iterable[tuple[str, str, str]]) -> None:
        for kind, ref, key in rows:
            known = self._refs.setdefault((kind, ref), [])
            if key not in known:
                self._add(known, key)

    def due_subjects(self, now: datetime, limit: int) -> list[str]:
        return self._armed.until(now, limit)

    def open_subjects(self, after: str, limit: int) -> list[str]:
        return nsmallest(limit, (key for key, is_open in self._open.items() if is_open and key > after))

    def each_subject(self, kind: str, *, closed: bool) -> Iterator[str]:
        start = f"{kind}:"
        yield from sorted(key for key, is_open in self._open.items() if key.startswith(start) and (closed or is_open))

    def subjects_of(self, customer_key: str) -> list[str]:
        found = self.load(key for key in self._open if key != customer_key)
        return sorted(key for key, one in found.items() if one.customer_key == customer_key)

    # decisions ------------------------------------------------------------------------------------------------------

    def known_matches(self, keys: Collection[bytes]) -> set[bytes]:
        return {key for key in keys if key in self._matches}

    def add_matches(self, matches: Iterable[Match]) -> None:
        for one in matches:
            self._set_once(self._matches, one.key, one, "match")
            self._add(self._matches_of.setdefault(one.subject_key, []), one)

    def match(self, key: bytes) -> Match | None:
        return self._matches.get(key)

    def add_decisions(self, rows: Iterable[DecisionRow]) -> None:
        for one in rows:
            self._add(self._decisions.setdefault(one.match_key, []), one)
            self._undisclosed.append(one)

    def answers(self, questions: Collection[Question]) -> dict[Question, Any]:
        return {one: self._answer(one) for one in questions}

    def _answer(self, question: Question) -> bool | str | float | datetime | list[datetime] | None:
        if question.kind == "slot":
            return question.key in self._slots
        if question.kind == "claims":
            return self.claims(question.key, question.since) if question.since else None
        if question.kind == "suppressed":
            return self._suppressed[question.key][0] if question.key in self._suppressed else ""
        if question.kind == "window":
            return self._windows[question.key][0] if question.key in self._windows else None
        uses = self._uses.get(question.key, [])
        start = bisect_left(uses, (question.since, b"")) if question.since else 0
        if question.kind == "count":
            return len(uses) - start
        return [at for at, _ in islice(uses, start, None)]

    def take_slots(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        for slot, message_key in rows:
            self._set_once(self._slots, slot, message_key, "slot")
            self._add(self._taken.setdefault(message_key, []), (slot, None))

    def add_uses(self, rows: Iterable[tuple[bytes, datetime, bytes]]) -> None:
        for key, at, message_key in rows:
            uses = self._uses.setdefault(key, [])
            insort(uses, (at, message_key))
            self._steps_back.append((uses.remove, (at, message_key)))
            self._add(self._taken.setdefault(message_key, []), (key, at))

    def free(self, message_keys: Collection[bytes]) -> None:
        for message_key in message_keys:
            self.release(message_key)
            if message_key not in self._taken:
                continue
            for key, at in self._taken[message_key]:
                if at is None:
                    self._remove(self._slots, key)
                else:
                    uses = self._uses[key]
                    uses.remove((at, message_key))
                    self._steps_back.append((insort, uses, (at, message_key)))
            self._remove(self._taken, message_key)

    def matches_of(self, subject_key: str) -> list[tuple[Match, list[DecisionRow]]]:
        matches = sorted(self._matches_of.get(subject_key, ()), key=lambda one: (one.at, one.rule))
        return [(one, list(self._decisions.get(one.key, ()))) for one in matches]

    def dropped(self, since: datetime, limit: int) -> list[tuple[Match, DecisionRow]]:
        rows = [
            (self._matches[one.match_key], one)
            for rows in self._decisions.values()
            for one in rows
            if one.outcome == "drop" and one.at >= since
        ]
        return sorted(rows, key=lambda pair: pair[1].at, reverse=True)[:limit]

    # messages -------------------------------------------------------------------------------------------------------

    def enqueue(self, messages: Iterable[Outgoing]) -> None:
        for one in messages:
            numbered = replace(one, number=len(self._numbered) + 1)
            self._set_once(self._messages, one.key, numbered, "message")
            self._set(self._numbered, numbered.number, one.key)
            self._follow(numbered)

    def put(self, messages: Iterable[Outgoing]) -> None:
        for one in messages:
            before = self._messages.get(one.key)
            if before is not None:
                kept = replace(one, number=before.number)
                self._set(self._messages, one.key, kept)
                self._follow(kept)

    def _follow(self, one: Outgoing) -> None:
        if one.state == "collected" and one.lead is not None:
            led = self._led.setdefault(one.lead, {})
            if one.key not in led:
                self._set(led, one.key, None)
        self._date(self._waiting, one.key, one.due_at if one.state in _WAITING else None)
        self._date(self._unknown, one.key, one.due_at if one.state == "unknown" else None)
        self._date(self._leases, one.key, one.lease_until if one.state in _IN_HAND else None)

    def claim(self, now: datetime, limit: int, token: str, lease_until: datetime) -> list[Outgoing]:
        due = [self._messages[key] for key in self._waiting.until(now)]
        due.sort(key=lambda one: (one.priority, one.due_at, one.number))
        claimed = [replace(one, state="claimed", token=token, lease_until=lease_until) for one in due[:limit]]
        self.put(claimed)
        return claimed

    def messages(self, keys: Collection[bytes]) -> dict[bytes, Outgoing]:
        return {key: self._messages[key] for key in keys if key in self._messages}

    def message_numbered(self, number: int) -> Outgoing | None:
        key = self._numbered.get(number)
        return None if key is None else self._messages[key]

    def expired_claims(self, real_now: datetime, limit: int) -> list[Outgoing]:
        return self._in_order(self._leases, real_now, limit)

    def unknown_messages(self, before: datetime, limit: int) -> list[Outgoing]:
        return self._in_order(self._unknown, before, limit)

    def _in_order(self, agenda: Agenda[bytes], now: datetime, limit: int) -> list[Outgoing]:
        found = [(agenda.due[key], self._messages[key]) for key in agenda.until(now)]
        return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].number))[:limit]]

    def wake(self, reason: str, now: datetime) -> int:
        waiting = (self._messages[key] for key in self._waiting.due)
        woken = [replace(one, due_at=now) for one in waiting if one.state == "held" and one.reason == reason]
        self.put(woken)
        return len(woken)

    def windows(self, keys: Collection[bytes]) -> dict[bytes, tuple[datetime, bytes]]:
        return {key: self._windows[key] for key in keys if key in self._windows}

    def open_windows(self, rows: Iterable[tuple[bytes, datetime, bytes]]) -> None:
        for key, ends_at, lead in rows:
            self._set(self._windows, key, (ends_at, lead))

    def members(self, lead: bytes) -> list[Outgoing]:
        led = (self._messages[key] for key in self._led.get(lead, ()))
        return sorted((one for one in led if one.state == "collected" and one.lead == lead), key=lambda one: one.number)

    def held_for(self, reason: str) -> dict[str, int]:
        waiting = (self._messages[key] for key in self._waiting.due)
        return dict(
            sorted(Counter(one.rule for one in waiting if one.state == "held" and one.reason == reason).items())
        )

    def find_messages(
        self, *, states: Collection[State] = (), subject_key: str = "", limit: int = 50, after: int = 0
    ) -> list[Outgoing]:
        newest = reversed(self._messages.values())
        wanted = (
            one
            for one in newest
            if (not after or one.number < after)
            and (not states or one.state in states)
            and (not subject_key or one.subject_key == subject_key)
        )
        return list(islice(wanted, limit))

    def start_attempts(self, attempts: Iterable[Attempt]) -> None:
        for one in attempts:
            self._set_once(self._attempts.setdefault(one.message_key, {}), one.no, one, "attempt")

    def end_attempt(self, attempt: Attempt) -> None:
        known = self._attempts.get(attempt.message_key, {})
        if attempt.no in known:
            self._set(known, attempt.no, attempt)

    def attempts(self, message_key: bytes) -> list[Attempt]:
        known = self._attempts.get(message_key, {})
        return [known[no] for no in sorted(known)]

    def keep_bodies(self, bodies: Iterable[tuple[bytes, bytes]]) -> None:
        for message_key, body in bodies:
            self._set(self._bodies, message_key, body)

    def bodies(self, message_keys: Collection[bytes]) -> dict[bytes, bytes]:
        return {key: self._bodies[key] for key in message_keys if key in self._bodies}

    # people and operators -------------------------------------------------------------------------------------------

    def suppress(self, digest: bytes, channel: str, reason: str, at: datetime) -> None:
        self._set(self._suppressed, digest, (reason, channel, at))

    def mutes(self) -> list[Mute]:
        return [replace(mute, at=at) for _, (mute, at) in sorted(self._mutes.items(), key=lambda one: one[0])]

    def add_mute(self, mute: Mute, at: datetime) -> None:
        self._set(self._mutes, (mute.kind, mute.scope), (mute, at))

    def lift_mute(self, kind: str, scope: str) -> bool:
        known = (kind, scope) in self._mutes
        if known:
            self._remove(self._mutes, (kind, scope))
        return known

    def answer(self, message_key: bytes, score: int, comment: str, at: datetime) -> None:
        self._set(self._answers, message_key, (score, comment, at))

    def answer_to(self, message_key: bytes) -> tuple[int, str, datetime] | None:
        return self._answers.get(message_key)

    # the whole ------------------------------------------------------------------------------------------------------

    def next_due(self) -> datetime | None:
        firsts = (self._armed.first(), self._waiting.first(), self._unknown.first())
        return min((first for first in firsts if first is not None), default=None)

    def counts(self) -> dict[str, int]:
        states = Counter(one.state for one in self._messages.values())
        return {
            "events": len(self._seen),
            "quarantined": len(self._quarantined),
            "subjects": len(self._open),
            "armed": len(self._armed.due),
            "matches": len(self._matches),
            **{f"messages.{state}": states[state] for state in sorted(states)},
        }

    def add_rules_text(self, rules: RulesText) -> None:
        self._add(self._rules_texts, rules)

    def rules_texts(self) -> list[RulesText]:
        return list(self._rules_texts)

    def note(self, name: str) -> str:
        return self._notes.get(name, "")

    def set_note(self, name: str, value: str) -> None:
        self._set(self._notes, name, value)
