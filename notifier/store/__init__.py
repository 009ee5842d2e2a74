"""The seam to storage: what ingest, dispatch and the commands ask of a store.

`SqlStore` keeps everything in SQLite (and later PostgreSQL), `MemoryStore` in this process, for backtests and rule
tests. Both pass the contract suite `notifier.testing.store_contract`. Nothing outside this package knows SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

from notifier.core.audience import Wish
from notifier.core.decide import Question
from notifier.core.event import Event
from notifier.core.policy import Mute
from notifier.core.subject import Aggregate
from notifier.store.record import (
    Attempt,
    DecisionRow,
    Expiry,
    Match,
    Outgoing,
    Promise,
    Quarantined,
    RulesText,
    State,
    Told,
)

__all__ = ["Newness", "Store", "Unit"]

#: `conflict`: the same source and id with another content.
Newness = Literal["new", "duplicate", "conflict"]


class Unit(Protocol):
    """One transaction. Everything asked of it is seen as of its start plus what it wrote itself."""

    # events ---------------------------------------------------------------------------------------------------------

    def newness(self, events: Sequence[Event]) -> list[Newness]:
        """For each event, in order, whether it was seen before: earlier in this very sequence counts."""
        ...

    def append(self, events: Sequence[Event]) -> None:
        """Keep new events: their digests (unique) and their bodies, under `Event.subject_key`."""
        ...

    def quarantine(self, refused: Iterable[Quarantined]) -> None: ...

    def quarantined(self, limit: int) -> list[Quarantined]:
        """The events that were refused last, the newest first."""
        ...

    def events(self, subject_key: str) -> list[Told]:
        """A subject's events, oldest first by (time, source, id)."""
        ...

    # subjects -------------------------------------------------------------------------------------------------------

    def load(self, keys: Iterable[str]) -> dict[str, Aggregate]:
        """The subjects under these keys; an unknown one comes back fresh, never missing."""
        ...

    def save(self, aggregates: Iterable[Aggregate]) -> None:
        """Write whole subjects, with `memory.next_due`, `customer_key` and `closed` beside them to find them by."""
        ...

    def linked(self, refs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        """Subjects known under references (`("tracking", "ZX1")`): keys, sorted; a reference nobody has is left out."""
        ...

    def link(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Remember (kind, reference, subject key); known ones are left alone."""
        ...

    def due_subjects(self, now: datetime, limit: int) -> list[str]:
        """Keys of subjects with an armed time at or before `now`, by (due, key)."""
        ...

    def open_subjects(self, after: str, limit: int) -> list[str]:
        """Keys of subjects of any kind that are not closed, in order, past `after`: to page through all of them."""
        ...

    def each_subject(self, kind: str, *, closed: bool) -> Iterator[str]:
        """The keys of all subjects of a kind, in order, without holding them all; those that are closed only if asked for."""
        ...

    def subjects_of(self, customer_key: str) -> list[str]:
        """Keys of what belongs to this customer, sorted. Looks at every subject: for people who ask, not for the engine."""
        ...

    # articles -------------------------------------------------------------------------------------------------------

    def keep_lines(self, rows: Iterable[tuple[str, str, float]]) -> None:
        """(SKU, order key, units that are owed): what open orders hold. One that is there is replaced."""
        ...

    def drop_lines(self, rows: Iterable[tuple[str, str]]) -> None:
        """(SKU, order key) of what orders no longer hold."""
        ...

    def forget_lines(self) -> None:
        """Drop them all."""
        ...

    def orders_with(self, sku: str, after: str, limit: int, *, owed: bool) -> list[str]:
        """Keys of orders that hold an article, in order, past `after`; with `owed` those to which units are owed."""
        ...

    def join_queue(self, wishes: Iterable[Wish]) -> None:
        """Let people wait. Who waits for the article already waits anew; what was promised and has not left is no more."""
        ...

    def leave_queue(self, rows: Iterable[tuple[str, str]], now: datetime) -> None:
        """(SKU, customer key) of those who no longer wait; what was promised to them ends."""
        ...

    def end_wait(self, sku: str, customer_key: str, placed: datetime, now: datetime) -> None:
        """They have ordered it: what was promised to them ends, and who had asked before that no longer waits."""
        ...

    def queue(self, sku: str, run: str, at_most: float, limit: int) -> list[tuple[Wish, int]]:
        """The first who wait for the article, for no more units than `at_most`, and how often each was promised some before.

        Without those to whom units are promised, and those whom this run has passed over. By (joined, entry, customer).
        """
        ...

    def anybody_waits(self, sku: str, run: str) -> bool:
        """Whether anybody is left whom this run may yet reach, those included whose message has not left."""
        ...

    def pass_over(self, sku: str, customer_key: str, run: str) -> None:
        """This run is not to reach them."""
        ...

    def promise(self, promises: Iterable[Promise]) -> None:
        """Keep new promises, one a message; who is promised something does not wait. `free` takes them back."""
        ...

    def keep_until(self, message_key: bytes, until: datetime) -> None: ...

    def spoken_for(self, sku: str, now: datetime) -> float:
        """Units that open orders wait for, and that are promised: by messages that have not left, or until after `now`."""
        ...

    def next_lapse(self, sku: str, now: datetime) -> datetime | None:
        """When the first of the promises that hold after `now` lapses."""
        ...

    def wishes_of(self, customer_key: str) -> list[tuple[Wish, Literal["waits", "promised", "ordered"]]]:
        """What they have asked for, by SKU, and what became of it."""
        ...

    def promises(self, *, sku: str = "", customer_key: str = "", limit: int = 100) -> list[Promise]:
        """Those of an article, the last to lapse first and then what has not left; or those to a customer, the latest first."""
        ...

    def waiting_count(self, sku: str) -> int:
        """How many wait for the article, those to whom it is promised not among them."""
        ...

    # decisions ------------------------------------------------------------------------------------------------------

    def known_matches(self, keys: Collection[bytes]) -> set[bytes]: ...

    def add_matches(self, matches: Iterable[Match]) -> None:
        """Keep new matches. The key is unique in the database as well."""
        ...

    def match(self, key: bytes) -> Match | None: ...

    def add_decisions(self, rows: Iterable[DecisionRow]) -> None: ...

    def answers(self, questions: Collection[Question]) -> dict[Question, Any]:
        """`slot` -> bool; `uses` -> instants at or after `since`, sorted; `count` -> how many those are; `window` -> the
        end of the last one, or None; `suppressed` -> reason or empty; `claims` -> None where the message promises nothing, else units that come before it: what open orders
        wait for, what is promised until after `since`, and what earlier messages promise that have not left.
        """
        ...

    def take_slots(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """(slot key, message key): the slot key is unique in the database."""
        ...

    def add_uses(self, rows: Iterable[tuple[bytes, datetime, bytes]]) -> None:
        """(use key, at, message key)."""
        ...

    def free(self, message_keys: Collection[bytes]) -> None:
        """Give back slots, uses and promises of messages that were dropped."""
        ...

    def matches_of(self, subject_key: str) -> list[tuple[Match, list[DecisionRow]]]:
        """A subject's matches by (at, rule), each with its decisions in order."""
        ...

    def dropped(self, since: datetime, limit: int) -> list[tuple[Match, DecisionRow]]:
        """Decisions at or after `since` not to send, the newest first. Looks at all that is kept: for people who ask."""
        ...

    # messages -------------------------------------------------------------------------------------------------------

    def enqueue(self, messages: Iterable[Outgoing]) -> None: ...

    def claim(self, now: datetime, limit: int, token: str, lease_until: datetime) -> list[Outgoing]:
        """Take up to `limit` held or pending messages due at or before `now`, by (priority, due_at, number)."""
        ...

    def messages(self, keys: Collection[bytes]) -> dict[bytes, Outgoing]: ...

    def message_numbered(self, number: int) -> Outgoing | None: ...

    def put(self, messages: Iterable[Outgoing]) -> None:
        """Write messages back whole, by key."""
        ...

    def expired_claims(self, real_now: datetime, limit: int) -> list[Outgoing]:
        """Claimed or posting messages whose lease is over."""
        ...

    def unknown_messages(self, before: datetime, limit: int) -> list[Outgoing]:
        """Messages in `unknown` whose `due_at` (the end of their grace) is at or before `before`."""
        ...

    def wake(self, reason: str, now: datetime) -> int:
        """Make every message held for `reason` due at `now`; how many."""
        ...

    def windows(self, keys: Collection[bytes]) -> Mapping[bytes, tuple[datetime, bytes]]:
        """Of each window that was ever opened under one of these keys the last: its end, and the message that opened it."""
        ...

    def open_windows(self, rows: Iterable[tuple[bytes, datetime, bytes]]) -> None:
        """(key, end, message key)."""
        ...

    def members(self, lead: bytes) -> list[Outgoing]:
        """The messages in `collected` that go as a part of this one, by number; not this one itself."""
        ...

    def held_for(self, reason: str) -> Mapping[str, int]:
        """Rule -> how many of its messages are held for `reason`; rules without any are left out."""
        ...

    def find_messages(
        self, *, states: Collection[State] = (), subject_key: str = "", limit: int = 50, after: int = 0
    ) -> list[Outgoing]:
        """Newest first; all states where none is given; numbers below `after` where it is given, to page."""
        ...

    def start_attempts(self, attempts: Iterable[Attempt]) -> None: ...

    def end_attempt(self, attempt: Attempt) -> None: ...

    def attempts(self, message_key: bytes) -> list[Attempt]: ...

    def keep_bodies(self, bodies: Iterable[tuple[bytes, bytes]]) -> None:
        """(message key, rendered message as bytes), kept compressed; one that is there is replaced."""
        ...

    def bodies(self, message_keys: Collection[bytes]) -> dict[bytes, bytes]: ...

    # people and operators -------------------------------------------------------------------------------------------

    def suppress(self, digest: bytes, channel: str, reason: str, at: datetime) -> None: ...

    def mutes(self) -> list[Mute]: ...

    def add_mute(self, mute: Mute, at: datetime) -> None: ...

    def lift_mute(self, kind: str, scope: str) -> bool: ...

    def answer(self, message_key: bytes, score: int, comment: str, at: datetime) -> None:
        """Keep the answer to a survey; the last one stands."""
        ...

    def answer_to(self, message_key: bytes) -> tuple[int, str, datetime] | None: ...

    # the whole ------------------------------------------------------------------------------------------------------

    def next_due(self) -> datetime | None:
        """The earliest instant at which a subject, or a held, pending or unknown message, has something to do."""
        ...

    def counts(self) -> Mapping[str, int]:
        """`events`, `quarantined`, `subjects`, `armed`, `matches`, and `messages.STATE` for each state there is."""
        ...

    def add_rules_text(self, rules: RulesText) -> None:
        """Keep the text of rules that come into force."""
        ...

    def rules_texts(self) -> list[RulesText]:
        """All that were ever in force, as they were kept."""
        ...

    def note(self, name: str) -> str:
        """A small fact that the engine keeps about itself (`rulebook`); empty where it was never set."""
        ...

    def set_note(self, name: str, value: str) -> None: ...


class Store(Protocol):
    """Where a project's state lives."""

    def begin(self) -> AbstractContextManager[Unit]:
        """A transaction that may write: commits at the end of the block, rolls back whole on an exception."""
        ...

    def read(self) -> AbstractContextManager[Unit]:
        """A transaction that only reads, beside the writer."""
        ...

    def expire(self, expiry: Expiry, now: datetime) -> Counter[str]:
        """Delete what is older, in transactions of a page each; how much of each kind that was."""
        ...

    def each_event(self) -> Iterator[Told]:
        """Every event that is kept, by arrival, without holding them all."""
        ...

    def close(self) -> None: ...
