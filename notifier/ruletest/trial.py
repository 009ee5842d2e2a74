"""One test, run: the engine itself on a store in memory and a clock of its own, with every message really written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notifier.core.message import Message
from notifier.core.rule import Book, Timed
from notifier.core.subject import SHOP
from notifier.explain import Explanation, explain
from notifier.ingest import absorb, arm_shop, rearm_page
from notifier.ruletest.case import Case, Suite
from notifier.ruletest.witness import Asked, Notebook, watched
from notifier.simulation import Simulation
from notifier.store.memory import MemoryStore
from notifier.store.record import DecisionRow, Match
from notifier.writing import thaw

__all__ = ["Actual", "Stand", "Trial"]


@dataclass(frozen=True, slots=True)
class Actual:
    """A decision that came."""

    match: Match
    row: DecisionRow
    #: What was written, of what was sent.
    message: Message | None = None

    @property
    def said(self) -> dict[str, Any]:
        """Under the names that a test has for it."""
        match, row = self.match, self.row
        return {
            "at": row.at, "rule": match.rule, "outcome": row.outcome, "reason": row.reason or None, "until": row.until,
            "about": match.subject_key, "to": match.recipient or None, "channel": row.channel or None,
            "template": row.template, "locale": row.language or None,
        }  # fmt: skip

    @property
    def subject(self) -> str:
        return self.message.subject if self.message else ""

    @property
    def text(self) -> str:
        """All that the person reads."""
        return f"{self.message.subject}\n{self.message.text}" if self.message else ""


@dataclass(frozen=True)
class Trial:
    """What came of a test."""

    suite: Suite
    case: Case
    decisions: tuple[Actual, ...]
    #: What conditions were asked, and what they found.
    asked: tuple[Asked, ...]
    store: MemoryStore

    def explanations(self, kind: str) -> Iterator[Explanation]:
        """How it stands, at the end, with each subject of this kind that the test speaks of."""
        told = [part.key for event in (*self.case.given, *self.case.timeline) for part in event.parts]
        with self.store.read() as unit:
            for key in dict.fromkeys(one for one in (*told, SHOP) if one.partition(":")[0] == kind):
                explained = explain(self.suite.project, unit, key, self.case.until)
                if explained is not None:
                    yield explained


class Stand:
    """Where the tests of one suite are run: its rules, watched."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._notebook = Notebook()
        book = watched(suite.project.book.rules, self._notebook)
        self._project = replace(suite.project, book=book)
        self._opening = replace(suite.project, book=_of_times(suite.project.book))

    def run(self, case: Case) -> Trial:
        rows: list[tuple[Match, DecisionRow]] = []
        self._notebook.asked = []

        def note(match: Match, row: DecisionRow) -> None:
            if row.reason != "collected":  # it is told by the message that it went with
                rows.append((match, row))

        store = MemoryStore(keep_events=True, on_decision=note)
        with store.begin() as unit:
            # What is given arms times and sets nothing off; what is so already does not become so.
            absorb(self._opening, unit, case.given, case.start)
            rearm_page(self._suite.project, unit, case.start, "")
            arm_shop(self._suite.project, unit, case.start, case.rules)
        simulation = Simulation(self._project, store, render=True)
        simulation.arrive(case.timeline)
        simulation.run_until(case.until)
        with store.read() as unit:
            for refused in unit.quarantined(1):
                # It would otherwise be a test in which something never happened.
                raise RuntimeError(f"{case.place.file}:{case.place.line}: an event {refused.reason}")
        return Trial(self._suite, case, tuple(_actual(store, rows)), tuple(self._notebook.asked), store)


def _of_times(book: Book) -> Book:
    """The rules that wait for a time, none of which goes off for one that is past."""
    return Book.of(replace(one, send_if_already_past=False) for one in book.rules if isinstance(one.trigger, Timed))


def _actual(store: MemoryStore, rows: Sequence[tuple[Match, DecisionRow]]) -> Iterator[Actual]:
    with store.read() as unit:
        bodies = unit.bodies([match.key for match, row in rows if row.outcome == "send"])
    for match, row in rows:
        body = bodies.get(match.key) if row.outcome == "send" else None
        yield Actual(match, row, thaw(body) if body else None)
