"""Who holds, waits for and was promised which article, in a database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Literal

from notifier.core.audience import Wish
from notifier.store import queries as q
from notifier.store.dialect import Session
from notifier.store.record import Promise

__all__ = ["SqlShelf"]

_promise_row = attrgetter(*q.all_but(Promise))
#: In the place of a message, for those who have ordered.
_ORDERED = b""
_HIGHEST = 2**63 - 1


class SqlShelf:
    """The part of a unit that speaks of articles."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def keep_lines(self, rows: Iterable[tuple[str, str, float]]) -> None:
        self.session.write(q.KEEP_LINE, rows)

    def drop_lines(self, rows: Iterable[tuple[str, str]]) -> None:
        self.session.write(q.DROP_LINE, rows)

    def forget_lines(self) -> None:
        self.session.change(q.FORGET_LINES)

    def orders_with(self, sku: str, after: str, limit: int, *, owed: bool) -> list[str]:
        query = q.ORDERS_OWED if owed else q.ORDERS_WITH
        return [key for (key,) in self.session.rows(query, sku=sku, after=after, most=limit)]

    # the queue ------------------------------------------------------------------------------------------------------

    def join_queue(self, wishes: Iterable[Wish]) -> None:
        for wish in wishes:
            self.session.change(q.TAKE_BACK, of=wish.sku, who=wish.customer_key)
            self.session.write(q.JOIN_QUEUE, [(*wish, None, "", 0)])

    def leave_queue(self, rows: Iterable[tuple[str, str]], now: datetime) -> None:
        for sku, customer_key in rows:
            self._end_promises(sku, customer_key, now)
            self.session.change(q.LEAVE_QUEUE, of=sku, who=customer_key)

    def end_wait(self, sku: str, customer_key: str, placed: datetime, now: datetime) -> None:
        self.session.change(q.ORDERED, of=sku, who=customer_key, placed=placed, ordered=_ORDERED)
        self._end_promises(sku, customer_key, now)

    def _end_promises(self, sku: str, customer_key: str, now: datetime) -> None:
        self.session.change(q.TAKE_BACK, of=sku, who=customer_key)
        self.session.change(q.END_PROMISES, of=sku, who=customer_key, at=now, lapses=now)

    def queue(self, sku: str, run: str, at_most: float, limit: int) -> list[tuple[Wish, int]]:
        rows = self.session.rows(q.QUEUE, sku=sku, run=run, most_units=at_most, most=limit)
        return [(Wish(*wish), tries) for *wish, tries in rows]

    def anybody_waits(self, sku: str, run: str) -> bool:
        return bool(self.queue(sku, run, float("inf"), 1)) or self._reserved(sku, _HIGHEST) > 0

    def pass_over(self, sku: str, customer_key: str, run: str) -> None:
        self.session.change(q.PASS_OVER, of=sku, who=customer_key, run=run)

    def wishes_of(self, customer_key: str) -> list[tuple[Wish, Literal["waits", "promised", "ordered"]]]:
        rows = self.session.rows(q.WISHES_OF, customer_key=customer_key)
        return [
            (Wish(*wish), "waits" if key is None else "promised" if key != _ORDERED else "ordered")
            for *wish, key in rows
        ]

    def waiting_count(self, sku: str) -> int:
        return int(self.session.rows(q.QUEUE_LENGTH, sku=sku)[0][0])

    # promises -------------------------------------------------------------------------------------------------------

    def promise(self, promises: Iterable[Promise]) -> None:
        made = list(promises)
        self.session.write(q.ADD_PROMISE, map(_promise_row, made))
        for one in made:
            self.session.change(q.SERVE, of=one.sku, who=one.customer_key, by=one.entry, promised_by=one.key)

    def keep_until(self, message_key: bytes, until: datetime) -> None:
        self.session.change(q.KEEP_UNTIL, of=message_key, lapses=until)

    def spoken_for(self, sku: str, now: datetime) -> float:
        return self._owed(sku) + self._reserved(sku, _HIGHEST) + self._kept(sku, now, _ORDERED)

    def claims(self, message_key: bytes, now: datetime) -> float | None:
        """As `answers` has it."""
        for number, sku in self.session.rows(q.PROMISE, key=message_key):
            return self._owed(sku) + self._reserved(sku, number) + self._kept(sku, now, message_key)
        return None

    def _owed(self, sku: str) -> float:
        return float(self.session.rows(q.OWED_OF, sku=sku)[0][0])

    def _reserved(self, sku: str, before: int) -> float:
        return float(self.session.rows(q.RESERVED, sku=sku, before=before)[0][0])

    def _kept(self, sku: str, now: datetime, but: bytes) -> float:
        return float(self.session.rows(q.KEPT, sku=sku, now=now, but=but)[0][0])

    def next_lapse(self, sku: str, now: datetime) -> datetime | None:
        found: datetime | None = self.session.rows(q.NEXT_LAPSE, sku=sku, now=now)[0][0]
        return found

    def promises(self, *, sku: str = "", customer_key: str = "", limit: int = 100) -> list[Promise]:
        if sku:
            return [Promise(*row) for row in self.session.rows(q.PROMISES_OF, sku=sku, most=limit)]
        return [Promise(*row) for row in self.session.rows(q.PROMISES_TO, customer_key=customer_key, most=limit)]
