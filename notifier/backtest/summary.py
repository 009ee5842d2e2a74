"""A backtest in numbers. A message counts once, however often it was held."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from notifier.core.local_time import rfc3339
from notifier.store.record import DecisionRow, Match

__all__ = ["KINDS", "SIDES", "Summary"]

#: Kinds of what is sent, which are counted apart.
KINDS = ("messages", "surveys", "staff")
_LONG = timedelta(days=2)
#: By what it is counted.
SIDES = ("rule", "channel", "language", "month", "day", "hour")


@dataclass(slots=True)
class Summary:
    """Months and hours are those on the clock of `zone`."""

    zone: tzinfo
    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    #: Decisions; a held message is a hold, and later a send or a drop.
    sends: int = 0
    holds: int = 0
    drops: int = 0
    customers: int = 0
    #: Times that were still to come when the clock stopped.
    armed: int = 0
    start: datetime | None = None
    end: datetime | None = None
    #: When the first and the last of the events happened, which is not when they arrived.
    earliest: datetime | None = None
    latest: datetime | None = None
    #: rule -> `send`, or a reason why not -> how many decisions.
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    #: What was sent: `channel` -> `sms` -> kind -> how many.
    sent_by: dict[str, dict[str, Counter[str]]] = field(default_factory=lambda: {side: {} for side in SIDES})
    #: Of all messages, how many of each kind.
    kinds: Counter[str] = field(default_factory=Counter)
    #: What became of messages that were held: `sent`, `dropped`; the rest still waits.
    after_hold: Counter[str] = field(default_factory=Counter)
    #: Messages by what held them first; by why they were dropped.
    held_because: Counter[str] = field(default_factory=Counter)
    dropped_because: Counter[str] = field(default_factory=Counter)
    #: Keys of the events that the catalogue does not know, and how often they came.
    ignored: dict[str, int] = field(default_factory=dict)
    #: Messages that are held.
    _held: set[bytes] = field(default_factory=set)
    _customers: set[str] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """Messages that were held when the clock stopped."""
        return len(self._held)

    def happened(self, at: datetime) -> None:
        """Take down when an event happened."""
        if self.earliest is None or at < self.earliest:
            self.earliest = at
        if self.latest is None or at > self.latest:
            self.latest = at

    @property
    def came_at_once(self) -> bool:
        """Whether the events arrived together that had happened over a long time: then nothing could be told in time."""
        if not (self.start and self.end and self.earliest and self.latest):
            return False
        return self.latest - self.earliest > _LONG and (self.latest - self.earliest) > 10 * (self.end - self.start)

    def note(self, match: Match, row: DecisionRow) -> None:
        """Count one decision."""
        counts = self.by_rule.setdefault(match.rule, Counter())
        if row.outcome == "hold":
            self.holds += 1
            counts[f"hold: {row.reason}"] += 1
            if match.key not in self._held:
                self._held.add(match.key)
                self.held_because[row.reason] += 1
            return
        if match.key in self._held:
            self._held.remove(match.key)
            self.after_hold["sent" if row.outcome == "send" else "dropped"] += 1
        if row.reason == "collected":
            return  # one message, counted with what it went with
        if row.outcome == "drop":
            self.drops += 1
            counts[f"drop: {row.reason}"] += 1
            self.dropped_because[row.reason] += 1
            return
        self.sends += 1
        counts["send"] += 1
        self._note_sent(match, row)

    def _note_sent(self, match: Match, row: DecisionRow) -> None:
        to_customer = match.recipient.startswith("customer:")
        kind = "staff" if not to_customer else "surveys" if row.template.startswith("survey:") else "messages"
        self.kinds[kind] += 1
        wall = row.at.astimezone(self.zone)
        names = (match.rule, row.channel, row.language, f"{wall:%Y-%m}", f"{wall:%Y-%m-%d}", f"{wall:%H}")
        for side, name in zip(SIDES, names, strict=True):
            self.sent_by[side].setdefault(name, Counter())[kind] += 1
        if to_customer:
            self._customers.add(match.recipient)
            self.customers = len(self._customers)

    def record(self) -> dict[str, Any]:
        """The summary as `--json` prints it."""
        return {
            "events": self.events, "duplicates": self.duplicates, "rejected": self.rejected, "send": self.sends,
            "hold": self.holds, "drop": self.drops, "customers": self.customers, "armed": self.armed,
            "from": rfc3339(self.start) if self.start else None, "until": rfc3339(self.end) if self.end else None,
            **{kind: self.kinds[kind] for kind in KINDS},
            "held_messages": {**{end: self.after_hold[end] for end in ("sent", "dropped")}, "waiting": self.waiting},
            "held_because": dict(self.held_because.most_common()),
            "dropped_because": dict(self.dropped_because.most_common()),
            "sent_by": {
                side: {name: {kind: counts[kind] for kind in KINDS} for name, counts in sorted(found.items())}
                for side, found in self.sent_by.items()
            },
            "rules": {rule: dict(counts.most_common()) for rule, counts in sorted(self.by_rule.items())},
            "ignored_fields": self.ignored,
        }  # fmt: skip
