"""What the gates must know of the past: the questions, and what a store and the batch itself answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from notifier.core.decide import Decision

__all__ = ["Answers", "Question"]


class Question(NamedTuple):
    """Something about the past. `kind`:

    `slot` is this `key` taken -> bool; `uses` when was this `key` used since `since` -> sorted instants; `count` how often
    was it used since then -> number; `window` when does the window end in which what has this key was last collected -> instant
    or None;
    `suppressed` why must this address digest (`key`) not be written to -> reason or empty;
    `claims` units of its article that come before the promise of this message (`key`), at `since` -> number, or None where
    nothing is promised by it.
    """

    kind: Literal["slot", "uses", "count", "window", "suppressed", "claims"]
    key: bytes
    since: datetime | None = None


class Answers:
    """The answers to a batch's questions, and what the batch has decided since."""

    def __init__(self, found: Mapping[Question, Any]) -> None:
        self._found = found
        self._slots: set[bytes] = set()
        self._uses: dict[bytes, list[datetime]] = {}
        self._windows: dict[bytes, datetime] = {}

    def taken(self, key: bytes) -> bool:
        return key in self._slots or bool(self._found.get(Question("slot", key)))

    def uses(self, key: bytes, since: datetime) -> list[datetime]:
        return [*self._found.get(Question("uses", key, since), ()), *self._uses.get(key, ())]

    def count(self, key: bytes, since: datetime) -> int:
        return int(self._found.get(Question("count", key, since), 0)) + len(self._uses.get(key, ()))

    def window(self, key: bytes, now: datetime) -> datetime | None:
        """When the window ends that is open now; None where there is none."""
        end: datetime | None = self._windows.get(key) or self._found.get(Question("window", key))
        return end if end is not None and end > now else None

    def suppressed(self, digest: bytes) -> str:
        return str(self._found.get(Question("suppressed", digest)) or "")

    def claims(self, key: bytes, now: datetime) -> float | None:
        found: float | None = self._found.get(Question("claims", key, now))
        return found

    def note(self, decision: Decision, now: datetime) -> None:
        """Count what was just decided, so that the rest of the batch sees it."""
        if decision.slot:
            self._slots.add(decision.slot)
        if decision.window:
            self._windows[decision.window] = decision.until
        for use in decision.uses:
            self._uses.setdefault(use, []).append(now)

    def note_sent(self, use: bytes, now: datetime) -> None:
        self._uses.setdefault(use, []).append(now)
